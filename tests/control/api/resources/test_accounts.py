"""/api/v1/domains/{domain}/accounts"""

import httpx
import pytest

from tests.control.api.conftest import MAC, A, B, Served, problem

PATH = f"/api/v1/domains/{A}/accounts"
ANY = {"If-Match": "*"}


def test_an_account_is_added_bound_changed_and_removed(
    api: Served, admin: httpx.Client
) -> None:
    new = {"number": "402", "password": "s3cret-word", "name": "Bob", "mac": MAC}
    added = admin.post(PATH, json=new)
    assert added.status_code == 201, added.text
    path = added.headers["location"]
    assert path == f"{PATH}/402"
    assert added.json() == {
        "number": "402",
        "domain": A,
        "name": "Bob",
        "auth_user": "",
        "mailbox": "",
        "wildcard": "",
        "profile": "",
        "bound": [{"mac": MAC, "identity": 1, "temporary": False}],
    }
    shown = admin.get(path)
    assert shown.json() == added.json()
    # A window that runs does not make it another account.
    api.call("window.open", accounts=[f"402@{A}"])
    same = {"If-Match": shown.headers["etag"]}
    changed = admin.patch(path, json={"name": "Rob"}, headers=same)
    assert changed.json()["name"] == "Rob"
    assert problem(admin.patch(path, json={}, headers=same)) == "precondition-failed"
    tag = {"If-Match": changed.headers["etag"]}
    assert admin.delete(path, headers=tag).status_code == 204
    assert problem(admin.get(path)) == "not-found"
    assert "s3cret-word" not in added.text + shown.text + changed.text


def test_who_changes_a_password_is_heard_of_by_who_saw_the_account_before(
    admin: httpx.Client,
) -> None:
    seen = admin.get(f"{PATH}/401")
    known = {"If-None-Match": seen.headers["etag"]}
    assert admin.get(f"{PATH}/401", headers=known).status_code == 304
    same = {"If-Match": seen.headers["etag"]}
    changed = admin.patch(
        f"{PATH}/401", json={"password": "another-word"}, headers=same
    )
    assert changed.status_code == 200
    assert changed.json() == seen.json()
    now = admin.get(f"{PATH}/401", headers=known)
    assert now.headers["etag"] == changed.headers["etag"] != seen.headers["etag"]
    late = admin.patch(f"{PATH}/401", json={"password": "a-third-word"}, headers=same)
    assert problem(late) == "precondition-failed"
    # It tells nobody that a password is the one that it was.
    back = admin.patch(
        f"{PATH}/401", json={"password": "s3cret-of-sip"}, headers={"If-Match": "*"}
    )
    assert back.headers["etag"] != seen.headers["etag"]


def test_the_accounts_of_one_domain_are_listed_in_pages(
    admin: httpx.Client,
) -> None:
    for number in ("403", "402"):
        admin.post(PATH, json={"number": number, "password": "x" * 12})
    page = admin.get(PATH, params={"limit": 2}).json()
    assert [row["number"] for row in page["items"]] == ["401", "402"]
    last = admin.get(PATH, params={"limit": 2, "cursor": page["next"]}).json()
    assert [row["number"] for row in last["items"]] == ["403"]
    assert last["next"] == ""
    elsewhere = admin.get(
        f"/api/v1/domains/{B}/accounts", params={"cursor": page["next"]}
    )
    assert problem(elsewhere) == "bad-cursor"


def test_a_number_names_no_other_domain(api: Served) -> None:
    client = api.token("write", domains=[A])
    for number in (f"401@{B}", "401%40" + B, "..", "a" * 33):
        answer = client.patch(f"{PATH}/{number}", json={"name": "x"}, headers=ANY)
        assert answer.status_code in (404, 422), number
    answer = client.post(PATH, json={"number": f"5@{B}", "password": "x" * 12})
    assert problem(answer) == "invalid"
    assert api.call("account.show", account=f"401@{B}")["name"] == ""


def test_a_phone_of_another_domain_is_a_conflict_that_names_nobody(
    api: Served,
) -> None:
    api.call("account.bind", account=f"401@{B}", mac=MAC)
    client = api.token("write", domains=[A])
    new = {"number": "402", "password": "x" * 12, "mac": MAC}
    answer = client.post(PATH, json=new)
    assert problem(answer) == "conflict"
    assert B not in answer.text
    assert B in api.token("write").post(PATH, json=new).text


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/api/v1/domains/{A}", "language"),
        (f"/api/v1/domains/{A}/accounts/401", "name"),
        (f"/api/v1/domains/{A}/accounts/401", "password"),
        (f"/api/v1/domains/{A}/url-token", "required"),
        ("/api/v1/administrators/anna", "domains"),
        ("/api/v1/redirection", "password"),
    ],
)
def test_nobody_says_by_null_what_would_change_nothing(
    admin: httpx.Client, path: str, field: str
) -> None:
    headers = {"If-Match": "*"}
    refused = admin.patch(path, json={field: None}, headers=headers)
    assert problem(refused) == "invalid"
    assert refused.json()["errors"][0]["at"] == f"body/{field}"
