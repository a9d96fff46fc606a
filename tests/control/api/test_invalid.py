"""What is wrong with a request is told in words, place by place."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from bootwave.control.api.invalid import FORMS
from tests.control.api.conftest import A, problem

ACCOUNTS = f"/api/v1/domains/{A}/accounts"
DOMAIN = f"/api/v1/domains/{A}"
NEW = {"number": "402", "password": "s3cret-word"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {**NEW, "mac": "0004132E"},
            "body/mac: it is not a MAC address: write twelve hex digits such as "
            "0004132E08B4, as printed on the phone's label.",
        ),
        (
            {"number": "402", "passwort": "s3cret-word"},
            "body/password: it is missing; body/passwort: there is no such member.",
        ),
        (
            {**NEW, "number": "4 2"},
            "body/number: it is not an account's number: up to 32 letters, digits and "
            "_ . + - are.",
        ),
        ({**NEW, "password": ""}, "body/password: it must not be empty."),
        (
            {**NEW, "name": "Anna\nB"},
            "body/name: it must be one line, without control characters.",
        ),
        ({**NEW, "name": 5}, "body/name: it must be a text."),
        ([], "body: it must be an object."),
        (
            {"a": 1, "b": 1, "c": 1},
            "body/number: it is missing; body/password: it is missing; body/a: there "
            "is no such member; and 2 more.",
        ),
    ],
)
def test_it_says_what_to_write(admin: httpx.Client, body: Any, told: str) -> None:
    answer = admin.post(ACCOUNTS, json=body)
    assert problem(answer) == "invalid"
    assert answer.json()["detail"] == told


def test_parameters_are_told_in_the_same_words(admin: httpx.Client) -> None:
    answer = admin.get("/api/v1/domains", params={"limit": "0"})
    assert answer.json()["detail"] == "query/limit: it must be 1 or more."
    answer = admin.get("/api/v1/domains", params={"limit": "many"})
    assert answer.json()["detail"] == "query/limit: it must be a whole number."
    answer = admin.post(f"/api/v1/domains/{A}/imports", params={"dry_run": "maybe"})
    assert answer.json()["detail"] == "query/dry_run: it must be true or false."


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(1441, "it must be 1440 or less"), (0, "it must be more than 0")],
)
def test_bounds_are_whole_numbers_where_they_are(
    admin: httpx.Client, minutes: int, told: str
) -> None:
    body = {"all": True, "minutes": minutes}
    answer = admin.post(f"/api/v1/domains/{A}/windows", json=body)
    assert answer.json()["detail"] == f"body/minutes: {told}."


def test_what_a_form_is_is_told_in_words_and_not_as_a_pattern(
    admin: httpx.Client,
) -> None:
    answer = admin.put(f"/api/v1/domains/{A}/settings/a-b", json={"value": "x"})
    assert problem(answer) == "invalid"
    assert answer.json()["detail"] == (
        "path/name: it is not the name of a setting: up to 64 letters, digits and _ "
        "are."
    )
    answer = admin.post(f"/api/v1/domains/{A}/profiles", json={"name": "Büro/1 x"})
    assert answer.json()["detail"] == (
        "body/name: it is not the name of a profile or group: one line of up to 64 "
        "characters, without @ and /, is."
    )
    answer = admin.post(f"/api/v1/domains/{A}/windows", json={"numbers": ["4 2"]})
    assert answer.json()["detail"].startswith("body/numbers/0: it is neither a number")
    answer = admin.get(f"/api/v1/domains/{A}/windows", params={"state": "Open"})
    assert answer.json()["detail"] == (
        "query/state: it is no state of windows, such as open, or some with commas "
        "between them."
    )


def test_every_form_has_words(admin: httpx.Client) -> None:
    def patterns(described: Any) -> Iterator[str]:
        if isinstance(described, Mapping):
            if isinstance(described.get("pattern"), str):
                yield described["pattern"]
            described = list(described.values())
        if isinstance(described, list):
            for each in described:
                yield from patterns(each)

    described = admin.get("/openapi.json").json()
    of_header = "^[ -~]*$"  # of Idempotency-Key, which has its own sentences
    assert set(patterns(described)) - {of_header} == set(FORMS)


@pytest.mark.parametrize(
    ("method", "path", "body", "at", "detail"),
    [
        ("PATCH", DOMAIN, {"language": "Klingon"}, "body/language", "'Klingon' is not"),
        ("PATCH", DOMAIN, {"timezone": "Mars"}, "body/timezone", "'Mars' is not a"),
        ("PATCH", DOMAIN, {"registrar": "a b"}, "body/registrar", "'a b' is not a"),
        (
            "PATCH",
            DOMAIN,
            {"wildcard_subnet": "x"},
            "body/wildcard_subnet",
            "'x' is not a subnet",
        ),
        (
            "POST",
            "/api/v1/domains",
            {"name": "c.example.com", "tone_scheme": "Mars"},
            "body/tone_scheme",
            "'Mars' is not a",
        ),
        (
            "GET",
            "/api/v1/devices/0004132E",
            None,
            "path/mac",
            "'0004132E' is not a MAC",
        ),
        (
            "POST",
            f"/api/v1/domains/{A}/groups/sales/devices",
            {"macs": ["0004132E08B4", "01005E000001"]},
            "body/macs/1",
            "'01005E000001' is a multicast address",
        ),
    ],
)
def test_a_value_that_says_nothing_known_is_told_by_its_place(
    admin: httpx.Client, method: str, path: str, body: Any, at: str, detail: str
) -> None:
    admin.headers["If-Match"] = "*"
    answer = admin.request(method, path, json=body)
    assert problem(answer) == "invalid"
    (error,) = answer.json()["errors"]
    assert error["at"] == at
    assert error["detail"].startswith(detail)
    assert answer.json()["detail"] == f"{at}: {error['detail']}."
    assert not error["detail"].endswith(".")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        (
            "POST",
            f"/api/v1/domains/{A}/groups/sales/devices",
            {"macs": ["0" * 100_000]},
        ),
        ("PATCH", DOMAIN, {"language": "K" * 100_000}),
        ("GET", f"/api/v1/devices/{'0' * 2_000}", None),
    ],
)
def test_a_long_value_is_not_told_back(
    admin: httpx.Client, method: str, path: str, body: Any
) -> None:
    admin.headers["If-Match"] = "*"
    answer = admin.request(method, path, json=body)
    assert problem(answer) == "invalid"
    assert "it may have at most" in answer.json()["detail"]
    assert len(answer.content) < 1_000


def test_a_domain_may_say_nothing_again(admin: httpx.Client) -> None:
    admin.headers["If-Match"] = "*"
    for text in ("German", ""):
        assert admin.patch(DOMAIN, json={"language": text}).status_code == 200


def test_a_long_name_of_a_member_is_shortened(admin: httpx.Client) -> None:
    answer = admin.post(ACCOUNTS, json={**NEW, "x" * 10_000: 1})
    assert problem(answer) == "invalid"
    assert len(answer.content) < 1_000
