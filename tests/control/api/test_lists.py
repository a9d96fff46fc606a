"""Lists of the store as requests page through them."""

import httpx

from tests.control.api.conftest import A, B, Served, problem

PATH = "/api/v1/accounts"


def test_a_cursor_is_of_the_list_that_told_it(api: Served, admin: httpx.Client) -> None:
    first = admin.get(PATH, params={"limit": 1}).json()
    assert [row["domain"] for row in first["items"]] == [A]
    rest = admin.get(PATH, params={"cursor": first["next"]}).json()
    assert ([row["domain"] for row in rest["items"]], rest["next"]) == ([B], "")
    for params in (
        {"cursor": first["next"], "number_prefix": "4"},
        {"cursor": first["next"], "descending": True},
        {"cursor": "x"},
    ):
        assert problem(admin.get(PATH, params=params)) == "bad-cursor"


def test_what_no_index_carries_is_refused_with_what_one_does(
    admin: httpx.Client,
) -> None:
    answer = admin.get(PATH, params={"sort": "mailbox"})
    assert problem(answer) == "invalid"
    assert "can be sorted by" in answer.json()["detail"]
    assert problem(admin.get(PATH, params={"limit": 1001})) == "invalid"
