"""Errands carried out: ways and targets tried in turn, by real sockets and DNS."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bootwave.certificates import making
from bootwave.control import resolver
from bootwave.control.telling import HALTED, Telling
from bootwave.options import WavesOptions
from bootwave.rollout import notifier
from bootwave.rollout.course import Result
from bootwave.rollout.notifier import Answered, Credentials
from bootwave.rollout.notify import Attempt
from bootwave.rollout.resolving import Proxy
from bootwave.sip.effects import Endpoint
from bootwave.store.rollouts.addresses import Way
from bootwave.store.rollouts.errands import Errand
from bootwave.wave import sip
from tests.control.nameserver import name_server, silent_name_server
from tests.control.test_rollouts import DOMAIN, MAC, Phone

ATTEMPT = Attempt(1, 1_700_000_000.0)


def errand(*ways: Way, mac: int = MAC, riders: tuple[int, ...] = ()) -> Errand:
    return Errand(mac, ATTEMPT, "resync", "401", DOMAIN, ways, riders)


class Answers:
    """What was answered, and how often credentials were asked for."""

    def __init__(self) -> None:
        self.all: list[Answered] = []

    def __call__(self, answered: Answered) -> None:
        self.all.append(answered)

    async def none(self, mac: int, domain: str) -> list[Credentials]:
        return []

    async def until(self, many: int) -> list[Answered]:
        async with asyncio.timeout(20):
            while len(self.all) < many:
                await asyncio.sleep(0.01)
        return self.all


@asynccontextmanager
async def telling(answers: Answers, **options: object) -> AsyncIterator[Telling]:
    made = Telling(
        WavesOptions(**options),  # type: ignore[arg-type]
        answers,
        answers.none,
        chance=os.urandom,
    )
    try:
        yield made
    finally:
        await made.close()


def phone(host: str = "127.0.7.1") -> Phone:
    return Phone(host, 0)


def port_of(each: Phone) -> int:
    return int(each.socket.getsockname()[1])


def closed_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is silent is given up after a moment."""
    monkeypatch.setattr(notifier, "TIMER_F_SECONDS", 0.3)


def test_who_answers_nothing_directly_is_told_once_by_the_proxy(hasty: None) -> None:
    async def scenario() -> None:
        answers = Answers()
        direct, proxy = phone(), phone("127.0.7.2")
        with direct.socket, proxy.socket:
            async with telling(answers) as told:
                ways = (
                    Endpoint("127.0.7.1", port_of(direct)),
                    Proxy("127.0.7.2", port_of(proxy)),
                )
                told.tell(errand(*ways))
                first, _ = await direct.notified()
                second, source = await proxy.notified()
                assert first.request_uri.endswith(f"@127.0.7.1:{port_of(direct)}")
                assert second.request_uri == f"sip:401@{DOMAIN}"
                proxy.answer(second, source, 200)
                answered = await answers.until(1)
                assert answered == [Answered(MAC, ATTEMPT, Result.ACCEPTED)]
                told.tell(errand(*ways))
                answered = await answers.until(2)
                assert answered[1].detail == (
                    "it did not answer; its proxy did not answer"
                )
                await proxy.notified()  # what was not answered just now
                told.tell(errand(*ways))
                third, source = await proxy.notified()
                proxy.answer(third, source, 480)
                answered = await answers.until(3)
                assert answered[2].detail == (
                    "it did not answer; its proxy says 480: it is not registered there"
                )

    asyncio.run(scenario())


def test_nobody_is_told_by_another_way_once_its_roll_out_has_halted(
    hasty: None,
) -> None:
    async def scenario() -> None:
        answers = Answers()
        direct, proxy = phone(), phone("127.0.7.2")
        ways = (
            Endpoint("127.0.7.1", port_of(direct)),
            Proxy("127.0.7.2", port_of(proxy)),
        )
        with direct.socket, proxy.socket:
            async with telling(answers) as told:
                told.go_on_with({ATTEMPT.rollout})
                told.tell(errand(*ways, riders=(MAC + 1,)))
                await direct.notified()
                told.go_on_with({ATTEMPT.rollout + 1})
                first, second = await answers.until(2)
                assert (first.mac, second.mac) == (MAC, MAC + 1)
                assert first.result is second.result is Result.UNREACHABLE
                assert first.detail == f"it did not answer; {HALTED}"
                with pytest.raises(BlockingIOError):
                    proxy.socket.recvfrom(4096)

    asyncio.run(scenario())


def test_one_answer_is_for_all_who_ride_along() -> None:
    async def scenario() -> None:
        answers = Answers()
        proxy = phone()
        with proxy.socket:
            async with telling(answers) as told:
                way = Proxy("127.0.7.1", port_of(proxy))
                told.tell(errand(way, riders=(MAC + 1, MAC + 2)))
                message, source = await proxy.notified()
                proxy.answer(message, source, 200)
                answered = await answers.until(3)
        assert [one.mac for one in answered] == [MAC, MAC + 1, MAC + 2]
        assert {(one.result, one.detail) for one in answered} == {
            (Result.ACCEPTED, "one of the 3 phones of 401 answered for all")
        }

    asyncio.run(scenario())


def zone(*ports: int, transport: str = "tcp") -> list[str]:
    """Return the records of a proxy with a server on each of *ports*, in order."""
    name = f"_sip._{transport}.proxy.example.com"
    return [
        "host-record=here.example.com,127.0.0.1",
        *(
            f"srv-host={name},here.example.com,{port},{number},1"
            for number, port in enumerate(ports)
        ),
    ]


async def streaming(
    answer: Callable[[sip.Message], int], tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                data = await reader.readuntil(b"\r\n\r\n")
                message = sip.read(data)
                lines = [f"SIP/2.0 {answer(message)} Word"]
                for name in ("Via", "From", "To", "Call-ID", "CSeq"):
                    lines.append(f"{name}: {message.one(name.lower())}")
                lines += ["Content-Length: 0", "", ""]
                writer.write("\r\n".join(lines).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    return await asyncio.start_server(run, "127.0.0.1", 0, ssl=tls)


def test_the_next_server_of_a_name_is_tried_and_the_dead_one_is_shunned() -> None:
    heard: list[sip.Message] = []

    def accept(message: sip.Message) -> int:
        heard.append(message)
        return 200

    def refuse(message: sip.Message) -> int:
        heard.append(message)
        return 503

    async def scenario() -> None:
        answers = Answers()
        full, good = await streaming(refuse), await streaming(accept)
        ports = [one.sockets[0].getsockname()[1] for one in (full, good)]
        with name_server(*zone(closed_port(), *ports)) as server:
            text = f"{server.host}:{server.port}"
            async with telling(answers, name_servers=(text,)) as told:
                told.tell(errand(Proxy("proxy.example.com")))
                await answers.until(1)
                told.tell(errand(Proxy("proxy.example.com"), mac=MAC + 1))
                await answers.until(2)
        full.close()
        good.close()
        assert [one.result for one in answers.all] == [Result.ACCEPTED] * 2
        # The one that is out of service, the good one; and then the good one alone.
        assert len(heard) == 3
        assert heard[0].one("via").startswith("SIP/2.0/TCP 127.0.0.1:")
        assert heard[0].one("call-id") != heard[1].one("call-id")

    asyncio.run(scenario())


def test_by_tls_the_name_that_was_written_is_proven_whatever_dns_says(
    tmp_path: Path,
) -> None:
    ca = making.root("proxies", time.time())
    names = ["proxy.example.com"]
    made = making.server_certificate(names, "ecdsa", ca, time.time())
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    (tmp_path / "proxy.pem").write_bytes(made)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "proxy.pem")
    heard: list[sip.Message] = []

    def accept(message: sip.Message) -> int:
        heard.append(message)
        return 200

    async def scenario() -> None:
        answers = Answers()
        server = await streaming(accept, context)
        port = server.sockets[0].getsockname()[1]
        records = (
            "host-record=here.example.com,127.0.0.1",
            f"srv-host=_sips._tcp.proxy.example.com,here.example.com,{port},0,1",
            f"srv-host=_sips._tcp.other.example.com,here.example.com,{port},0,1",
        )
        with name_server(*records) as dns:
            options = {
                "name_servers": (f"{dns.host}:{dns.port}",),
                "proxy_cas": (tmp_path / "ca.pem",),
            }
            async with telling(answers, **options) as told:
                told.tell(errand(Proxy("proxy.example.com", 0, "tls")))
                await answers.until(1)
                told.tell(errand(Proxy("other.example.com", 0, "tls")))
                right, wrong = await answers.until(2)
        server.close()
        assert right == Answered(MAC, ATTEMPT, Result.ACCEPTED)
        assert wrong.result is Result.UNREACHABLE
        assert "Hostname mismatch" in wrong.detail
        (message,) = heard
        assert message.one("via").startswith("SIP/2.0/TLS 127.0.0.1:")

    asyncio.run(scenario())


def test_a_dead_name_server_holds_up_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resolver, "QUESTION_SECONDS", 0.3)
    monkeypatch.setattr(resolver, "SERVER_SECONDS", 0.3)

    async def scenario() -> None:
        answers = Answers()
        here = phone()
        with here.socket, silent_name_server() as server:
            text = f"{server.host}:{server.port}"
            async with telling(answers, name_servers=(text,)) as told:
                room = told.room
                for number in range(3):
                    way = Proxy("proxy.example.com")
                    told.tell(errand(way, mac=MAC + 1 + number))
                told.tell(errand(Endpoint("127.0.7.1", port_of(here))))
                message, source = await here.notified()
                here.answer(message, source, 200)
                first, *others = await answers.until(4)
                assert told.room == room
        assert first == Answered(MAC, ATTEMPT, Result.ACCEPTED)
        assert {(one.result, one.detail) for one in others} == {
            (
                Result.UNREACHABLE,
                "no name server answers for proxy.example.com, its proxy",
            )
        }

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["255.255.255.255", "fe80::1%nothing0"])
def test_a_way_that_is_none_is_told(host: str) -> None:
    async def scenario() -> None:
        answers = Answers()
        async with telling(answers) as told:
            told.tell(errand(Endpoint(host, 5060)))
            (answered,) = await answers.until(1)
        assert answered.result is Result.UNREACHABLE
        assert answered.detail.startswith(f"there is no way to {host}: ")

    asyncio.run(scenario())


def test_a_newer_errand_for_a_phone_takes_the_place_of_the_older() -> None:
    async def scenario() -> None:
        answers = Answers()
        here = phone()
        with here.socket:
            async with telling(answers) as told:
                way = Endpoint("127.0.7.1", port_of(here))
                room = told.room
                told.tell(errand(way))
                older, source = await here.notified()
                newer = Attempt(2, 1_700_000_009.0)
                told.tell(errand(way)._replace(attempt=newer))
                message, _ = await here.notified()
                assert told.room == room - 1
                here.answer(older, source, 489)
                here.answer(message, source, 200)
                answered = await answers.until(1)
        assert answered == [Answered(MAC, newer, Result.ACCEPTED)]

    asyncio.run(scenario())
