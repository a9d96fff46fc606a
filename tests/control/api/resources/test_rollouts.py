"""Roll-outs over HTTP."""

import time

import httpx
import pytest

from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings import SightingLog
from tests.control.api.conftest import MAC, A, B, Served, problem

PATH = "/api/v1/rollouts"


@pytest.fixture(autouse=True)
def seen(api: Served) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    seen = Sighting(time.time(), int(MAC, 16), "127.0.0.9", Reason.SERVED_WINDOW, "")
    SightingLog(api.options.store.sightings).append([seen])


def test_a_roll_out_is_started_shown_and_ended(admin: httpx.Client) -> None:
    night = {"hours": _never()}
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


def test_who_has_one_domain_starts_those_of_it_only(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.post(f"/api/v1/domains/{A}/rollouts", json={})) == "not-found"
    assert problem(theirs.post(f"/api/v1/domains/{B}/rollouts", json={})) == "conflict"
    assert problem(theirs.post(PATH, json={})) == "forbidden"
    assert problem(theirs.get(PATH)) == "forbidden"


def _never() -> str:
    """An hour of the day that is not now."""
    hour = (time.localtime().tm_hour + 12) % 24
    return f"{hour:02}:00-{hour:02}:30"
