"""Groups of devices."""

import httpx

from tests.control.api.conftest import MAC, A, Served, problem

GROUPS = f"/api/v1/domains/{A}/groups"


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
