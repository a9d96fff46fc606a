import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli.tlsfiles import self_signed_files
from bootwave.control.client import ControlClient
from bootwave.control.plane import ControlPlane
from bootwave.engine import local_options, make_store
from bootwave.errors import EngineError, OptionError
from bootwave.metrics import Counter, CounterPage
from bootwave.options import AuditOptions, ControlOptions, Options
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.store.secrets import KeyRing


@pytest.fixture
def options(tmp_path: Path) -> Options:
    found = local_options(tmp_path)
    make_store(found)
    return found


def plane(options: Options, page: RevocationPage, counters: CounterPage) -> Any:
    return ControlPlane(
        options,
        page,
        AnsweringPage(1),
        counters,
        ["http 127.0.0.1:1"],
        started=4711.0,
    )


def asked(options: Options, op: str, **args: Any) -> Any:
    client = ControlClient.connect(options.store.control_socket)
    assert client is not None
    try:
        return client.call(op, args)
    finally:
        client.close()


def test_what_a_command_changed_is_revoked_when_it_is_answered(
    options: Options,
) -> None:
    async def scenario() -> None:
        page, counters = RevocationPage(), CounterPage(2)
        control = plane(options, page, counters)
        await control.start()
        try:
            call = asyncio.to_thread
            await call(asked, options, "domain.add", name="pbx.example.com")
            account = {
                "extension": "401",
                "domain": "pbx.example.com",
                "name": "",
                "password": "x" * 12,
                "mac": "0004132E08B4",
            }
            await control.call("bulk", {"accounts": [account]})
            before = page.stamp(0x0004132E08B4, 1)
            await call(asked, options, "account.unbind", account="401@pbx.example.com")
            assert page.stamp(0x0004132E08B4, 1) != before
        finally:
            await control.stop()

    asyncio.run(scenario())
    assert ControlClient.connect(options.store.control_socket) is None


def test_status_tells_listeners_and_the_counters_of_all_processes(
    options: Options,
) -> None:
    async def scenario() -> Any:
        counters = CounterPage(2)
        counters.row(0).add(Counter.DOCUMENTS, 3)
        counters.row(1).add(Counter.DOCUMENTS, 4)
        control = plane(options, RevocationPage(), counters)
        await control.start()
        try:
            return await asyncio.to_thread(asked, options, "engine.status")
        finally:
            await control.stop()

    told = asyncio.run(scenario())
    assert told["listeners"] == ["http 127.0.0.1:1"]
    assert told["counters"]["documents"] == 7
    assert told["started"] == 4711.0
    assert told["keys"] == KeyRing.load(options.store.key).names


def test_metrics_are_told_with_those_of_the_store_while_an_operation_goes_on(
    options: Options,
) -> None:
    async def scenario() -> str:
        begun, over = threading.Event(), threading.Event()

        def hold() -> None:
            begun.set()
            over.wait()

        control = plane(options, RevocationPage(), CounterPage(1))
        await control.start()
        operation = asyncio.create_task(control.server.in_thread(hold))
        try:
            await asyncio.to_thread(begun.wait)
            async with asyncio.timeout(10):
                text: str = (await control.call("engine.metrics", {}))["text"]
                return text
        finally:
            over.set()
            await operation
            await control.stop()

    assert "bootwave_redirection_phones{" in asyncio.run(scenario())


def test_metrics_are_told_without_those_of_a_store_that_is_away(
    options: Options,
) -> None:
    async def scenario() -> str:
        control = plane(options, RevocationPage(), CounterPage(1))
        await control.start()
        try:
            options.store.database.rename(options.store.database.with_name("away"))
            text: str = (await control.call("engine.metrics", {}))["text"]
            return text
        finally:
            await control.stop()

    text = asyncio.run(scenario())
    assert "bootwave_documents" in text
    assert "bootwave_redirection_phones{" not in text


def test_what_is_refused_comes_back_as_one_sentence(options: Options) -> None:
    async def scenario() -> None:
        control = plane(options, RevocationPage(), CounterPage(1))
        await control.start()
        try:
            with pytest.raises(EngineError, match="none"):
                await asyncio.to_thread(
                    asked, options, "domain.set", name="none.example.com", language="x"
                )
        finally:
            await control.stop()

    asyncio.run(scenario())


def test_a_second_plane_on_the_same_socket_is_refused(options: Options) -> None:
    async def scenario() -> None:
        first = plane(options, RevocationPage(), CounterPage(1))
        second = plane(options, RevocationPage(), CounterPage(1))
        await first.start()
        try:
            with pytest.raises(OptionError):
                await second.start()
        finally:
            await first.stop()
            second.administration.close()

    asyncio.run(scenario())


def test_an_import_whose_client_takes_no_more_steps_is_forgotten(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootwave.control.plane.FORGET_SECONDS", 0.01)
    monkeypatch.setattr("bootwave.store.operations.bulk.BEGUN_SECONDS", 0.0)

    async def scenario() -> None:
        control = plane(options, RevocationPage(), CounterPage(1))
        await control.start()
        try:
            await control.call("domain.add", {"name": "pbx.example.com"})
            begun, waiting = [
                (await control.call("stage.begin", {}))["stage"] for _ in range(2)
            ]
            account = {"extension": "401", "domain": "pbx.example.com"}
            rows = {"stage": begun, "rows": [{**account, "password": "x" * 12}]}
            await control.call("stage.add", rows)
            step = await control.call("stage.import", {"stage": begun, "dry_run": True})
            assert step["more"]
            deadline = time.monotonic() + 10
            while begun in control.administration._stages:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            assert [*control.administration._stages] == [waiting]
        finally:
            await control.stop()

    asyncio.run(scenario())


def test_old_rows_of_the_audit_log_go_by_themselves(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootwave.control.plane.TRIM_SECONDS", 0.01)
    kept = options.model_copy(update={"audit": AuditOptions(keep_days=1e-9)})

    async def scenario() -> None:
        control = plane(kept, RevocationPage(), CounterPage(2))
        await control.start()
        try:
            for name in ("a.example.com", "b.example.com"):
                await control.call("domain.add", {"name": name})
            deadline = time.monotonic() + 10
            rows: list[Any] = []
            while not rows or rows[-1]["seq"] == 1:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
                page = {"resource": "audit", "descending": True}
                rows = (await control.call("records.page", page))["rows"]
            assert rows[0]["action"] == "rows.trimmed"
        finally:
            await control.stop()

    asyncio.run(scenario())


def with_api(options: Options, certificate: Path, listener: socket.socket) -> Any:
    control = ControlOptions(listen="127.0.0.1:0", certificates=(certificate,))
    return ControlPlane(
        options.model_copy(update={"control": control}),
        RevocationPage(),
        AnsweringPage(1),
        CounterPage(1),
        [],
        started=0.0,
        api=[listener],
    )


def test_an_api_that_cannot_be_served_keeps_no_phone_from_anything(
    options: Options, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            control = with_api(options, tmp_path / "no.pem", listener)
            await control.start()
            try:
                await control.call("domain.add", {"name": "a.example.com"})
            finally:
                await control.stop()

    asyncio.run(scenario())
    assert "the API of administrators is not served: " in caplog.text


def test_an_api_is_served_once_what_prevented_it_is_repaired(
    options: Options,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bootwave.control.plane.API_AGAIN_SECONDS", 0.01)
    path = tmp_path / "api.pem"
    (content,) = self_signed_files([path], time.time()).values()
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE

    def put(some: bytes) -> None:
        made = tmp_path / "made.pem"
        made.write_bytes(some)
        made.chmod(0o600)
        made.replace(path)

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            control = with_api(options, path, listener)
            await control.start()
            put(content[:100])
            await until(lambda: caplog.text.count("is not served") == 2)
            put(content)
            await until(lambda: control._api is not None)
            where = listener.getsockname()
            _, writer = await asyncio.open_connection(*where, ssl=trusting)
            writer.close()
            await control.stop()
            assert control._api_awaited.done()

    asyncio.run(scenario())
    # The same thing is said once, however often it is tried.
    assert caplog.text.count("is not served") == 2
