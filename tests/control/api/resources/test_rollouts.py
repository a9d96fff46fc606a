"""Roll-outs over HTTP."""

import time

import httpx
import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, A, B, Served, never, problem

PATH = "/api/v1/rollouts"


@pytest.fixture(autouse=True)
def seen(api: Served) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    seen = Sighting(time.time(), int(MAC, 16), "127.0.0.9", Reason.SERVED_WINDOW, "")
    SightingLog(api.options.store.sightings).append([seen])


def test_a_roll_out_is_started_shown_and_ended(admin: httpx.Client) -> None:
    night = {"hours": never()}
    started = admin.post(f"/api/v1/domains/{A}/rollouts", json=night)
    assert started.status_code == 201, started.text
    path = started.headers["location"]
    assert admin.get(path).json()["state"] == "running"
    (row,) = admin.get(PATH).json()["items"]
    assert path == f"{PATH}/{row['id']}"
    (phone,) = admin.get(f"{path}/phones").json()["items"]
    assert phone["mac"] == MAC
    assert problem(admin.post(PATH, json=night)) == "conflict"  # it is in one already
    assert admin.post(f"{path}/pause").json()["state"] == "paused"
    assert admin.post(f"{path}/resume").json()["state"] == "running"
    assert admin.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert problem(admin.post(f"{path}/pause")) in ("conflict", "invalid")
    assert problem(admin.get(f"{PATH}/999")) == "not-found"
    assert problem(admin.get(f"{PATH}/999/phones")) == "not-found"


def test_whoever_carries_roll_outs_out_hears_of_what_is_changed(
    api: Served, admin: httpx.Client
) -> None:
    heard: list[str] = []
    api.plane.server.follow(heard.append)
    made = admin.post(f"/api/v1/domains/{A}/rollouts", json={"hours": never()})
    path = made.headers["location"]
    for what in ("pause", "resume", "cancel"):
        assert admin.post(f"{path}/{what}").status_code == 200
    assert heard == [f"rollout.{op}" for op in ("start", "pause", "resume", "cancel")]


def test_who_has_one_domain_starts_those_of_it_only(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.post(f"/api/v1/domains/{A}/rollouts", json={})) == "not-found"
    assert problem(theirs.post(f"/api/v1/domains/{B}/rollouts", json={})) == "conflict"
    assert problem(theirs.post(PATH, json={})) == "forbidden"
    assert problem(theirs.post("/api/v1/firmware/rollouts", json={})) == "forbidden"


def test_who_has_one_domain_follows_those_of_it_and_no_other(
    api: Served, admin: httpx.Client
) -> None:
    theirs, others = (api.token("read", "write", domains=[domain]) for domain in (A, B))
    of_all = admin.post(PATH, json={"hours": never()}).json()["id"]
    for client in (theirs, others):
        assert client.get(PATH).json()["items"] == []
        for path in (f"{PATH}/{of_all}", f"{PATH}/{of_all}/phones"):
            assert problem(client.get(path)) == "not-found"
        for what in ("pause", "resume", "cancel"):
            answer = client.post(f"{PATH}/{of_all}/{what}")
            assert problem(answer) == "not-found"
    admin.post(f"{PATH}/{of_all}/cancel")
    for scope, target in (
        ("domain", f" {A.upper()} "),
        ("account", f"401@{A}"),
        ("device", MAC),
    ):
        made = admin.post(
            PATH, json={"hours": never(), "scope": scope, "target": target}
        )
        assert made.json()["domain"] == A, made.text
        number = made.json()["id"]
        assert theirs.get(PATH).json()["items"][0]["id"] == number
        assert theirs.get(f"{PATH}/{number}").json()["total"] == 1
        (phone,) = theirs.get(f"{PATH}/{number}/phones").json()["items"]
        assert phone["mac"] == MAC
        assert others.get(PATH).json()["items"] == []
        for path in (f"{PATH}/{number}", f"{PATH}/{number}/phones"):
            assert others.get(path).content == others.get(f"{PATH}/999").content
        assert problem(others.post(f"{PATH}/{number}/pause")) == "not-found"
        assert theirs.post(f"{PATH}/{number}/pause").json()["state"] == "paused"
        assert theirs.post(f"{PATH}/{number}/cancel").json()["state"] == "cancelled"


def test_a_firmware_is_rolled_out_by_who_may(api: Served, admin: httpx.Client) -> None:
    wanted = {
        "model": "D785",
        "version": "10.1.198.19",
        "location": "https://downloads.example.com/d785.bin",
    }
    # The phone never said which model it is: nobody is there to be told.
    answer = admin.post("/api/v1/firmware/rollouts", json=wanted)
    assert problem(answer) in ("conflict", "invalid"), answer.text
    path = f"/api/v1/domains/{A}/firmware/rollouts"
    assert admin.post(path, json=wanted).json()["detail"]
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.post(path, json=wanted)) == "not-found"
