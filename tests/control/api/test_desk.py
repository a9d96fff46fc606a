"""Reads beside writes, and writes one after the other."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import pytest

from bootwave.control.api.desk import Desk
from bootwave.control.api.idempotencykeys import KEY_BYTES, Allowances
from bootwave.control.api.principals import Principal
from bootwave.control.api.readers import Readers
from bootwave.control.api.room import Room
from bootwave.control.api.turns import AT_ONCE
from bootwave.control.operations import OF_ALL_DOMAINS, run
from bootwave.errors import StoreNotFound
from bootwave.sightings import Reason, Sighting
from bootwave.store.access import idempotency
from bootwave.store.administration import Administration
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, PASSWORD, A, B, Served, never, problem

# What is of all domains, as it would be called.
GLOBAL: dict[str, dict[str, Any]] = {
    **{op: {} for op in OF_ALL_DOMAINS},
    "domain.add": {"name": "c.example.com"},
    "domain.remove": {"name": A, "force": True},
    "certificate.block": {"serial": "1A"},
    "certificate.unblock": {"serial": "1A"},
    "redirection.set": {"user": "u", "password": "p", "url": "https://x.example"},
    "firmware.upload": {"name": "x.bin", "path": "/nowhere"},
    "firmware.remove": {"name": "x.bin"},
    "admin.add": {"name": "eve", "password": "correct horse battery"},
    "admin.set": {"name": "eve", "role": "operator"},
    "admin.password": {"name": "eve", "password": "correct horse battery"},
    "admin.remove": {"name": "eve"},
}


def until(condition: Callable[[], bool]) -> None:
    """Return as soon as *condition* holds; fail when it never does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def held(api: Served) -> threading.Event:
    """Hold the writer's thread until the event that is returned is set."""
    go, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert go.wait(20)

    async def start() -> Any:
        return asyncio.ensure_future(api.plane.server.in_thread(hold))

    api.run(start())
    assert begun.wait(10)
    return go


def signed_in(api: Served) -> httpx.Client:
    """Return a client with a session of an operator who was made for it."""
    api.call("admin.add", name="anna", password=PASSWORD, role="operator")
    return api.signed_in("anna")


@pytest.mark.parametrize(
    ("client", "ended"),
    [
        (lambda api: api.token("write"), "DELETE FROM api_tokens"),
        (lambda api: api.token("write"), "UPDATE api_tokens SET expires_at = 1"),
        (lambda api: api.token("write"), "UPDATE api_tokens SET scopes = 'read'"),
        (signed_in, "DELETE FROM administrator_sessions"),
        (signed_in, "UPDATE administrator_sessions SET boot_id = 'another'"),
        (signed_in, "UPDATE administrators SET role = 'read-only'"),
    ],
)
def test_nothing_is_written_for_who_may_not_any_more_when_it_comes_to_that(
    api: Served, client: Callable[[Served], httpx.Client], ended: str
) -> None:
    asker = client(api)
    path = f"/api/v1/domains/{A}/accounts"
    assert api.plane._api is not None
    turns = api.plane._api._desk._turns
    many = AT_ONCE + 1  # of whom the last waits for his turn, and others in the thread

    def add(number: int) -> httpx.Response:
        new = {"number": str(number), "password": "word-word"}
        headers = {"Idempotency-Key": f"of-{number}"}
        return asker.post(path, json=new, headers=headers)

    def waiting() -> int:
        return sum(line.count for line in turns._lines.values())

    go = held(api)
    with ThreadPoolExecutor(many) as clients:
        try:
            asked = [clients.submit(add, number) for number in range(500, 500 + many)]
            until(lambda: waiting() == many)
            # Past the thread that is held: as another process would.
            with closing(sqlite3.connect(api.options.store.database)) as connection:
                connection.execute(ended)
                connection.commit()
        finally:
            go.set()
        answers = [one.result() for one in asked]
    assert {problem(answer) for answer in answers} == {"signed-out"}
    assert (
        len(
            api.call("records.page", resource="accounts", filters={"domain": A})["rows"]
        )
        == 1
    )


@pytest.mark.parametrize(
    ("method", "path", "op"),
    [
        ("GET", f"/api/v1/domains/{A}/revealed", "layer_revealed"),
        ("DELETE", "/api/v1/tokens/pbx", "access_revoke"),
    ],
)
def test_who_may_not_any_more_reveals_and_revokes_nothing(
    api: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str, op: str
) -> None:
    asker = api.token("reveal", "access")
    api.call("admin.token.add", name="pbx", scopes=["read"])
    store = api.plane.administration
    carried_out = getattr(store, op)

    def waited(*named: Any) -> Any:
        # Past the thread that it waited for: as another process would.
        with closing(sqlite3.connect(api.options.store.database)) as connection:
            connection.execute("UPDATE api_tokens SET scopes = 'read'")
            connection.commit()
        return carried_out(*named)

    monkeypatch.setattr(store, op, waited)
    assert problem(asker.request(method, path)) == "signed-out"
    (newest,) = api.notes(limit=1)
    assert newest["action"] == "apitoken.added"


@pytest.mark.parametrize(
    ("method", "path", "op"),
    [
        ("POST", "/api/v1/session/confirmation", "access_confirm"),
        ("PUT", "/api/v1/session/password", "admin_password"),
    ],
)
def test_a_session_that_ended_confirms_nothing_and_renews_no_password(
    api: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str, op: str
) -> None:
    asker = signed_in(api)
    store = api.plane.administration
    carried_out = getattr(store, op)

    def waited(*named: Any, **how: Any) -> Any:
        with closing(sqlite3.connect(api.options.store.database)) as connection:
            connection.execute("DELETE FROM administrator_sessions")
            connection.commit()
        return carried_out(*named, **how)

    monkeypatch.setattr(store, op, waited)
    given = {"password": PASSWORD}
    given |= {"new_password": f"another {PASSWORD}"} if method == "PUT" else {}
    assert problem(asker.request(method, path, json=given)) == "signed-out"
    (newest,) = api.notes(limit=1)
    assert newest["action"] == "session.opened"
    api.signed_in("anna")


def test_what_is_done_in_steps_has_no_turn_between_them(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    removed, resting = Administration.domain_remove_steps, set()

    def rests(
        store: Administration, name: str, *, force: bool = False
    ) -> Generator[float, None, Any]:
        while not go.is_set():
            resting.add(name)
            yield 0.01
        return (yield from removed(store, name, force=force))

    monkeypatch.setattr(Administration, "domain_remove_steps", rests)
    any_state = {"If-Match": "*"}
    with ThreadPoolExecutor(AT_ONCE + 1) as clients:
        try:
            removals = []
            for number in range(AT_ONCE):
                name = f"{number}.example.com"
                api.call("domain.add", name=name)
                path = f"/api/v1/domains/{name}?force=true"
                removals.append(clients.submit(admin.delete, path, headers=any_state))
            until(lambda: len(resting) == AT_ONCE)
            new = {"name": "c.example.com"}
            added = clients.submit(admin.post, "/api/v1/domains", json=new)
            assert added.result(10).status_code == 201
        finally:
            go.set()
        assert {one.result().status_code for one in removals} == {204}
    assert len(api.call("domain.list")) == 3


def test_reads_wait_for_no_write(api: Served, admin: httpx.Client) -> None:
    go = held(api)
    try:
        assert admin.get("/api/v1/domains").status_code == 200
        assert admin.get(f"/api/v1/domains/{A}/accounts/401").status_code == 200
        assert admin.get("/health/ready").status_code == 200
    finally:
        go.set()
    made = admin.post("/api/v1/domains", json={"name": "c.example.com"})
    assert made.status_code == 201


def test_the_same_request_twice_at_once_is_carried_out_once(
    api: Served, admin: httpx.Client
) -> None:
    go = held(api)
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(
            httpx.post(
                f"{api.url}/api/v1/domains",
                json={"name": "c.example.com"},
                headers={**admin.headers, "Idempotency-Key": "once"},
                timeout=20,
            )
        )

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(20)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.content for answer in answers}) == 1
    added = [
        row
        for row in api.notes(subject="c.example.com")
        if row["action"] == "domain.added"
    ]
    assert len(added) == 1


@pytest.mark.parametrize(("left", "again"), [(3 * KEY_BYTES, 201), (KEY_BYTES, 409)])
def test_a_sender_with_nothing_left_is_told_so_and_what_was_done_is_known(
    api: Served, monkeypatch: pytest.MonkeyPatch, left: int, again: int
) -> None:
    assert api.plane._api is not None
    monkeypatch.setattr(api.plane._api._desk, "_allowances", Allowances(left))

    def add(client: httpx.Client, number: int, key: bool = True) -> httpx.Response:
        return client.post(
            f"/api/v1/domains/{A}/accounts",
            json={"number": f"{number}", "password": "s3cret-of-sip"},
            headers={"Idempotency-Key": f"k{number}"} if key else {},
        )

    client = api.token("write", domains=[A])
    number = 500
    while (refused := add(client, number)).status_code == 201 and number < 510:
        number += 1
    assert number > 500
    assert (refused.status_code, problem(refused)) == (429, "too-many")
    assert int(refused.headers["retry-after"]) > 0
    # What was done is known, with its answer while there was place for that.
    assert add(client, 500).status_code == again
    assert add(client, number, key=False).status_code == 201
    # To another one, and to who reaches all domains, it is nothing.
    assert add(api.token("write", domains=[A]), number + 1).status_code == 201
    everywhere = api.token("write")
    for more in range(2, 6):
        assert add(everywhere, number + more).status_code == 201


def test_an_answer_that_is_too_long_to_be_kept_uses_nothing_up(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.plane._api is not None
    monkeypatch.setattr(api.plane._api._desk, "_allowances", Allowances(8 * KEY_BYTES))
    monkeypatch.setattr(idempotency, "MAX_KEPT_BYTES", 10)
    client = api.token("write", domains=[A])

    def add(number: int) -> httpx.Response:
        return client.post(
            f"/api/v1/domains/{A}/accounts",
            json={"number": f"{number}", "password": "s3cret-of-sip"},
            headers={"Idempotency-Key": f"k{number}"},
        )

    assert {add(500 + number).status_code for number in range(8)} == {201}
    assert problem(add(508)) == "too-many"
    assert problem(add(500)) == "answer-lost"


def test_what_is_not_reached_is_not_there_for_an_operation_either(
    api: Served,
) -> None:
    # The second fence: as if a route had forgotten to look.
    api.call("account.bind", account="401@b.example.com", mac=MAC)
    seen = Sighting(time.time(), int(MAC, 16), "127.0.0.9", Reason.SERVED_WINDOW, "")
    SightingLog(api.options.store.sightings).append([seen])
    api.call("rollout.start", scope="engine", hours=never())
    reach = frozenset({A})
    store: Administration = api.plane.administration

    def call(op: str, **args: Any) -> Any:
        return run(store, op, args, actor="x", reach=reach)

    def scenario() -> None:
        for op, args in (
            ("domain.show", {"name": "b.example.com"}),
            ("account.show", {"account": "401@b.example.com"}),
            ("account.remove", {"account": "401@b.example.com"}),
            ("window.open", {"accounts": ["401@b.example.com"]}),
            ("window.open", {"accounts": [], "macs": [MAC]}),
            ("window.close", {"accounts": [], "domain": "b.example.com"}),
            ("domain.set", {"name": "b.example.com", "language": "de"}),
            ("token.make", {"domain": "b.example.com"}),
            ("device.reset", {"mac": MAC}),
            ("device.credentials.revoke", {"mac": MAC}),
            ("device.reset", {"mac": "0004132E08B5"}),
            ("keys.clear", {"scope": "device", "target": MAC}),
            ("settings.list", {"scope": "device", "target": MAC}),
            ("settings.list", {"scope": "account", "target": "401@b.example.com"}),
            ("phonebook.list", {"scope": "domain", "target": "b.example.com"}),
            ("profile.list", {"domain": "b.example.com"}),
            ("group.list", {"domain": "b.example.com"}),
            ("dialplan.list", {"domain": "b.example.com"}),
            ("trust.list", {"domain": "b.example.com"}),
            ("device.show", {"mac": MAC}),
            ("device.check", {"mac": MAC}),
            ("device.show", {"mac": "0004132E08B5"}),
            ("rollout.show", {"rollout": 1}),
            ("rollout.pause", {"rollout": 1}),
            ("rollout.resume", {"rollout": 1}),
            ("rollout.cancel", {"rollout": 1}),
            ("rollout.start", {"scope": "engine"}),
            ("rollout.start", {"scope": "device", "target": MAC}),
            ("rollout.start", {"scope": "domain", "target": "b.example.com"}),
            ("firmware.list", {"scope": "engine"}),
            ("firmware.export", {"scope": "engine"}),
            ("settings.list", {"scope": "engine", "target": ""}),
            ("settings.list", {"scope": "model", "target": "D785"}),
            ("keys.clear", {"scope": "firmware", "target": "D785 10.1-10.2"}),
            ("records.page", {"resource": "audit"}),
            ("records.page", {"resource": "unknown"}),
            ("records.page", {"resource": "sightings", "filters": {"mac": MAC}}),
            (
                "records.page",
                {"resource": "rollout-phones", "filters": {"rollout": "1"}},
            ),
            *((op, GLOBAL[op]) for op in sorted(OF_ALL_DOMAINS)),
        ):
            try:
                call(op, **args)
            except StoreNotFound:
                continue
            raise AssertionError(op)
        for op in ("domain.list", "rollout.list"):
            assert "b.example.com" not in str(call(op))
        for resource in (
            *("domains", "accounts", "windows", "devices", "bindings", "rollouts"),
        ):
            page = call("records.page", resource=resource)
            assert "b.example.com" not in str(page), resource
            assert MAC not in str(page), resource
        # Rows that name a domain which is not reached are wrong, as if it were not.
        row = {"extension": "402", "domain": "b.example.com", "password": "word-word"}
        done = call("account.import", rows=[row])
        assert (done["stored"], done["error_count"]) == (False, 1)
        stage = call("stage.begin")["stage"]
        call("stage.add", stage=stage, rows=[{**row, "extension": "401"}])
        assert call("stage.import", stage=stage, update=True)["added"] == 0
        assert not call("stage.import", stage=stage)["stored"]
        # Whoever comes next is held by nothing.
        assert len(run(store, "domain.list", {}, actor="y")) == 2

    api.run(api.plane.server.in_thread(scenario))


def test_what_is_changed_beside_operations_reaches_what_it_says_and_no_more(
    api: Served,
) -> None:
    desk = Desk(
        api.plane.server,
        api.plane.administration,
        Readers(api.plane._reading, count=1),
        KeyRing.load(api.options.store.key),
        Room(api.options, KeyRing.load(api.options.store.key), dict, 0.0),
    )
    seen: list[tuple[str, list[str]]] = []

    def look(store: Administration) -> None:
        seen.append((store.actor, [row["name"] for row in store.domain_list()]))

    async def scenario() -> None:
        await desk.change("admin:nobody", look)
        for actor, domains in (("admin:some", frozenset({A})), ("admin:all", None)):
            await desk.change_still(Principal(actor, frozenset(), domains), look)
        # The next one, whoever it is, has nothing of those before.
        await desk.change("admin:nobody", look)
        await api.plane.server.in_thread(lambda: look(api.plane.administration))

    api.run(scenario())
    assert seen == [
        ("admin:nobody", []),
        ("admin:some", [A]),
        ("admin:all", [A, B]),
        ("admin:nobody", []),
        ("(engine)", [A, B]),
    ]


def test_a_condition_is_looked_at_within_the_write(
    api: Served, admin: httpx.Client
) -> None:
    path = f"/api/v1/domains/{A}"
    seen = admin.get(path).headers["etag"]
    go = held(api)
    codes: list[int] = []

    def ask(language: str) -> None:
        answer = httpx.patch(
            api.url + path,
            json={"language": language},
            headers={**admin.headers, "If-Match": seen},
            timeout=20,
        )
        codes.append(answer.status_code)

    threads = [threading.Thread(target=ask, args=(each,)) for each in ("de", "fr")]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(codes) == [200, 412]


def test_whoever_is_not_let_in_writes_nothing(api: Served) -> None:
    before = api.notes()
    client = api.client()
    for path in ("/api/v1/domains", f"/api/v1/domains/{A}/accounts"):
        assert problem(client.post(path, json={"name": "x"})) == "signed-out"
    assert api.notes() == before
