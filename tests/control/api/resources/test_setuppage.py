"""The page that a set-up link leads to, as a browser sends its form."""

import re
from html import unescape

import httpx
import pytest

from tests.control.api.conftest import PASSWORD, Served, problem

GOOD = {"name": "anna", "password": PASSWORD, "again": PASSWORD}


def told(answer: httpx.Response) -> str:
    (text,) = re.findall(r'role="(?:alert|status)">(.*?)</p>', answer.text, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", text))


def fields(answer: httpx.Response) -> dict[str, str]:
    found = re.findall(r'<input id="(\w+)"[^>]*?(?: value="([^"]*)")?>', answer.text)
    return {name: unescape(value) for name, value in found}


def test_a_form_makes_the_first_operator_once(api: Served) -> None:
    token = api.call("admin.link")["token"]
    client = api.client()
    made = client.post("/setup", data={"token": f" {token}\n", **GOOD})
    assert (made.status_code, told(made)) == (201, "anna may do everything now.")
    again = client.post("/setup", data={"token": token, **GOOD, "name": "otto"})
    assert again.status_code == 404
    assert "make another with bootwave admin link" in told(again)
    shown = api.signed_in("anna").get("/api/v1/session").json()
    assert shown["everywhere"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"again": PASSWORD + "!"}, "The two passwords are not the same."),
        ({"password": "short", "again": "short"}, "A password has 12 to"),
        ({"name": "an na"}, "A name has letters"),
        ({"token": "x" * 65}, "The set-up token is not complete."),
        ({"more": "x"}, "Fill in the form."),
    ],
)
def test_what_is_wrong_is_said_and_the_form_is_kept_but_for_passwords(
    api: Served, wrong: dict[str, str], said: str
) -> None:
    given = {"token": api.call("admin.link")["token"], **GOOD, **wrong}
    answer = api.client().post("/setup", data=given)
    assert answer.status_code == 422
    assert told(answer).startswith(said)
    kept = {"token": given["token"], "name": given["name"]}
    assert fields(answer) == {**kept, "password": "", "again": ""}
    assert PASSWORD not in answer.text
    assert api.call("admin.list") == []


def test_what_was_given_is_text_and_no_part_of_the_page(api: Served) -> None:
    nasty = '"><script>alert(1)</script>$name'
    answer = api.client().post("/setup", data={**GOOD, "token": "x", "name": nasty})
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert fields(answer)["name"] == nasty


def test_guessing_tokens_is_slowed_on_the_page_too(api: Served) -> None:
    client = api.client()
    for _ in range(10):
        tried = client.post("/setup", data={"token": "bwl_x", **GOOD})
        assert tried.status_code == 404
    tried = client.post("/setup", data={"token": "bwl_x", **GOOD})
    assert tried.status_code == 429
    assert int(tried.headers["retry-after"]) > 0
    json = {"token": "bwl_x", "name": "anna", "password": PASSWORD}
    assert problem(client.post("/api/v1/setup", json=json)) == "too-many"


def test_nobody_keeps_others_from_setting_up(api: Served) -> None:
    for number in range(2, 9):
        way = httpx.HTTPTransport(local_address=f"127.0.0.{number}")
        with httpx.Client(base_url=api.url, transport=way) as elsewhere:
            for _ in range(9):
                tried = elsewhere.post("/setup", data={"token": "bwl_x", **GOOD})
                assert tried.status_code == 404
    token = api.call("admin.link")["token"]
    made = api.client().post("/setup", data={"token": token, **GOOD})
    assert made.status_code == 201


@pytest.mark.parametrize("body", [b"", b"\xff=1", b"a=1&" * 9, b"token", b"&&&=%00"])
def test_what_is_no_form_is_shown_the_form(api: Served, body: bytes) -> None:
    client = api.client()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/setup", content=body, headers=form)
    assert answer.status_code == 422
    assert set(fields(answer)) == {"token", "name", "password", "again"}
    assert problem(client.post("/setup", json={"token": "x"})) == "not-form"
    large = client.post("/setup", content=b"x" * 20_000, headers=form)
    assert problem(large) == "too-large"


def test_a_page_runs_nothing_but_its_own_script_and_is_no_part_of_another(
    api: Served,
) -> None:
    client = api.client()
    page = client.get("/setup")
    policy = page.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert " on" not in page.text.partition("<form")[2].partition(">")[0]
    for path, kind in (("/setup.css", "text/css"), ("/setup.js", "text/javascript")):
        sent = client.get(path)
        assert sent.headers["content-type"] == f"{kind}; charset=utf-8"
    assert "/setup" not in client.get("/openapi.json").json()["paths"]
