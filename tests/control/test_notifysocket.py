import asyncio
import socket

import pytest

from bootwave.control.notifysocket import NotifySockets
from bootwave.sip.effects import Endpoint


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
