"""Button profiles and groups."""

import httpx

from tests.control.api.conftest import MAC, A, Served, problem

PROFILES = f"/api/v1/domains/{A}/profiles"
GROUPS = f"/api/v1/domains/{A}/groups"


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


def test_devices_are_put_into_a_group(api: Served, admin: httpx.Client) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    assert admin.post(GROUPS, json={"name": "north"}).status_code == 201
    admin.post(f"{GROUPS}/north/devices", json={"macs": [MAC]})
    (device,) = admin.get(f"{GROUPS}/north/devices").json()["items"]
    assert (device["mac"], device["group"]) == (MAC, "north")
    (row,) = admin.get(GROUPS).json()["items"]
    assert row == {"name": "north"}
    admin.delete(f"/api/v1/domains/{A}/devices/{MAC}/group")
    assert admin.get(f"{GROUPS}/north/devices").json()["items"] == []
    assert admin.delete(f"{GROUPS}/north").status_code == 204
    assert problem(admin.delete(f"{GROUPS}/north")) == "not-found"
