import asyncio
import ssl
from pathlib import Path

import pytest

import bootwave
from bootwave.engine import local_options, make_store
from bootwave.errors import OperatorError
from bootwave.options import HttpsOptions
from tests.certificates import factory
from tests.server.tls.serving import files as pem_file
from tests.server.tls.serving import server_files

PHONE = 0x0004132E08B4
DOMAIN = {"name": "pbx.example.com"}
ACCOUNT = {
    "extension": "401",
    "domain": "pbx.example.com",
    "name": "Anna",
    "password": "not-for-others",
    "mac": f"{PHONE:012X}",
}


async def fetch(address: tuple[str, int], path: str) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_an_engine_without_options_serves_on_ports_the_kernel_chose() -> None:
    async def scenario() -> None:
        async with bootwave.Engine() as engine:
            await engine.bulk(domains=[DOMAIN], accounts=[ACCOUNT], open_minutes=10)
            answer = await fetch(engine.http_address, f"/{PHONE:012X}.xml")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"not-for-others" in answer
            assert engine.pnp_address[1] != 0
            assert len(engine.listeners) == 3

    asyncio.run(scenario())


def test_an_operation_is_in_force_when_it_returns(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bootwave.Engine(local_options(tmp_path)) as engine:
            await engine.bulk(domains=[DOMAIN], accounts=[ACCOUNT], open_minutes=10)
            first = await fetch(engine.http_address, f"/{PHONE:012X}.xml")
            await engine.call("window.close", accounts=["401@pbx.example.com"])
            second = await fetch(engine.http_address, f"/{PHONE:012X}.xml")
            assert first.startswith(b"HTTP/1.1 200 ")
            assert second.startswith(b"HTTP/1.1 401 ")

    asyncio.run(scenario())


def test_a_wrong_argument_is_one_sentence() -> None:
    async def scenario() -> None:
        async with bootwave.Engine() as engine:
            for wrong in (
                engine.call("window.open", accounts="401@pbx.example.com"),
                engine.call("domain.add", name=7),
                engine.bulk(domains=[{"language": "English"}]),
                engine.bulk(domains=[{"name": "x.example.com", "language": 7}]),  # type: ignore[dict-item]
                engine.bulk(accounts=[401]),  # type: ignore[list-item]
            ):
                with pytest.raises(OperatorError) as caught:
                    await wrong
                assert str(caught.value).endswith(".")
            assert await engine.call("domain.list") == []

    asyncio.run(scenario())


def test_what_an_engine_was_told_is_there_for_the_next_one(tmp_path: Path) -> None:
    async def once(told: bool) -> list[str]:
        async with bootwave.Engine(local_options(tmp_path)) as engine:
            if told:
                await engine.bulk(domains=[DOMAIN], accounts=[ACCOUNT])
            listed = await engine.call("records.page", resource="accounts")
            return [row["account"] for row in listed["rows"]]

    assert asyncio.run(once(True)) == asyncio.run(once(False)) != []


def test_a_second_engine_on_the_same_store_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bootwave.Engine(local_options(tmp_path)):
            with pytest.raises(OperatorError, match="Another engine serves"):
                async with bootwave.Engine(local_options(tmp_path)):
                    pass

    asyncio.run(scenario())


def test_a_stopped_engine_gives_back_everything_it_opened(tmp_path: Path) -> None:
    options = local_options(tmp_path)
    make_store(options)

    async def scenario() -> set[str]:
        async with bootwave.Engine(options) as engine:
            await engine.bulk(
                domains=[DOMAIN], accounts=[ACCOUNT], open_minutes=10, update=True
            )
            await fetch(engine.http_address, f"/{PHONE:012X}.xml")
        return {
            str(path.readlink())
            for path in Path("/proc/self/fd").iterdir()
            if path.is_symlink()
        }

    open_files = asyncio.run(scenario())
    assert not [name for name in open_files if str(tmp_path) in name]
    assert not options.store.control_socket.exists()
    asyncio.run(scenario())


def test_an_engine_serves_https_where_the_options_say_so(tmp_path: Path) -> None:
    files = tmp_path / "tls"
    https = HttpsOptions(
        listen=("127.0.0.1:0",),
        certificates=(server_files(files),),
        **factory.options(files),
    )
    options = local_options(tmp_path).model_copy(update={"https": https})
    chain, key = factory.phone(PHONE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    async def get(engine: bootwave.Engine) -> bytes:
        reader, writer = await asyncio.open_connection(
            *engine.https_address, ssl=context
        )
        writer.write(
            f"GET /{PHONE:012X}.xml HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            "".encode()
        )
        answer = await reader.read()
        writer.close()
        return answer

    async def scenario() -> None:
        async with bootwave.Engine(options) as engine:
            await engine.bulk(domains=[DOMAIN], accounts=[ACCOUNT])
            assert (await get(engine)).startswith(b"HTTP/1.1 401 ")
            context.load_cert_chain(pem_file(chain, key, tmp_path / "phone.pem"))
            for _ in range(2):
                assert b"not-for-others" in await get(engine)
            assert engine.listeners[1].startswith("https 127.0.0.1:")
        async with bootwave.Engine() as engine:
            with pytest.raises(RuntimeError, match="TLS"):
                engine.https_address  # noqa: B018

    asyncio.run(scenario())
