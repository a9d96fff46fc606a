"""What is wrong with a request is told in words, place by place."""

from typing import Any

import httpx
import pytest

from tests.control.api.conftest import A, problem

ACCOUNTS = f"/api/v1/domains/{A}/accounts"
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


def test_no_pattern_is_told(admin: httpx.Client) -> None:
    answer = admin.put(f"/api/v1/domains/{A}/settings/a-b", json={"value": "x"})
    assert problem(answer) == "invalid"
    assert answer.json()["detail"] == (
        "path/name: it does not have the form that /openapi.json describes."
    )


def test_a_long_name_of_a_member_is_shortened(admin: httpx.Client) -> None:
    answer = admin.post(ACCOUNTS, json={**NEW, "x" * 10_000: 1})
    assert problem(answer) == "invalid"
    assert len(answer.content) < 1_000
