"""One way to the operations, with an engine or without."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bootwave.control import session as session_module
from bootwave.control.session import DirectSession, LiveSession, open_session
from bootwave.errors import EngineError, OptionError, StoreConflict, StoreNotFound
from bootwave.options import Options, StoreOptions
from bootwave.store.create import create
from bootwave.store.lock import EngineLock
from bootwave.store.secrets import KeyRing


@pytest.fixture
def options(tmp_path: Path) -> Options:
    store = StoreOptions(
        database=tmp_path / "bootwave.db",
        sightings=tmp_path / "sightings.db",
        key=tmp_path / "bootwave.key",
        control_socket=tmp_path / "control.sock",
    )
    create(store.database)
    KeyRing.create(store.key)
    return Options(store=store)


def test_without_an_engine_operations_run_on_the_store(options: Options) -> None:
    with open_session(options) as session:
        assert isinstance(session, DirectSession)
        assert not session.live
        session.call("domain.add", name="a.example.com")
        with pytest.raises(StoreConflict):
            session.call("domain.add", name="a.example.com")
    with open_session(options) as session:
        assert [d["name"] for d in session.call("domain.list")] == ["a.example.com"]


def test_with_an_engine_operations_travel_to_it(
    options: Options, serving: Any, administration: Any
) -> None:
    def call() -> Any:
        with open_session(options) as session:
            assert isinstance(session, LiveSession)
            assert session.live
            return session.call("domain.add", name="b.example.com")

    async def main() -> None:
        async with serving():
            assert await asyncio.to_thread(call) == {"name": "b.example.com"}

    asyncio.run(main())
    assert administration.names == ["b.example.com"]


def test_an_argument_may_have_any_name_of_an_operation(options: Options) -> None:
    with open_session(options) as session:
        session.call("domain.add", name="a.example.com")
        session.call(
            "account.add", account="1@a.example.com", password="p", name="x", mac=""
        )
        assert session.call("account.show", account="1@a.example.com")["name"] == "x"


def test_progress_is_told_without_an_engine_too(options: Options) -> None:
    told: list[tuple[int, int]] = []
    rows = [
        {"extension": str(number), "domain": "a.example.com", "password": "p"}
        for number in range(1000)
    ]
    with open_session(options) as session:
        session.call("domain.add", name="a.example.com")
        session.call(
            "account.import",
            rows=rows,
            progress=lambda done, total: told.append((done, total)),
        )
    assert told[0] == (0, 1000)
    assert told[-1] == (1000, 1000)
    assert told == sorted(told)


def test_a_store_that_cannot_be_opened_is_a_sentence(options: Options) -> None:
    options.store.key.chmod(0o644)
    with pytest.raises(OptionError, match="can be read by others"):
        open_session(options)
    options.store.key.chmod(0o600)
    options.store.database.unlink()
    with pytest.raises(StoreNotFound, match="There is no database"):
        open_session(options)


def test_an_unknown_operation_is_refused(options: Options) -> None:
    with open_session(options) as session, pytest.raises(EngineError):
        session.call("engine.status")


def test_a_command_waits_for_the_control_process_of_an_engine_that_runs(
    options: Options, serving: Any, administration: Any
) -> None:
    def call() -> Any:
        with open_session(options) as session:
            assert isinstance(session, LiveSession)
            return session.call("domain.add", name="c.example.com")

    async def main() -> None:
        lock = EngineLock(options.store.database)
        try:
            waiting = asyncio.create_task(asyncio.to_thread(call))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            async with serving():
                assert await waiting == {"name": "c.example.com"}
        finally:
            lock.release()

    asyncio.run(main())
    assert administration.names == ["c.example.com"]


def test_past_an_engine_that_never_answers_the_store_is_reached(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "RESTART_SECONDS", 0.1)
    lock = EngineLock(options.store.database)
    try:
        with open_session(options) as session:
            assert isinstance(session, DirectSession)
    finally:
        lock.release()
