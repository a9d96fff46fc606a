"""Signing in, and the first administrator."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bootwave.control.api import passwords
from bootwave.control.api.admission import COOKIE
from bootwave.limits import API_GUESSES
from bootwave.store.access import sessions
from bootwave.store.access.passwordhashes import Hashed
from tests.control.api.conftest import PASSWORD, Served, problem

PATH = "/api/v1/session"


@pytest.fixture
def anna(api: Served) -> httpx.Client:
    api.call("admin.add", name="anna", password=PASSWORD)
    return api.signed_in("Anna ")


def test_a_session_is_opened_shown_and_closed(api: Served, anna: httpx.Client) -> None:
    who = anna.get(PATH).json()
    assert who["actor"] == "admin:anna"
    assert who["may"] == ["read", "write", "reveal", "tokens", "access"]
    assert (who["everywhere"], who["domains"], who["confirmed"]) == (True, [], True)
    assert 0 < who["seconds_left"] <= 12 * 3600
    assert who["csrf_token"] == anna.headers["X-Bootwave-Csrf"]
    assert anna.delete(PATH).status_code == 204
    assert problem(anna.get(PATH)) == "signed-out"
    actions = [row["action"] for row in api.notes(subject="anna")]
    assert actions == ["session.closed", "session.opened", "administrator.added"]


def test_the_cookie_is_for_this_server_and_no_script(api: Served) -> None:
    api.call("admin.add", name="anna", password=PASSWORD)
    answer = api.client().post(PATH, json={"name": "anna", "password": PASSWORD})
    name, *parts = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{COOKIE}=bws_")
    # Without TLS it cannot be Secure: browsers would not send it.
    assert set(map(str.lower, parts)) == {"httponly", "samesite=strict", "path=/"}


def test_unknown_names_and_wrong_passwords_look_the_same(
    api: Served, anna: httpx.Client
) -> None:
    client = api.client()
    wrong = client.post(PATH, json={"name": "anna", "password": "x" * 20})
    unknown = client.post(PATH, json={"name": "otto", "password": "x" * 20})
    assert (wrong.status_code, wrong.content) == (401, unknown.content)
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_guessing_is_slowed_and_locks_nobody_out(
    api: Served, anna: httpx.Client
) -> None:
    client = api.client()
    kinds = []
    for _ in range(14):
        answer = client.post(PATH, json={"name": "otto", "password": "x" * 20})
        kinds.append(problem(answer))
    assert kinds[0] == "signed-out"
    assert kinds[-1] == "too-many"
    assert int(answer.headers["retry-after"]) > 0
    # She signed in from here before, and did nothing wrong herself.
    assert api.signed_in("anna").get(PATH).status_code == 200


def test_guesses_at_the_same_time_are_bounded_as_those_one_by_one(
    api: Served, anna: httpx.Client
) -> None:
    def guess(number: int) -> str:
        wrong = {"name": f"name{number}", "password": "x" * 20}
        return problem(httpx.post(f"{api.url}{PATH}", json=wrong, timeout=30))

    with ThreadPoolExecutor(16) as together:
        kinds = [*together.map(guess, range(48))]
    assert kinds.count("signed-out") == API_GUESSES
    assert set(kinds) == {"signed-out", "too-many"}


def test_a_session_ends_with_its_password_and_administrator(
    api: Served, anna: httpx.Client
) -> None:
    other = "another good password"
    renewal = {"password": "wrong wrong wrong", "new_password": other}
    assert problem(anna.put(f"{PATH}/password", json=renewal)) == "signed-out"
    renewal["password"] = PASSWORD
    weak = {**renewal, "new_password": "short"}
    assert problem(anna.put(f"{PATH}/password", json=weak)) == "invalid"
    assert anna.put(f"{PATH}/password", json=renewal).status_code == 204
    assert problem(anna.get(PATH)) == "signed-out"
    again = api.signed_in("anna", other)
    api.call("admin.remove", name="anna")
    assert problem(again.get(PATH)) == "signed-out"


def test_secrets_are_revealed_to_who_gave_his_password_lately(
    api: Served, anna: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.call("token.make", domain="a.example.com")
    path = "/api/v1/domains/a.example.com/url-token"
    assert anna.get(path).status_code == 200
    # As if it were ten minutes later.
    monkeypatch.setattr(sessions, "CONFIRMED_SECONDS", 0.0)
    assert problem(anna.get(path)) == "confirmation-required"
    new = {"name": "x", "scopes": ["read"]}
    assert problem(anna.post("/api/v1/tokens", json=new)) == "confirmation-required"
    wrong = anna.post(f"{PATH}/confirmation", json={"password": "x" * 20})
    assert problem(wrong) == "signed-out"
    right = anna.post(f"{PATH}/confirmation", json={"password": PASSWORD})
    assert right.status_code == 204
    monkeypatch.undo()
    assert anna.get(path).json()["token"]
    actions = [row["action"] for row in api.notes(actor="admin:anna")]
    assert actions == [
        "token.shown",
        "session.confirmed",
        "token.shown",
        "session.opened",
    ]


def test_a_set_up_token_makes_one_operator(api: Served) -> None:
    token = api.call("admin.link")["token"]
    client = api.client()
    path = "/api/v1/setup"
    short = {"token": token, "name": "anna", "password": "short"}
    assert problem(client.post(path, json=short)) == "invalid"
    good = {"token": token, "name": "anna", "password": PASSWORD}
    made = client.post(path, json=good)
    assert (made.status_code, made.json()) == (
        201,
        {"name": "anna", "role": "operator", "domains": []},
    )
    again = client.post(path, json={**good, "name": "otto"})
    assert problem(again) == "not-found"
    assert api.signed_in("anna").get(PATH).status_code == 200


def test_a_set_up_token_that_was_replaced_is_good_no_more(api: Served) -> None:
    old = api.call("admin.link")["token"]
    new = api.call("admin.link")["token"]
    client = api.client()
    wanted = {"name": "anna", "password": PASSWORD}
    kinds = [
        client.post("/api/v1/setup", json={"token": token, **wanted}).status_code
        for token in (old, new)
    ]
    assert kinds == [404, 201]


def test_a_token_has_no_session(api: Served) -> None:
    client = api.token("read")
    who = client.get(PATH).json()
    assert (who["actor"], who["may"]) == ("token:t0", ["read"])
    assert (who["seconds_left"], who["csrf_token"]) == (None, "")
    assert problem(client.delete(PATH)) == "forbidden"


def test_who_was_given_another_password_meanwhile_keeps_that(
    api: Served, anna: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed, reset = passwords.Passwords.hashed, "another good password"

    async def slow(self: passwords.Passwords, password: str, name: str) -> Hashed:
        found = await hashed(self, password, name)
        await api.plane.call("admin.password", {"name": name, "password": reset})
        return found

    monkeypatch.setattr(passwords.Passwords, "hashed", slow)
    renewal = {"password": PASSWORD, "new_password": "one that was overtaken"}
    refused = anna.put(f"{PATH}/password", json=renewal)
    assert problem(refused) == "signed-out"
    monkeypatch.undo()
    assert api.signed_in("anna", reset).get(PATH).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, {"name": "anna", "password": PASSWORD}),
        ("/api/v1/setup", {"token": "", "name": "otto", "password": PASSWORD}),
    ],
)
def test_what_is_not_heeded_is_refused_before_anybody_is_known(
    api: Served, anna: httpx.Client, path: str, body: dict[str, str]
) -> None:
    token = api.call("admin.link")["token"]
    asked = {**body, "token": token} if "token" in body else body
    client = api.client()
    tried = client.post(path, json=asked, params={"dry_run": "true"})
    assert problem(tried) == "invalid"
    assert "set-cookie" not in tried.headers
    zipped = {"Content-Encoding": "gzip"}
    assert problem(client.post(path, json=asked, headers=zipped)) == "encoded"
    assert client.post(path, json=asked).status_code == 201


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/setup"])
def test_of_somebody_unknown_little_is_read(api: Served, path: str) -> None:
    body = {"name": "anna", "password": "x" * 20_000}
    assert problem(api.client().post(path, json=body)) == "too-large"
    longest = {"name": "anna", "token": "x", "password": "\U0001f600" * 256}
    assert problem(api.client().post(path, json=longest)) != "too-large"
