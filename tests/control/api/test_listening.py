"""The API as the engine serves it."""

import asyncio
import errno
import logging
import ssl
import threading
import time
from pathlib import Path

import httpx
import pytest

from bootwave import Engine
from bootwave.cli.tlsfiles import self_signed_files
from bootwave.control.api.arrivals import Arrivals
from bootwave.options import ControlOptions, Options
from tests.control.api.conftest import PASSWORD

THREADS = "bootwave-passwords", "bootwave-reader", "bootwave-looker"


async def asked(options: Options, **client: object) -> httpx.Response:
    async with Engine(options) as engine:
        await engine.call("admin.add", name="anna", password=PASSWORD)
        host, port = engine.api_address
        scheme = "https" if options.control.certificates else "http"
        url = f"{scheme}://{host}:{port}/api/v1/session"
        assert f"control {host}:{port}" in engine.listeners
        async with httpx.AsyncClient(timeout=20, **client) as http:  # type: ignore[arg-type]
            body = {"name": "anna", "password": PASSWORD}
            return await http.post(url, json=body)


def with_api(options: Options, **control: object) -> Options:
    made = ControlOptions(listen="127.0.0.1:0", **control)  # type: ignore[arg-type]
    return options.model_copy(update={"control": made})


def test_an_engine_serves_the_api(options: Options) -> None:
    answer = asyncio.run(asked(with_api(options)))
    assert answer.status_code == 201


def test_over_tls_the_cookie_goes_nowhere_else(
    options: Options, tmp_path: Path
) -> None:
    path = tmp_path / "api.pem"
    for each, content in self_signed_files([path], time.time()).items():
        each.write_bytes(content)
        each.chmod(0o600)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    answer = asyncio.run(
        asked(with_api(options, certificates=(path,)), verify=trusting)
    )
    assert answer.status_code == 201
    name, *parts = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-bootwave=")
    assert "secure" in map(str.lower, parts)


def test_a_start_that_fails_leaves_nothing_behind(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Arrivals) -> None:
        raise OSError(errno.EADDRINUSE, "in use")

    async def scenario() -> None:
        async with Engine(with_api(options)):
            names = [each.name for each in threading.enumerate()]
            assert not [name for name in names if name.startswith(THREADS)]
            running = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
            assert "EventFeed._watch" not in running

    monkeypatch.setattr(Arrivals, "start", fail)
    asyncio.run(scenario())


def test_an_engine_that_was_not_asked_serves_none(options: Options) -> None:
    async def scenario() -> None:
        async with Engine(options) as engine:
            with pytest.raises(RuntimeError, match=r"control\.listen"):
                _ = engine.api_address

    asyncio.run(scenario())


def test_no_logger_of_the_embedding_program_is_changed(
    options: Options, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    names = ("uvicorn", "uvicorn.error", "uvicorn.access")

    def state() -> list[tuple[object, ...]]:
        loggers = map(logging.getLogger, names)
        return [(each.level, each.propagate, *each.handlers) for each in loggers]

    before = state()
    asyncio.run(asked(with_api(options)))
    assert state() == before
    assert not [one for one in caplog.records if one.name.startswith("uvicorn")]


def test_it_stops_although_somebody_stays_connected(options: Options) -> None:
    async def scenario() -> None:
        async with Engine(with_api(options)) as engine:
            reader, writer = await asyncio.open_connection(*engine.api_address)
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.read(15)).startswith(b"HTTP/1.1 200")
        while await reader.read(65_536):
            pass
        writer.close()

    asyncio.run(scenario())
