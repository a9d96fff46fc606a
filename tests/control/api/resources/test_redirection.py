"""Redirection over HTTP, against a service that stands for the vendor's."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from bootwave.control import redirections
from bootwave.options import Options, RedirectionOptions
from tests.control.api.conftest import MAC, A, B, Served, problem
from tests.peers.redirectionservice import Service

PATH = "/api/v1/redirection"
BASE = "https://pbx.example.com"
ACCOUNT = {"user": "reseller", "password": "swordfish", "url": BASE}
PATIENCE = 30.0
OTHERS = [f"{0x000413260000 + number:012X}" for number in range(3)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def options(
    options: Options, service: Service, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Options]:
    monkeypatch.setattr(redirections, "IDLE_SECONDS", 0.05)
    how = RedirectionOptions(
        service=service.url, cas=(service.ca,), calls_per_second=1000, timeout_seconds=2
    )
    yield options.model_copy(update={"redirection": how})
    service.take(*service.steer()["entries"])


def until(look: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
    """Return what *look* returns once it meets *condition*."""
    deadline = time.monotonic() + PATIENCE
    while not condition(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


@pytest.fixture
def shown(admin: httpx.Client) -> Callable[[Callable[[Any], bool]], Any]:
    return partial(until, lambda: admin.get(PATH).json())


def test_phones_are_redirected_once_the_account_is_set(
    api: Served,
    admin: httpx.Client,
    service: Service,
    shown: Callable[[Callable[[Any], bool]], Any],
) -> None:
    assert problem(admin.get(PATH)) == "not-found"
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    changed = admin.patch(PATH, json=ACCOUNT)
    assert changed.status_code == 200, changed.text
    shown(lambda one: one["listed"] and one["phones"]["registered"] == 1)
    assert MAC in service.steer()["entries"]
    phone = admin.get(f"{PATH}/phones/{MAC}").json()
    assert (phone["state"], phone["url"]) == ("registered", BASE + "/{mac}.xml")
    found = admin.post(f"{PATH}/sync", params={"dry_run": True}).json()
    assert found["right"] == {"count": 1, "macs": [MAC]}
    assert admin.post(f"{PATH}/sync").json()["user"] == "reseller"
    assert admin.patch(PATH, json={"url": BASE + "/x"}).json()["url"] == BASE + "/x"
    assert admin.delete(PATH).json() == {"phones": 1}
    assert problem(admin.get(PATH)) == "not-found"


def test_the_url_is_that_of_the_options_if_none_is_given(
    serving: Callable[[Options], Served], options: Options
) -> None:
    https = options.https.model_copy(update={"url": "https://settings.example.com"})
    served = serving(options.model_copy(update={"https": https}))
    admin = served.token("read", "write")
    without = {"user": "reseller", "password": "swordfish"}
    assert admin.patch(PATH, json=without).json()["url"] == https.url
    assert admin.patch(PATH, json={"url": BASE}).json()["url"] == BASE
    # Once it is set, it stays.
    assert admin.patch(PATH, json=without).json()["url"] == BASE


def test_the_password_is_in_no_answer(admin: httpx.Client, api: Served) -> None:
    answers = [
        admin.patch(PATH, json=ACCOUNT),
        admin.patch(PATH, json={**ACCOUNT, "password": "swordfish\n"}),
        admin.patch(PATH, json={**ACCOUNT, "user": ["swordfish"]}),
        admin.get(PATH),
        admin.get("/api/v1/audit"),
        admin.get(f"{PATH}/phones/{MAC}"),
        admin.post(f"{PATH}/sync"),
    ]
    for answer in answers:
        assert "swordfish" not in answer.text
    assert [answer.status_code for answer in answers[1:3]] == [422, 422]


def test_a_service_that_does_not_accept_the_account_is_told(
    admin: httpx.Client,
) -> None:
    admin.patch(PATH, json={**ACCOUNT, "password": "wrong"})
    answer = admin.post(f"{PATH}/sync", params={"dry_run": True})
    assert (answer.status_code, problem(answer)) == (409, "service-refuses")
    assert "wrong" not in answer.text


def test_who_sets_the_account_hears_that_it_was_changed_meanwhile(
    admin: httpx.Client,
) -> None:
    there = {"If-Match": "*"}
    assert problem(admin.patch(PATH, json=ACCOUNT, headers=there)) == (
        "precondition-failed"
    )
    admin.patch(PATH, json={**ACCOUNT, "password": "wrong"})
    seen = admin.get(PATH)
    same = {"If-Match": seen.headers["etag"]}
    # How it goes is told each time, and is no other account.
    admin.post(f"{PATH}/sync")
    again = admin.get(PATH, headers={"If-None-Match": seen.headers["etag"]})
    assert again.status_code == 200
    assert again.headers["etag"] == seen.headers["etag"]
    password = {"password": "swordfish"}
    assert admin.patch(PATH, json=password, headers=same).status_code == 200
    for late in (
        admin.patch(PATH, json=password, headers=same),
        admin.delete(PATH, headers=same),
    ):
        assert problem(late) == "precondition-failed"
    now = {"If-Match": admin.get(PATH).headers["etag"]}
    assert admin.delete(PATH, headers=now).status_code == 200


def test_nothing_is_changed_by_saying_nothing(admin: httpx.Client) -> None:
    assert problem(admin.patch(PATH, json={})) == "invalid"


def test_it_is_for_who_reaches_all_domains(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.get(PATH)) == "forbidden"
    assert problem(theirs.patch(PATH, json=ACCOUNT)) == "forbidden"
    assert problem(api.token("read").patch(PATH, json=ACCOUNT)) == "forbidden"


def test_a_key_that_is_none_is_refused_by_a_dry_run_as_by_a_sync(
    admin: httpx.Client,
) -> None:
    assert admin.patch(PATH, json=ACCOUNT).status_code == 200
    headers = {b"Idempotency-Key": "\x80".encode("latin-1")}
    for query in ("", "?dry_run=true"):
        assert problem(admin.post(f"{PATH}/sync{query}", headers=headers)) == (
            "bad-request"
        )


def test_who_may_not_ask_any_more_is_not_told_what_a_sync_would_do(
    serving: Callable[[Options], Served], options: Options, service: Service
) -> None:
    patient = options.redirection.model_copy(update={"timeout_seconds": PATIENCE})
    served = serving(options.model_copy(update={"redirection": patient}))
    admin = served.token("read", "write")
    assert admin.patch(PATH, json=ACCOUNT).status_code == 200
    until(lambda: admin.get(PATH).json(), lambda found: found["listed"])
    secret = served.call("admin.token.add", name="pbx", scopes=["write"])["token"]
    post = served.client(secret).post
    failed = service.failed
    service.fail("held", method="redirect.listPhones", times=1)
    with ThreadPoolExecutor(1) as pool:
        try:
            asked = pool.submit(post, f"{PATH}/sync", params={"dry_run": True})
            until(lambda: service.failed, lambda now: now > failed)
            served.call("admin.token.revoke", name="pbx")
        finally:
            service.fail()
        assert problem(asked.result(PATIENCE)) == "signed-out"


def test_phones_in_trouble_are_listed_page_by_page(
    api: Served,
    admin: httpx.Client,
    service: Service,
    shown: Callable[[Callable[[Any], bool]], Any],
) -> None:
    service.put(*((mac, "rival", BASE) for mac in OTHERS))
    for number, mac in enumerate(OTHERS):
        account = f"{810 + number}@{A}"
        api.call("account.add", account=account, password="word-word", mac=mac)
    phones = PATH + "/phones"
    assert problem(admin.get(phones)) == "not-found"
    assert admin.patch(PATH, json=ACCOUNT).status_code == 200
    shown(lambda found: found["phones"]["owned"] == 3)
    first = admin.get(phones, params={"limit": 2}).json()
    assert [one["mac"] for one in first["items"]] == OTHERS[:2]
    assert first["items"][0]["words"] == "Error:owned_by_other_user"
    rest = admin.get(phones, params={"limit": 2, "cursor": first["next"]}).json()
    assert ([one["mac"] for one in rest["items"]], rest["next"]) == (OTHERS[2:], "")
    owned = {"state": "owned", "limit": 2}
    assert admin.get(phones, params=owned).json()["items"] == first["items"]
    other = {**owned, "cursor": first["next"]}
    assert problem(admin.get(phones, params=other)) == "bad-cursor"
    assert admin.get(phones, params={"state": "refused"}).json()["items"] == []
    assert problem(admin.get(phones, params={"state": "registered"})) == "invalid"
    theirs = api.token("read", domains=[B])
    assert problem(theirs.get(phones)) == "forbidden"
