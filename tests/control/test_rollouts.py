"""A control process that carries roll-outs out: real datagrams, a store, no workers."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bootwave.control.plane import ControlPlane
from bootwave.engine import local_options, make_store
from bootwave.http.authorization import Digest, authorization_from
from bootwave.http.digest import expected_response, ha1
from bootwave.metrics import CounterPage
from bootwave.options import Options, WavesOptions
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from bootwave.wave import sip

DOMAIN = "pbx.example.com"
MAC = 0x0004132E0800
PATIENCE = 20.0


class Phone:
    """Answers NOTIFYs at its address as it is told to, and fetches on demand."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.setblocking(False)
        self.heard: list[sip.Message] = []

    async def notified(self) -> tuple[sip.Message, Any]:
        loop = asyncio.get_running_loop()
        data, source = await asyncio.wait_for(
            loop.sock_recvfrom(self.socket, 4096), PATIENCE
        )
        self.heard.append(sip.read(data))
        return self.heard[-1], source

    def answer(
        self, message: sip.Message, to: Any, status: int, more: str = ""
    ) -> None:
        lines = [f"SIP/2.0 {status} Word"]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            lines.append(f"{name}: {message.one(name.lower())}")
        head = "\r\n".join(lines)
        self.socket.sendto(f"{head}\r\n{more}Content-Length: 0\r\n\r\n".encode(), to)


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.7.1", 0))
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture
def options(tmp_path: Path, port: int) -> Options:
    found = local_options(tmp_path)
    make_store(found)
    # Names that the file of hosts does not have are asked of nobody.
    waves = WavesOptions(phone_port=port, name_servers=("127.0.0.1:9",))
    return found.model_copy(update={"waves": waves})


@asynccontextmanager
async def engine(options: Options) -> AsyncIterator[ControlPlane]:
    plane = ControlPlane(
        *(options, RevocationPage(), AnsweringPage(1), CounterPage(1), []),
        started=time.time(),
    )
    await plane.start()
    try:
        yield plane
    finally:
        await plane.stop()


def served(options: Options, number: int) -> None:
    log = SightingLog(options.store.sightings, options.sightings)
    source = f"127.0.7.{number + 1}"
    sighting = Sighting(time.time(), MAC + number, source, Reason.SERVED_WINDOW)
    log.append([sighting])


async def bound(plane: ControlPlane, phones: int, proxy: str = "") -> None:
    await plane.call("domain.add", {"name": DOMAIN, "outbound_proxy": proxy})
    rows = [
        {
            "extension": str(400 + number),
            "domain": DOMAIN,
            "password": "secret-word",
            "mac": f"{MAC + number:012X}",
        }
        for number in range(phones)
    ]
    await plane.call("account.import", {"rows": rows})


async def until(
    plane: ControlPlane, number: int, condition: Callable[[Any], bool]
) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not condition(shown := await plane.call("rollout.show", {"rollout": number})):
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.05)
    return shown


def test_a_phone_that_challenges_is_shown_its_accounts_password_and_comes_back(
    options: Options, port: int
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            served(options, 0)
            phone = Phone("127.0.7.1", port)
            with phone.socket:
                begun = await plane.call(
                    "rollout.start",
                    {"scope": "device", "target": f"{MAC:012X}", "action": "reboot"},
                )
                message, source = await phone.notified()
                assert message.one("event") == "check-sync;reboot=true"
                assert re.search(r"127\.0\.0\.1:\d+;", message.one("via"))
                challenge = 'Digest realm="snom", nonce="n", algorithm=MD5, qop="auth"'
                challenge = f"WWW-Authenticate: {challenge}\r\n"
                phone.answer(message, source, 401, challenge)
                message, source = await phone.notified()
                shown = authorization_from(message.one("authorization").encode())
                assert isinstance(shown, Digest)
                user_hash = ha1("MD5", b"400", b"snom", b"secret-word")
                assert shown.response == expected_response(shown, b"NOTIFY", user_hash)
                phone.answer(message, source, 200)
                await until(
                    plane, begun["id"], lambda one: one["results"]["accepted"] == 1
                )
                served(options, 0)
                done = await until(
                    plane, begun["id"], lambda one: one["state"] == "done"
                )
                assert done["fates"]["back"] == 1

    asyncio.run(scenario())


def test_the_next_control_process_goes_on(options: Options, port: int) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 2)
            served(options, 0)
            served(options, 1)
            begun = await plane.call(
                "rollout.start", {"scope": "domain", "target": DOMAIN}
            )
        phones = [Phone("127.0.7.1", port), Phone("127.0.7.2", port)]
        async with engine(options) as plane:
            asked = [asyncio.create_task(phone.notified()) for phone in phones]
            (first,), _ = await asyncio.wait(
                asked, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE
            )
            one = asked.index(first)
            phones[one].answer(*first.result(), 200)
            await until(plane, begun["id"], lambda now: now["results"]["accepted"] == 1)
        async with engine(options) as plane:
            await asyncio.sleep(0.5)
            assert not asked[1 - one].done()
            served(options, one)
            message, source = await asked[1 - one]
            phones[1 - one].answer(message, source, 200)
            served(options, 1 - one)
            await until(plane, begun["id"], lambda now: now["state"] == "done")
        assert [len(phone.heard) for phone in phones] == [1, 1]
        for phone in phones:
            phone.socket.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("proxy", ["127.0.7.9", "localhost", "nowhere.invalid"])
def test_phones_behind_nat_are_told_through_the_proxy(
    options: Options, port: int, proxy: str
) -> None:
    host = {"localhost": "127.0.0.1"}.get(proxy, proxy)
    reached = "invalid" not in proxy

    async def scenario() -> None:
        async with engine(options) as plane:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((host if reached else "127.0.0.1", 0))
                free = probe.getsockname()[1]
            await bound(plane, 1, f"{proxy}:{free}")
            log = SightingLog(options.store.sightings, options.sightings)
            seen = Sighting(time.time(), MAC, "203.0.113.5", Reason.SERVED_CERTIFICATE)
            log.append([seen])
            call = plane.call("rollout.start", {"scope": "engine"})
            if not reached:
                number = (await call)["id"]
                shown = await until(plane, number, lambda one: one["state"] == "halted")
                assert (
                    "no name server answers for nowhere.invalid"
                    in (shown["phones"][0]["detail"])
                )
                return
            phone = Phone(host, free)
            with phone.socket:
                number = (await call)["id"]
                message, source = await phone.notified()
                assert message.request_uri == f"sip:400@{DOMAIN}"
                phone.answer(message, source, 480)
                shown = await until(plane, number, lambda one: one["state"] == "halted")
                assert "not registered there" in shown["phones"][0]["detail"]

    asyncio.run(scenario())
