"""Phone books of domains and accounts."""

import httpx
import pytest

from bootwave.limits import MAX_API_BOOK_BYTES, MAX_API_ERRORS
from tests.control.api.conftest import A, problem

ANNA = {"name": "Anna", "number": "+49301"}
BOB = {"name": "Bob", "number": "402"}


@pytest.mark.parametrize("owner", ["", "/accounts/401"])
def test_a_book_is_filled_replaced_and_emptied(admin: httpx.Client, owner: str) -> None:
    path = f"/api/v1/domains/{A}{owner}/phonebook"
    assert admin.post(path, json={"entries": [ANNA]}).json()["added"] == 1
    assert admin.put(path, json={"entries": [BOB]}).json()["removed"] == 1
    assert [one["name"] for one in admin.get(path).json()["entries"]] == ["Bob"]
    dry = admin.put(path, json={"entries": []}, params={"dry_run": True}).json()
    assert not dry["stored"]
    assert admin.delete(path).json()["entries"] == 1
    assert admin.get(path).json()["entries"] == []


def test_a_large_book_is_taken_and_a_wrong_one_is_not(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/phonebook"
    many = [{"name": f"{n:05} " + "x" * 110, "number": str(n)} for n in range(9_000)]
    assert len(str(many)) > 1_000_000  # more than other bodies may have
    done = admin.put(path, json={"entries": many})
    assert done.status_code in (200, 422), done.text
    assert problem(admin.put(path, json={"entries": [{"name": 5}]})) == "invalid"
    assert problem(admin.put(path, json={})) == "invalid"


def test_a_book_that_would_fill_the_memory_is_not_read(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/phonebook"
    body = b'{"entries":[' + b",".join([b"{}"] * (MAX_API_BOOK_BYTES // 3)) + b"]}"
    headers = {"Content-Type": "application/json"}
    assert problem(admin.put(path, content=body, headers=headers)) == "too-large"


def test_only_the_first_wrong_places_are_told(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/phonebook"
    told = admin.put(path, json={"entries": [{"name": 5}] * 5_000})
    assert problem(told) == "invalid"
    assert len(told.json()["errors"]) == MAX_API_ERRORS


def test_two_who_fill_a_book_hear_of_each_other(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/phonebook"
    empty = {"If-Match": admin.get(path).headers["etag"]}
    first = admin.put(path, json={"entries": [ANNA]}, headers=empty)
    assert first.status_code == 200
    for late in (
        admin.put(path, json={"entries": [BOB]}, headers=empty),
        admin.post(path, json={"entries": [BOB]}, headers=empty),
        admin.delete(path, headers=empty),
    ):
        assert problem(late) == "precondition-failed"
    assert [one["name"] for one in admin.get(path).json()["entries"]] == ["Anna"]


def test_who_looks_at_the_status_alone_sees_that_nothing_was_stored(
    admin: httpx.Client,
) -> None:
    path = f"/api/v1/domains/{A}/phonebook"
    entries = [ANNA, {"name": "Bob", "nummer": "402"}]
    wrong = admin.put(path, json={"entries": entries})
    assert problem(wrong) == "invalid"
    assert wrong.json()["errors"][0]["at"] == "body/entries/1"
    key = {"Idempotency-Key": "once"}
    together = {"all_or_nothing": True}
    for _ in range(2):
        again = admin.post(
            path, json={"entries": entries}, headers=key, params=together
        )
        assert problem(again) == "invalid"
    assert admin.get(path).json()["entries"] == []
    right = admin.post(path, json={"entries": [BOB]}, headers=key)
    assert right.json()["added"] == 1
    assert admin.delete(path, params={"forget": True}).status_code == 200
    dry = admin.post(path, json={"entries": entries}, params={"dry_run": True})
    assert dry.json()["error_count"] == 1
    none = admin.post(path, json={"entries": entries[1:]})
    assert problem(none) == "invalid"
    partly = admin.post(path, json={"entries": entries})
    assert partly.json()["stored"]
    assert [one["name"] for one in admin.get(path).json()["entries"]] == ["Anna"]


def test_no_row_is_made_of_a_whole_body(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/phonebook"
    wide = {"entries": [{f"member{number}": "" for number in range(17)}]}
    refused = admin.post(path, json=wide)
    assert problem(refused) == "invalid"
    assert refused.json()["errors"][0]["at"] == "body/entries/0"
