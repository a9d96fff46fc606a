"""Load balancers: whose word is taken, and the settings server behind them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from bootwave.http.connection import Deadlines
from bootwave.http.contact import Contact
from bootwave.http.proxyprotocol import Proxied
from bootwave.http.request import Request
from bootwave.http.response import Response
from bootwave.metrics import Counter, CounterPage
from bootwave.native.ring import SightingRing
from bootwave.options import HttpOptions, Options
from bootwave.provision.cache import DocumentCache, GeneralDocuments
from bootwave.provision.revocations import RevocationPage
from bootwave.server.balancers import Balancers
from bootwave.server.lane import make_lane
from bootwave.server.listeners import close_listeners, open_http_listeners
from bootwave.server.tcp import HttpServer
from bootwave.sightings import Reason, Sighting
from tests.oracle.proxies import LOCAL, PROXY, TCP4, framed, header

GET = b"GET /a HTTP/1.1\r\nHost: pbx\r\n\r\n"
GET_CLOSE = b"GET /a HTTP/1.1\r\nHost: pbx\r\nConnection: close\r\n\r\n"
PHONE = Contact("198.51.100.7", ("192.0.2.80", 80))
FROM_PHONE = header(PHONE.source, PHONE.local)
OTHER = "127.0.0.2"  # no balancer
PATIENCE = 20.0
QUICK = Deadlines(head=0.3, idle=0.3, answer=0.3, write_stall=0.3, linger=0.3)


def run(main: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(PATIENCE):
            await main

    asyncio.run(limited())


@pytest.fixture(params=["off", "on"], autouse=True)
def lane(request: pytest.FixtureRequest) -> None:
    """Once without a lane, once behind one that has nothing ready."""
    Served.lane = request.param


class Served:
    """A running server, what it was asked, and what it saw."""

    lane = "off"

    def __init__(self, deadlines: Deadlines, connections: int) -> None:
        self.by_slot = open_http_listeners(["127.0.0.1:0", "[::1]:0"], 1)
        self.counters = CounterPage(1).row(0)
        self.contacts: list[Contact] = []
        self.sightings: list[Sighting] = []
        options = HttpOptions(
            connections=connections, proxy_protocol=("127.0.0.1/32", "::1")
        )
        self.server = HttpServer(
            self.by_slot[0],
            self.respond,
            self.sightings.append,
            self.counters,
            options,
            deadlines=deadlines,
            lane=make_lane(
                DocumentCache(0),
                GeneralDocuments(),
                RevocationPage(),
                self.counters,
                SightingRing(64),
                Options(http=options),
                "boot",
                deadlines,
            )
            if self.lane == "on"
            else None,
        )

    def respond(self, request: Request, contact: Contact) -> Response:
        self.contacts.append(contact)
        return Response(200, b"yes")

    @property
    def refused(self) -> int:
        return self.counters.load(Counter.HTTP_PROXY_REFUSED)

    async def connect(
        self, number: int = 0, source: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = self.by_slot[0][number].getsockname()[:2]
        return await asyncio.open_connection(
            *address, local_addr=(source, 0) if source else None
        )

    async def exchange(
        self, *pieces: bytes, source: str = "", number: int = 0
    ) -> bytes:
        """What comes until the end of a connection; b"" when it was reset, too."""
        reader, writer = await self.connect(number, source)
        answer = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.02)
            answer = await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return answer


@contextlib.asynccontextmanager
async def serving(
    deadlines: Deadlines | None = None, connections: int = 1000
) -> AsyncIterator[Served]:
    served = Served(deadlines or Deadlines(), connections)
    await served.server.start()
    try:
        yield served
    finally:
        await served.server.stop(0.2)
        close_listeners(served.by_slot)
    assert len(served.server) == 0


@pytest.mark.parametrize(
    "pieces",
    [
        [FROM_PHONE + GET_CLOSE],
        [FROM_PHONE, GET_CLOSE],
        [
            FROM_PHONE[:1],
            FROM_PHONE[1:13],
            FROM_PHONE[13:] + GET_CLOSE[:9],
            GET_CLOSE[9:],
        ],
    ],
    ids=["at once", "header first", "in pieces"],
)
@pytest.mark.parametrize("number", [0, 1], ids=["ipv4", "ipv6"])
def test_a_phone_is_where_the_balancer_says(pieces: list[bytes], number: int) -> None:
    async def main() -> None:
        async with serving() as served:
            answer = await served.exchange(*pieces, number=number)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert served.contacts == [PHONE]
            assert served.sightings == []
            assert served.counters.load(Counter.HTTP_CONNECTIONS) == 1
            assert served.refused == 0

    run(main())


def test_every_request_of_a_connection_is_of_the_phone_it_began_with() -> None:
    async def main() -> None:
        async with serving() as served:
            answers = await served.exchange(FROM_PHONE + GET, GET + GET, GET_CLOSE)
            assert answers.count(b"HTTP/1.1 200 ") == 4
            assert served.contacts == [PHONE] * 4

    run(main())


def test_the_balancer_itself_is_served_under_its_own_address() -> None:
    async def main() -> None:
        async with serving() as served:
            check = framed(LOCAL, 0, b"") + GET_CLOSE
            assert (await served.exchange(check)).startswith(b"HTTP/1.1 200 ")
            own = served.by_slot[0][0].getsockname()
            assert served.contacts == [Contact("127.0.0.1", own)]

    run(main())


@pytest.mark.parametrize(
    "data",
    [
        GET_CLOSE,
        b"PROXY TCP4 198.51.100.7 192.0.2.80 40000 80\r\n" + GET_CLOSE,
        framed(PROXY, 0x00, b"") + GET_CLOSE,
        framed(PROXY, TCP4, bytes(11)) + GET_CLOSE,
        framed(PROXY, TCP4, bytes(12) + b"\x03\x00\x04abcd") + GET_CLOSE,
        framed(PROXY, TCP4, bytes(60_000)),
        b"\x16\x03\x01",
    ],
)
def test_a_balancer_that_says_no_header_is_cut_off_and_counted(data: bytes) -> None:
    async def main() -> None:
        async with serving() as served:
            assert await served.exchange(data) == b""
            assert served.contacts == []
            (sighting,) = served.sightings
            assert sighting.reason is Reason.PROXY_HEADER
            assert sighting.source == "127.0.0.1"
            assert sighting.detail
            assert served.refused == 1

    run(main())


@pytest.mark.parametrize("pieces", [[FROM_PHONE[:20]], [b"PROX"]])
def test_a_header_that_does_not_end_in_time_is_cut_off(pieces: list[bytes]) -> None:
    async def main() -> None:
        async with serving(QUICK) as served:
            assert await served.exchange(*pieces) == b""
            assert [each.reason for each in served.sightings] == [Reason.PROXY_HEADER]
            assert served.refused == 1

    run(main())


def test_a_phone_that_never_asks_is_given_up_as_any_other() -> None:
    async def main() -> None:
        async with serving(QUICK) as served:
            assert await served.exchange(FROM_PHONE) == b""
            (sighting,) = served.sightings
            assert sighting.reason is Reason.HTTP_TIMEOUT
            assert sighting.source == PHONE.source
            assert served.counters.load(Counter.HTTP_TIMEOUTS) == 1
            assert served.refused == 0

    run(main())


def test_after_the_header_what_goes_wrong_is_the_phones_fault() -> None:
    async def main() -> None:
        async with serving() as served:
            for data in (b"\x00\r\n\r\n", FROM_PHONE + GET):
                answer = await served.exchange(FROM_PHONE + data)
                assert answer.startswith(b"HTTP/1.1 400 ")
            for sighting in served.sightings:
                assert sighting.reason is Reason.HTTP_SYNTAX
                assert sighting.source == PHONE.source
            assert served.refused == 0

    run(main())


def test_who_is_no_balancer_is_not_believed() -> None:
    async def main() -> None:
        async with serving() as served:
            forged = await served.exchange(FROM_PHONE + GET_CLOSE, source=OTHER)
            assert forged.startswith(b"HTTP/1.1 400 ")
            assert served.contacts == []
            assert [each.reason for each in served.sightings] == [Reason.HTTP_SYNTAX]
            assert served.sightings[0].source == OTHER
            assert served.refused == 0
            plain = await served.exchange(GET_CLOSE, source=OTHER)
            assert plain.startswith(b"HTTP/1.1 200 ")
            assert [contact.source for contact in served.contacts] == [OTHER]

    run(main())


def test_a_health_check_that_only_connects_leaves_no_trace() -> None:
    async def main() -> None:
        async with serving() as served:
            for data in (b"", framed(LOCAL, 0, b"")):
                reader, writer = await served.connect()
                writer.write(data)
                writer.write_eof()
                assert await reader.read() == b""
                writer.close()
                await writer.wait_closed()
            assert served.sightings == []
            assert served.refused == 0

    run(main())


def test_phones_behind_one_balancer_do_not_pay_for_each_other() -> None:
    """Who holds many places loses one of them, and not who is behind the same box."""

    async def main() -> None:
        async with serving(connections=20) as served:
            lone = await served.connect()
            lone[1].write(header("198.51.100.8"))
            await asyncio.sleep(0.05)
            greedy = []
            for _ in range(16):
                greedy.append(await served.connect())
                greedy[-1][1].write(FROM_PHONE)
                await asyncio.sleep(0.01)
            assert served.sightings
            for sighting in served.sightings:
                assert sighting.reason is Reason.HTTP_CROWDED_OUT
                assert sighting.source == PHONE.source
            lone[1].write(GET_CLOSE)
            assert (await lone[0].read()).startswith(b"HTTP/1.1 200 ")
            for _, writer in [lone, *greedy]:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    run(main())


def test_an_adopted_socket_may_have_been_introduced_already() -> None:
    async def main() -> None:
        async with serving() as served:
            with socket.create_server(("127.0.0.1", 0)) as other:
                for initial, proxied, told in [
                    (FROM_PHONE + GET_CLOSE, None, PHONE),
                    (
                        GET_CLOSE,
                        Proxied("::7", ("::8", 80)),
                        Contact("::7", ("::8", 80)),
                    ),
                ]:
                    reader, writer = await asyncio.open_connection(*other.getsockname())
                    served.server.adopt(other.accept()[0], initial, proxied=proxied)
                    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
                    assert served.contacts[-1] == told
                    writer.close()
                    await writer.wait_closed()

    run(main())


def test_a_server_that_stops_answers_whoever_was_introduced() -> None:
    async def main() -> None:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(FROM_PHONE)
            while not len(served.server):
                await asyncio.sleep(0.01)
            stopping = asyncio.create_task(served.server.stop(PATIENCE))
            await asyncio.sleep(0.05)
            writer.write(GET)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"Connection: close" in answer
            writer.close()
            await writer.wait_closed()
            await stopping
            assert served.contacts == [PHONE]

    run(main())


@pytest.mark.parametrize(
    ("address", "listed"),
    [
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("10.1.255.255", True),
        ("10.2.0.0", False),
        ("fd00::1", True),
        ("fe80::1%2", True),
        ("fe80::2%2", False),
        ("::1", False),
        ("127.0.0.1", False),
    ],
)
def test_addresses_and_subnets_are_listed(address: str, listed: bool) -> None:
    balancers = Balancers(["192.0.2.1", "10.1.0.0/16", "fd00::/8", "fe80::1"])
    assert (address in balancers) == listed
    assert balancers


def test_without_any_nobody_is_one() -> None:
    assert not Balancers([])
    assert "127.0.0.1" not in Balancers([])
    assert Balancers([]).packed == ()


def test_the_lane_is_given_them_in_bytes() -> None:
    assert Balancers(["10.1.0.0/16", "::1"]).packed == (
        (4, 16, bytes([10, 1, 0, 0])),
        (6, 128, bytes(15) + b"\x01"),
    )


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="must be addresses"):
        Balancers(["localhost"])
