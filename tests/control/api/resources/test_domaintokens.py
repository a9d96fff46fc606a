"""The token in a domain's URLs: made, required, taken away."""

import httpx

from tests.control.api.conftest import A, Served, problem

PATH = f"/api/v1/domains/{A}/url-token"


def test_a_token_is_made_revealed_and_taken_away(
    api: Served, admin: httpx.Client
) -> None:
    made = admin.post(PATH, json={"required": True})
    assert made.status_code == 201, made.text
    assert admin.get(PATH).json()["token"] == made.json()["token"]
    assert admin.patch(PATH, json={"required": False}).status_code == 200
    assert not admin.get(PATH).json()["required"]
    assert admin.delete(PATH).status_code == 204
    assert problem(admin.get(PATH)) == "not-found"
    assert made.json()["token"] not in str(api.notes(limit=1000))


def test_a_token_that_was_made_is_not_kept_for_who_repeats(admin: httpx.Client) -> None:
    key = {"Idempotency-Key": "once"}
    made = admin.post(PATH, json={}, headers=key)
    again = admin.post(PATH, json={}, headers=key)
    assert problem(again) == "answer-lost"
    assert admin.get(PATH).json()["token"] == made.json()["token"]


def test_who_may_not_reveal_makes_none(api: Served) -> None:
    writer = api.token("read", "write")
    assert problem(writer.post(PATH, json={})) == "forbidden"


def test_who_says_nothing_does_not_let_phones_in_without_it(
    admin: httpx.Client,
) -> None:
    admin.post(PATH, json={"required": True})
    assert problem(admin.patch(PATH, json={})) == "invalid"
    assert admin.get(PATH).json()["required"]
