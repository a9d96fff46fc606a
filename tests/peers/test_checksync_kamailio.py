"""kamailio, as registrar and proxy of phones behind NAT, tells them by their extension.

It challenges the NOTIFY, judges the answer itself, and forks it to every phone that is
registered, as any registrar does.
"""

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.http.clientdigest import authorization_for, challenge_from
from bootwave.options import Options
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from bootwave.wave import sip
from tests.control import test_rollouts as control
from tests.control.nameserver import free_port
from tests.peers.peer import require

SETTINGS = Path(__file__).with_name("kamailio_proxy.cfg")
options, port = control.options, control.port  # fixtures
DOMAIN, MAC = control.DOMAIN, control.MAC


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[int]:
    """The port of kamailio, by UDP and TCP on 127.0.0.1."""
    program = require("kamailio")
    number = free_port()
    place = tmp_path / "kamailio"
    place.mkdir()
    settings = place / "kamailio.cfg"
    settings.write_text(SETTINGS.read_text().replace("PORT", str(number)))
    process = subprocess.Popen(
        [
            *(program, "-f", str(settings), "-DD", "-E", "-m", "64", "-M", "8"),
            *("-P", str(place / "pid"), "-Y", str(place)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield number
    finally:
        process.terminate()
        process.wait()


class Phone:
    """Registers 400 at the proxy, and answers what comes by it."""

    def __init__(self, host: str, proxy: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()
        self._proxy = ("127.0.0.1", proxy)
        self._count = 0

    async def _received(self, seconds: float) -> sip.Message:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            data, source = await loop.sock_recvfrom(self.socket, 4096)
        assert source == self._proxy
        return sip.read(data)

    async def asked(self, proof: str = "") -> sip.Message:
        """Return the answer to a REGISTER, repeated until the proxy is there."""
        self._count += 1
        lines = [
            f"REGISTER sip:{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{self._count}",
            "Max-Forwards: 70",
            f"From: <sip:400@{DOMAIN}>;tag=a",
            f"To: <sip:400@{DOMAIN}>",
            f"Call-ID: {self.host}",
            f"CSeq: {self._count} REGISTER",
            f"Contact: <sip:400@{self.host}:{self.port}>;expires=600",
            *([proof] if proof else []),
            "Content-Length: 0\r\n\r\n",
        ]
        deadline = time.monotonic() + control.PATIENCE
        while True:
            self.socket.sendto("\r\n".join(lines).encode(), self._proxy)
            try:
                return await self._received(0.3)
            except TimeoutError:
                assert time.monotonic() < deadline

    async def register(self) -> None:
        refused = await self.asked()
        assert refused.status == 401
        challenge = challenge_from(refused.one("www-authenticate").encode())
        assert challenge is not None
        value = authorization_for(
            challenge,
            method=b"REGISTER",
            uri=f"sip:{DOMAIN}".encode(),
            user="400",
            password="secret-word",
            cnonce=b"0123456789",
        )
        taken = await self.asked(f"Authorization: {value.decode()}")
        assert taken.status == 200

    async def notified(self) -> sip.Message:
        """Return the NOTIFY that comes by the proxy, which is answered."""
        message = await self._received(control.PATIENCE)
        lines = ["SIP/2.0 200 OK", *(f"Via: {via}" for via in message.all("via"))]
        for name in ("From", "Call-ID", "CSeq"):
            lines.append(f"{name}: {message.one(name.lower())}")
        lines += [f"To: {message.one('to')};tag=b", "Content-Length: 0", "", ""]
        self.socket.sendto("\r\n".join(lines).encode(), self._proxy)
        return message


def seen(options: Options, number: int, reason: Reason) -> None:
    log = SightingLog(options.store.sightings, options.sightings)
    log.append([Sighting(time.time(), MAC + number, "203.0.113.5", reason)])


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_one_notify_that_the_proxy_challenged_reaches_both_phones_of_the_extension(
    options: Options, proxy: int, transport: str
) -> None:
    async def scenario() -> None:
        phones = [Phone(f"127.0.7.{number}", proxy) for number in (1, 2)]
        async with control.engine(options) as plane:
            outbound = f"127.0.0.1:{proxy};transport={transport}"
            await control.bound(plane, 1, outbound)
            other = {"account": f"400@{DOMAIN}", "mac": f"{MAC + 1:012X}", "add": True}
            await plane.call("account.bind", other)
            for number, phone in enumerate(phones):
                await phone.register()
                seen(options, number, Reason.SERVED_WINDOW)
            begun = await plane.call(
                "rollout.start", {"scope": "domain", "target": DOMAIN, "canary": 1}
            )
            assert [stage["phones"] for stage in begun["stages"]] == [2]
            heard = [await phone.notified() for phone in phones]
            assert {message.method for message in heard} == {"NOTIFY"}
            assert len({message.one("call-id") for message in heard}) == 1
            assert {message.one("event") for message in heard} == {
                "check-sync;reboot=false"
            }
            # What was shown to the proxy goes no further.
            assert not any(message.all("proxy-authorization") for message in heard)
            shown = await control.until(
                plane, begun["id"], lambda one: one["results"]["accepted"] == 2
            )
            assert shown["fates"]["out"] == 2
            for number in range(2):
                seen(options, number, Reason.NOT_MODIFIED)
            await control.until(plane, begun["id"], lambda one: one["state"] == "done")
        for phone in phones:
            phone.socket.close()

    asyncio.run(scenario())


def test_a_phone_that_is_not_registered_is_not_reached(
    options: Options, proxy: int
) -> None:
    async def scenario() -> None:
        phone = Phone("127.0.7.1", proxy)
        async with control.engine(options) as plane:
            await control.bound(plane, 1, f"127.0.0.1:{proxy}")
            with phone.socket:
                assert (await phone.asked()).status == 401  # the proxy is there
            seen(options, 0, Reason.SERVED_WINDOW)
            begun = await plane.call("rollout.start", {"scope": "engine"})
            shown = await control.until(
                plane, begun["id"], lambda one: one["state"] == "halted"
            )
            assert shown["phones"][0]["detail"] == (
                "its proxy says 404: it is not registered there"
            )

    asyncio.run(scenario())
