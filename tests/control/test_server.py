"""The control socket as its users see it: real sockets, a stand-in for the store."""

import asyncio
import gc
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from bootwave import log
from bootwave.control import server as server_module
from bootwave.control.client import ControlClient
from bootwave.control.server import ControlServer
from bootwave.errors import EngineError, OptionError

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def run(
    main: Callable[[], Awaitable[None]],
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())  # type: ignore[arg-type]


def call(path: Path, op: str, **args: Any) -> Any:
    client = ControlClient.connect(path)
    assert client is not None
    try:
        return client.call(op, args)
    finally:
        client.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_an_operation_is_run_in_the_one_writer_thread(
    serving: Any, administration: Any, path: Path, loop: Any
) -> None:
    async def main() -> None:
        async with serving():
            calls = [
                asyncio.to_thread(call, path, "domain.add", name=f"d{number}")
                for number in range(8)
            ]
            results = await asyncio.gather(*calls)
        assert [result["name"] for result in results] == [f"d{n}" for n in range(8)]

    run(main, loop)
    assert len(administration.names) == 8
    assert set(administration.threads) == {"bootwave-control_0"}


def test_one_connection_takes_many_operations(serving: Any, path: Path) -> None:
    def many() -> list[Any]:
        client = ControlClient.connect(path)
        assert client is not None
        try:
            return [client.call("domain.add", {"name": str(n)}) for n in range(5)]
        finally:
            client.close()

    async def main() -> None:
        async with serving():
            assert len(await asyncio.to_thread(many)) == 5

    run(main)


def test_an_error_of_the_store_is_its_sentence(serving: Any, path: Path) -> None:
    async def main() -> None:
        async with serving():
            with pytest.raises(EngineError, match=r"^There is no domain x\.$"):
                await asyncio.to_thread(call, path, "domain.remove", name="x")

    run(main)


@pytest.mark.parametrize("op", ["settings.ranges", "domain.list"])
def test_a_fault_of_the_program_is_logged_and_answered(
    serving: Any, path: Path, op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Any] = []
    monkeypatch.setattr(log, "note", lambda event, **values: noted.append(event))

    async def main() -> None:
        async with serving():
            with pytest.raises(EngineError, match=f"failed unexpectedly at {op}"):
                await asyncio.to_thread(call, path, op)
            assert await asyncio.to_thread(call, path, "domain.add", name="x")

    run(main)
    assert noted == [log.CONTROL_OPERATION_FAILED]


def test_a_long_operation_tells_its_progress(
    serving: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PROGRESS_SECONDS", 0.0)
    told: list[tuple[int, int]] = []

    def call_it() -> Any:
        client = ControlClient.connect(path)
        assert client is not None
        try:
            return client.call(
                "account.import",
                {"rows": 3},
                lambda done, total: told.append((done, total)),
            )
        finally:
            client.close()

    async def main() -> None:
        async with serving():
            assert await asyncio.to_thread(call_it) == 3

    run(main)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_extra_operations_are_answered_in_the_loop(serving: Any, path: Path) -> None:
    async def waiting(args: Any) -> Any:
        await asyncio.sleep(0)
        return {"waited": args["n"]}

    async def main() -> None:
        async with serving() as server:
            server.register("engine.status", lambda args: {"workers": 2})
            server.register("engine.wait", waiting)
            status = await asyncio.to_thread(call, path, "engine.status")
            assert status == {"workers": 2}
            assert await asyncio.to_thread(call, path, "engine.wait", n=1) == {
                "waited": 1
            }

    run(main)


def test_extra_operations_that_take_long_tell_their_progress(
    serving: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PROGRESS_SECONDS", 0.0)
    told: list[tuple[int, int]] = []

    async def comparing(args: Any, progress: Callable[[int, int], None]) -> Any:
        for done in range(args["steps"]):
            progress(done, args["steps"])
            await asyncio.sleep(0)
        return "compared"

    def call_it() -> Any:
        client = ControlClient.connect(path)
        assert client is not None
        try:
            return client.call(
                "engine.compare",
                {"steps": 2},
                lambda done, total: told.append((done, total)),
            )
        finally:
            client.close()

    async def main() -> None:
        async with serving() as server:
            server.register_long("engine.compare", comparing)
            assert await asyncio.to_thread(call_it) == "compared"
            assert await server.call("engine.compare", {"steps": 1}) == "compared"

    run(main)
    assert told == [(0, 2), (1, 2)]


def test_the_socket_is_for_its_owner_only_and_goes_with_the_server(
    serving: Any, path: Path
) -> None:
    async def main() -> None:
        async with serving():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.exists()

    run(main)


@pytest.mark.parametrize("loop", LOOPS)
def test_another_user_is_refused_even_if_the_mode_was_widened(
    serving: Any, path: Path, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[Any] = []
    monkeypatch.setattr(log, "note", lambda event, **values: noted.append(values))
    # The peer is this process; so it is the server that is somebody else.
    mine = os.geteuid()
    stranger = struct.pack("3i", 4711, mine + 1, 0)
    monkeypatch.setattr(
        server_module,
        "_CREDENTIALS",
        type(
            "S",
            (),
            {"size": 12, "unpack": lambda s, raw: struct.unpack("3i", stranger)},
        )(),
    )

    async def main() -> None:
        async with serving():
            with pytest.raises(EngineError, match="from root and from its own user"):
                await asyncio.to_thread(call, path, "domain.add", name="x")

    run(main, loop)
    assert noted == [{"pid": 4711, "uid": mine + 1}]


def test_the_kernel_says_who_the_peer_is(
    serving: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "note", lambda event, **values: None)
    monkeypatch.setattr(server_module.os, "geteuid", lambda: 4242)

    async def main() -> None:
        async with serving():
            if os.getuid() == 0:
                assert await asyncio.to_thread(call, path, "domain.add", name="x")
            else:
                with pytest.raises(EngineError, match="from its own user"):
                    await asyncio.to_thread(call, path, "domain.add", name="x")

    run(main)


def test_a_second_engine_does_not_take_the_socket_over(
    serving: Any, path: Path
) -> None:
    async def main() -> None:
        async with serving():
            with pytest.raises(OptionError, match="An engine is running already"):
                await ControlServer(path, object()).start()
            assert await asyncio.to_thread(call, path, "domain.add", name="x")

    run(main)


def test_a_socket_left_by_a_killed_engine_is_replaced(serving: Any, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async def main() -> None:
        async with serving():
            assert await asyncio.to_thread(call, path, "domain.add", name="x")

    run(main)


def test_another_file_in_the_way_is_left_alone(path: Path) -> None:
    path.write_text("precious")

    async def main() -> None:
        with pytest.raises(OptionError, match="is another file"):
            await ControlServer(path, object()).start()

    run(main)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("data", [b"nonsense\n", b'{"id":1}\n', b"\x00\xff\n"])
def test_nonsense_ends_the_connection_and_nothing_else(
    serving: Any, path: Path, data: bytes
) -> None:
    async def main() -> None:
        async with serving():
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(data)
            answer = await asyncio.wait_for(reader.read(), 10)
            assert b'"ok":false' in answer
            writer.close()
            assert await asyncio.to_thread(call, path, "domain.add", name="x")

    run(main)


def test_a_message_beyond_the_bound_ends_the_connection(
    serving: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONTROL_MESSAGE_BYTES", 1000)

    async def main() -> None:
        async with serving():
            with pytest.raises(EngineError, match="longer than 1000 bytes"):
                await asyncio.to_thread(call, path, "domain.add", name="x" * 2000)

    run(main)


def test_a_client_that_hangs_up_does_not_undo_what_it_asked_for(
    serving: Any, administration: Any, path: Path
) -> None:
    administration.go.clear()

    async def main() -> None:
        async with serving():
            _, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"id":1,"op":"domain.add","args":{"name":"x"}}\n')
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.close()
            administration.go.set()
            assert await asyncio.to_thread(call, path, "domain.add", name="y")

    run(main)
    assert administration.names == ["x", "y"]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_hangs_up_ends_what_tells_its_progress_and_what_waits(
    serving: Any,
    administration: Any,
    path: Path,
    loop: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "PROGRESS_SECONDS", 0.0)
    noted: list[Any] = []
    monkeypatch.setattr(log, "note", lambda event, **values: noted.append(event))
    administration.go.clear()

    async def main() -> None:
        running = asyncio.get_running_loop()
        running.set_exception_handler(lambda _, context: noted.append(context))
        async with serving():
            reader, importing = await asyncio.open_unix_connection(str(path))
            importing.write(b'{"id":1,"op":"account.import","args":{"rows":2}}\n')
            assert b"progress" in await reader.readline()
            _, waiting = await asyncio.open_unix_connection(str(path))
            waiting.write(b'{"id":1,"op":"domain.add","args":{"name":"x"}}\n')
            await waiting.drain()
            for writer in (importing, waiting):
                writer.close()
                await writer.wait_closed()
            administration.go.set()
            assert await asyncio.to_thread(call, path, "domain.add", name="y")
        gc.collect()  # by which a forgotten exception would be told

    run(main, loop)
    assert administration.names == ["y"]
    assert noted == []


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_only_stops_sending_gets_its_answer(
    serving: Any, path: Path, loop: Any
) -> None:
    async def main() -> None:
        async with serving():
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"id":1,"op":"account.import","args":{"rows":2}}\n')
            writer.write_eof()
            while b"progress" in (line := await reader.readline()):
                pass
            assert line == b'{"id":1,"ok":true,"result":2}\n'
            writer.close()

    run(main, loop)


def test_too_many_commands_at_once_are_refused(
    serving: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_CONTROL_CONNECTIONS", 2)

    async def main() -> None:
        async with serving():
            idle = [await asyncio.open_unix_connection(str(path)) for _ in range(2)]
            with pytest.raises(EngineError, match="Too many commands"):
                await asyncio.to_thread(call, path, "domain.add", name="x")
            for _, writer in idle:
                writer.close()

    run(main)


def test_a_slow_operation_gives_signs_of_life(
    serving: Any, administration: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "STILL_AT_IT_SECONDS", 0.01)
    administration.go.clear()

    async def main() -> None:
        async with serving():
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"id":7,"op":"domain.add","args":{"name":"x"}}\n')
            for _ in range(3):
                assert await reader.readline() == b'{"id":7,"progress":[0,0]}\n'
            administration.go.set()
            while b"progress" in (line := await reader.readline()):
                pass
            assert b'"ok":true' in line
            writer.close()

    run(main)


def test_a_stopping_server_answers_what_it_was_asked(
    serving: Any, administration: Any, path: Path
) -> None:
    administration.go.clear()

    async def main() -> None:
        async with serving() as server:
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(b'{"id":1,"op":"domain.add","args":{"name":"x"}}\n')
            while not server._busy:
                await asyncio.sleep(0)
            stopping = asyncio.create_task(server.stop())
            await asyncio.sleep(0)
            administration.go.set()
            assert b'"ok":true' in await reader.readline()
            assert await reader.readline() == b""
            writer.close()
            await stopping

    run(main)


def test_a_connection_that_was_just_accepted_is_closed_with_the_server(
    serving: Any, path: Path
) -> None:
    async def main() -> None:
        async with serving():
            ends = []
            for _ in range(20):
                end = socket.socket(socket.AF_UNIX)
                end.connect(str(path))
                ends.append(end)
            await asyncio.sleep(0)
        for end in ends:
            end.close()

    run(main)


def test_others_have_their_turn_between_the_steps_of_an_import(
    serving: Any, administration: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PROGRESS_SECONDS", 0.0)
    administration.go.clear()

    async def main() -> None:
        async with serving() as server:
            reader, importing = await asyncio.open_unix_connection(str(path))
            importing.write(b'{"id":1,"op":"account.import","args":{"rows":2}}\n')
            assert b"progress" in await reader.readline()  # its first step waits
            adding = asyncio.create_task(
                asyncio.to_thread(call, path, "domain.add", name="x")
            )
            while not server._thread._work_queue.qsize():
                await asyncio.sleep(0)
            administration.go.set()
            assert await adding == {"name": "x"}
            while b"progress" in (line := await reader.readline()):
                pass
            assert b'"result":2' in line
            importing.close()

    run(main)
    assert administration.names == ["x", "2 rows"]


@pytest.mark.parametrize("loop", LOOPS)
def test_an_import_that_pauses_is_ended_with_the_server(
    serving: Any,
    administration: Any,
    path: Path,
    loop: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "STOP_SECONDS", 0.01)
    monkeypatch.setattr(server_module, "PROGRESS_SECONDS", 0.0)
    administration.pause = 3_600.0

    async def main() -> None:
        async with serving():
            reader, importing = await asyncio.open_unix_connection(str(path))
            importing.write(b'{"id":1,"op":"account.import","args":{"rows":2}}\n')
            assert b"progress" in await reader.readline()
        assert await reader.read() == b""
        importing.close()

    run(main, loop)
    assert administration.names == []
    assert administration.ended == ["bootwave-control_0"]
