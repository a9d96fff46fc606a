"""Button profiles."""

import httpx

from tests.control.api.conftest import A, problem

PROFILES = f"/api/v1/domains/{A}/profiles"


def test_a_profile_is_given_to_accounts(admin: httpx.Client) -> None:
    assert admin.post(PROFILES, json={"name": "sales"}).status_code == 201
    assert problem(admin.post(PROFILES, json={"name": "sales"})) == "conflict"
    admin.put(f"{PROFILES}/sales/settings/http_pass", json={"value": "canary-word"})
    (row,) = admin.get(PROFILES, params={"name_prefix": "sal"}).json()["items"]
    assert row == {"name": "sales"}
    given = admin.post(f"{PROFILES}/sales/accounts", json={"numbers": ["400-449"]})
    assert given.status_code == 200, given.text
    shown = admin.get(f"{PROFILES}/sales")
    assert "401" in shown.text
    assert "canary" not in shown.text
    assert problem(admin.delete(f"{PROFILES}/sales")) == "conflict"
    gone = admin.delete(f"{PROFILES}/sales", params={"force": True})
    assert gone.status_code == 204
    assert problem(admin.post(PROFILES, json={"name": "a@b"})) == "invalid"


def test_an_account_gives_its_profile_back(admin: httpx.Client) -> None:
    admin.post(PROFILES, json={"name": "sales"})
    admin.post(f"{PROFILES}/sales/accounts", json={"all": True})
    path = f"/api/v1/domains/{A}/accounts/401"
    assert admin.get(path).json()["profile"] == "sales"
    assert admin.delete(f"{path}/profile").json()["accounts"] == [f"401@{A}"]
    assert admin.get(path).json()["profile"] == ""
    gone = admin.delete(f"/api/v1/domains/{A}/accounts/499/profile")
    assert problem(gone) == "not-found"
