import asyncio
import socket

import pytest

from bootwave.control.notifysocket import NotifySockets, numeric_zone
from bootwave.sip.effects import Endpoint
from tests.namespaces import Machine, in_namespace, ip


@pytest.mark.parametrize("host", ["127.0.0.9", "::1"])
def test_an_answer_comes_back_to_where_the_request_says_it_is_from(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    heard: list[tuple[bytes, Endpoint]] = []

    async def scenario() -> None:
        sockets = NotifySockets(lambda data, source: heard.append((data, source)))
        with socket.socket(family, socket.SOCK_DGRAM) as phone:
            phone.bind((host, 0))
            phone.settimeout(10)
            to = Endpoint(host, phone.getsockname()[1])
            try:
                sent_by = sockets.sent_by(host)
                sockets.send(b"hello", to)
                data, source = phone.recvfrom(100)
                assert (data, Endpoint(*source[:2])) == (b"hello", sent_by)
                phone.sendto(b"x" * 5000, source)  # longer than any SIP
                phone.sendto(b"answer", source)
                while not heard:
                    await asyncio.sleep(0.01)
            finally:
                sockets.close()
            assert heard == [(b"answer", to)]

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_what_cannot_be_sent_is_lost() -> None:
    async def scenario() -> None:
        sockets = NotifySockets(lambda data, source: None)
        try:
            sockets.send(b"x" * 70_000, Endpoint("127.0.0.9", 9))
            sockets.send(b"x", Endpoint("127.0.0.9", 9))
            await asyncio.sleep(0.05)
            sockets.send(b"x", Endpoint("127.0.0.9", 9))
        finally:
            sockets.close()

    asyncio.run(scenario())


def _link_local() -> None:
    machine = Machine()
    machine.plug("lan", "lan", "10.1.0.2/24")
    ip("addr add fe80::1/64 dev lan nodad")
    ip("link set lan up")
    with machine.entered():
        ip("addr add fe80::2/64 dev lan nodad")
        phone = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        phone.bind(("::", 5060))
    phone.settimeout(10)
    heard: list[Endpoint] = []

    async def scenario() -> None:
        sockets = NotifySockets(lambda data, source: heard.append(source))
        try:
            for zone in ("lan", str(socket.if_nametoindex("lan"))):
                to = Endpoint(f"fe80::2%{zone}", 5060)
                assert sockets.sent_by(to.host).host.startswith("fe80::1")
                sockets.send(b"hello", to)
                data, source = await asyncio.to_thread(phone.recvfrom, 100)
                assert data == b"hello"
                phone.sendto(b"answer", source)
                many = len(heard)
                while len(heard) == many:
                    await asyncio.sleep(0.01)
                assert heard[-1] == Endpoint(numeric_zone(to.host), 5060)
        finally:
            sockets.close()

    with phone:
        asyncio.run(asyncio.wait_for(scenario(), 20))


def test_a_phone_at_a_link_local_address_is_told_on_its_link() -> None:
    in_namespace(_link_local)


def test_an_interface_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="interface"):
        numeric_zone("fe80::1%nothing0")
    assert numeric_zone("fe80::1%7") == "fe80::1%7"
    assert numeric_zone("127.0.0.1") == "127.0.0.1"
