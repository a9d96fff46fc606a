"""Devices, their time-lines, and what proves that they are who they are."""

import time
from typing import Any

import httpx
import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, A, B, Served, problem

PATH = f"/api/v1/devices/{MAC}"


@pytest.fixture(autouse=True)
def bound(api: Served) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    now = time.time()
    SightingLog(api.options.store.sightings).append(
        [
            Sighting(now + n / 1_000, mac, "192.0.2.7", reason, "snomD785-SIP 10.1.1.1")
            for n, (mac, reason) in enumerate(
                [
                    (int(MAC, 16), Reason.SERVED_WINDOW),
                    (int(MAC, 16), Reason.CLOSED),
                    (0x000413000001, Reason.UNKNOWN_MAC),
                ]
            )
        ]
    )


def test_devices_are_listed_with_their_last_contact(
    api: Served, admin: httpx.Client
) -> None:
    log = SightingLog(api.options.store.sightings)
    ContactKeeper(log, api.options.store.database).catch_up()
    for path in ("/api/v1/devices", f"/api/v1/domains/{A}/devices"):
        (row,) = admin.get(path, params={"seen": True}).json()["items"]
        assert (row["mac"], row["reason"]) == (MAC, "CLOSED")
        assert row["firmware"] == "10.1.1.1"
        assert admin.get(path, params={"model": "D785"}).json()["items"] == []
    assert admin.get(f"/api/v1/domains/{B}/devices").json()["items"] == []
    assert problem(admin.get("/api/v1/devices", params={"model": "a b"})) == "invalid"


def test_a_phone_is_shown_with_its_time_line(admin: httpx.Client) -> None:
    shown = admin.get(PATH).json()
    assert (shown["mac"], shown["domain"]) == (MAC, A)
    assert "not open" in shown["verdict"]
    first = admin.get(f"{PATH}/sightings", params={"limit": 1}).json()
    assert [row["reason"] for row in first["items"]] == ["CLOSED"]
    rest = admin.get(f"{PATH}/sightings", params={"cursor": first["next"]}).json()
    assert [row["reason"] for row in rest["items"]] == ["SERVED_WINDOW"]
    assert admin.get(f"{PATH}/check").status_code == 200
    (unknown,) = admin.get("/api/v1/unknown-phones").json()["items"]
    assert unknown["mac"] == "000413000001"


def test_what_a_phone_has_is_renewed_and_ended(
    api: Served, admin: httpx.Client
) -> None:
    assert admin.post(f"{PATH}/reset").json() == {"mac": MAC}
    assert problem(admin.post(f"{PATH}/credentials")) == "not-found"
    assert problem(admin.post(f"{PATH}/url-token")) == "not-found"
    api.call("token.make", domain=A)
    assert admin.post(f"{PATH}/url-token").json() == {"mac": MAC}
    assert admin.delete(f"{PATH}/credentials").status_code == 200


def test_a_phone_of_another_domain_does_not_exist(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    for path in ("", "/check", "/sightings"):
        assert problem(theirs.get(PATH + path)) == "not-found"
    assert problem(theirs.post(f"{PATH}/reset")) == "not-found"
    assert theirs.get("/api/v1/devices").json()["items"] == []
    mine = api.token("read", domains=[A])
    assert mine.get(PATH).json()["domain"] == A
    assert len(mine.get(f"{PATH}/sightings").json()["items"]) == 2


def listed(
    client: httpx.Client, path: str = "/api/v1/devices", **how: Any
) -> list[str]:
    """Return the MACs of a list, once there is what it is made from."""
    for _ in range(200):
        answer = client.get(path, params=how)
        if answer.status_code != 503:
            break
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    return [row["mac"] for row in answer.json()["items"]]


def test_devices_are_sorted_and_found_by_what_they_did(
    api: Served, admin: httpx.Client
) -> None:
    other = "0004132E08B5"
    api.call("account.bind", account=f"401@{B}", mac=other)
    for _ in range(200):
        if listed(admin, state="refused") and listed(admin, state="never"):
            break
        time.sleep(0.05)
    assert listed(admin, sort="last-contact") == [other, MAC]
    assert listed(admin, sort="last-contact", descending=True) == [MAC, other]
    assert listed(admin, firmware="10.1") == listed(admin, older_than="10.2") == [MAC]
    assert listed(admin, firmware="8", model="snomD785") == []
    assert listed(admin, state="never") == [other]
    assert listed(admin, state="refused") == [MAC]
    assert listed(admin, heard_since=time.time() - 60) == [MAC]
    assert listed(admin, heard_before=time.time() - 60) == [other]
    of_a = f"/api/v1/domains/{A}/devices"
    assert listed(admin, of_a, sort="last-contact") == [MAC]
    theirs = api.token("read", domains=[B])
    assert listed(theirs, sort="last-contact") == [other]
    assert listed(theirs, state="refused") == []
    first = admin.get("/api/v1/devices", params={"sort": "firmware", "limit": 1})
    following = first.json()["next"]
    assert listed(admin, sort="firmware", cursor=following) == [MAC]
    for wrong in ({"state": "asleep"}, {"sort": "colour"}, {"firmware": "new"}):
        assert problem(admin.get("/api/v1/devices", params=wrong)) == "invalid"
    other_list = {"sort": "last-contact", "cursor": following}
    assert problem(admin.get("/api/v1/devices", params=other_list)) == "bad-cursor"
