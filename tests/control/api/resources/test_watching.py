"""Events, metrics and prospects, as programs read them."""

import sqlite3
import time
from contextlib import closing

import httpx
import orjson
import pytest

from bootwave.control import eventfeed
from bootwave.control.api import desk
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, PASSWORD, A, B, Served, never, problem

EVENTS = "/api/v1/events"


@pytest.fixture(autouse=True)
def bound(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventfeed, "LOOK_SECONDS", 0.02)
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    api.call("account.bind", account=f"401@{B}", mac="000413000002")


def happen(api: Served, *macs: str) -> None:
    SightingLog(api.options.store.sightings).append(
        [
            Sighting(time.time(), int(mac, 16), "192.168.1.7", Reason.CLOSED, "")
            for mac in macs
        ]
    )


def told(
    api: Served, client: httpx.Client, count: int, *macs: str, last: str = ""
) -> list[tuple[str, str]]:
    """Number and MAC of the first events; *macs* are seen once it listens."""
    headers = {"Last-Event-ID": last} if last else {}
    found: list[tuple[str, str]] = []
    number = ""
    with client.stream("GET", EVENTS, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        for line in answer.iter_lines():
            if line.startswith("retry:"):
                happen(api, *macs)
            if line.startswith("id: "):
                number = line.removeprefix("id: ")
            if line.startswith("data: "):
                content = orjson.loads(line.removeprefix("data: "))
                found.append((number, content["mac"]))
                if len(found) == count:
                    return found
    return found


def test_events_come_as_they_happen_and_go_on_behind_the_last(
    api: Served, admin: httpx.Client
) -> None:
    happen(api, MAC)
    found = told(api, admin, 2, MAC, "000413000002")
    assert [mac for _, mac in found] == [MAC, "000413000002"]
    rest = told(api, admin, 1, last=found[0][0])
    assert rest == found[1:]


def test_who_has_one_domain_is_told_of_its_phones(api: Served) -> None:
    theirs = api.token("read", domains=[B])
    found = told(api, theirs, 1, MAC, "000413000009", "000413000002")
    assert [mac for _, mac in found] == ["000413000002"]


@pytest.mark.parametrize("ended", ["revoked", "reduced"])
def test_a_listener_hears_nothing_once_it_may_not(api: Served, ended: str) -> None:
    api.call("admin.add", name="anna", password=PASSWORD, role="domain", domains=[A])
    anna = api.signed_in("anna")
    found: list[str] = []
    with anna.stream("GET", EVENTS) as answer:
        for line in answer.iter_lines():
            if line.startswith("retry:"):
                happen(api, MAC)
            if line.startswith("data: "):
                found.append(orjson.loads(line.removeprefix("data: "))["mac"])
                if ended == "revoked":
                    api.call("admin.password", name="anna", password="x" * 20 + "y")
                else:
                    api.call("admin.set", name="anna", domains=[B])
                happen(api, MAC, "000413000002")
    assert found == [MAC]  # and the server ended it


def test_listening_keeps_no_session_alive(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.call("admin.add", name="anna", password=PASSWORD)
    anna = api.signed_in("anna")
    monkeypatch.setattr(desk, "SEEN_EVERY_SECONDS", 0.0)
    with anna.stream("GET", EVENTS) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 3000"
        api.call("domain.add", name="c.example.com")  # behind what was noted
        before = _seen(api)
        happen(api, MAC)
        assert next(line for line in lines if line.startswith("data: "))
    api.call("domain.add", name="d.example.com")
    assert _seen(api) == before


def _seen(api: Served) -> float:
    with closing(sqlite3.connect(api.options.store.database)) as connection:
        (row,) = connection.execute("SELECT seen FROM administrator_sessions")
    return float(row[0])


def test_who_has_one_domain_is_told_of_its_roll_outs(
    api: Served, admin: httpx.Client
) -> None:
    happened = [
        Sighting(time.time(), int(mac, 16), "127.0.0.9", Reason.SERVED_WINDOW, "")
        for mac in (MAC, "000413000002")
    ]
    SightingLog(api.options.store.sightings).append(happened)
    numbers = {
        domain: admin.post(
            f"/api/v1/domains/{domain}/rollouts", json={"hours": never()}
        ).json()["id"]
        for domain in (A, B)
    }
    for domain, number in numbers.items():
        client = api.token("read", domains=[domain])
        assert rollouts(client) == {number}
    assert rollouts(api.token("read")) == set(numbers.values())


def rollouts(client: httpx.Client) -> set[int]:
    """The roll-outs that are told before a second went by without news of them."""
    found: set[int] = set()
    with client.stream("GET", EVENTS, timeout=httpx.Timeout(20, read=1)) as answer:
        kind = ""
        try:
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind == "rollout":
                    found.add(orjson.loads(value)["id"])
        except httpx.ReadTimeout:
            return found
    return found


def test_only_so_many_listen_and_all_are_let_go_at_the_end(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfeed, "MAX_LISTENERS", 1)
    with admin.stream("GET", EVENTS) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 3000"
        refused = admin.get(EVENTS)
        assert problem(refused) == "busy"
        assert "retry-after" in refused.headers
        text = admin.get("/metrics").text
        assert "\nbootwave_event_listeners 1\n" in text
        assert 'bootwave_event_listeners_dropped_total{reason="refused"} 1' in text
        assert api.plane._api is not None
        api.run(api.plane._api.stop())
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
    api.plane._api = None


def test_metrics_are_those_of_all_processes(api: Served, admin: httpx.Client) -> None:
    answer = admin.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE bootwave_documents_total counter\n" in answer.text
    assert MAC not in answer.text
    assert A not in answer.text
    assert problem(api.client().get("/metrics")) == "signed-out"
    assert problem(api.token("read", domains=[A]).get("/metrics")) == "forbidden"


def test_what_a_phone_would_be_given_is_told(api: Served, admin: httpx.Client) -> None:
    path = f"/health/would-serve/{MAC}"
    assert problem(admin.get(path)) == "invalid"  # nobody knows from where
    happen(api, MAC)
    closed = {way["way"]: way["reason"] for way in admin.get(path).json()["ways"]}
    assert closed["http"] == "CLOSED"
    assert closed["https with its certificate"] == "CLOSED"  # no factory is trusted
    assert closed["https with its credentials"] == "SERVED_CREDENTIALS"
    api.call("window.open", accounts=[f"401@{A}"])
    opened = admin.get(path).json()
    assert (opened["served"], opened["source"]) == (True, "192.168.1.7")
    assert {way["by"] for way in opened["ways"]} == {"window"}
    assert api.call("records.page", resource="windows")["rows"][0]["state"] == "open"
    assert problem(admin.get(path, params={"source": "nowhere"})) == "invalid"
    theirs = api.token("read", domains=[B])
    assert problem(theirs.get(path)) == "not-found"
    assert "s3cret" not in admin.get(path).text


def test_the_status_is_for_who_reaches_all_domains(
    api: Served, admin: httpx.Client
) -> None:
    shown = admin.get("/api/v1/status").json()
    assert shown["counters"].keys() >= {"http_requests"}
    assert shown["version"]
    theirs = api.token("read", domains=[B])
    assert problem(theirs.get("/api/v1/status")) == "forbidden"
