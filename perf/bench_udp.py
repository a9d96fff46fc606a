"""CPU of one PnP exchange, in microseconds, beside the least it can cost.

Run it as a script; ``--json FILE`` also writes the figures.  An exchange is SUBSCRIBE
→ 200 + NOTIFY → 200: two datagrams in, two out.  All phones of a round ask before the
server may read, and confirm likewise, so the server is saturated by construction and
the phones' own cost is not measured.  Contenders alternate round by round; ratios are
medians of the rounds' ratios to the C program (limits/udp_exchange.c).

    C        recvmmsg, canned answers, sendmmsg
    native   the same through native.udp: what its objects cost
    edge     PnpServer around a core of canned answers: what server/udp.py costs
    core     PnpServer around PnpCore: what a phone costs that the lane declines
    engine   PnpServer with the lane: transactions, timers, sightings and their draining
"""

import argparse
import asyncio
import json
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from time import process_time

import uvloop

from bootwave.limits import MAX_NOTIFY_SENDS_UNPROVEN
from bootwave.metrics import CounterPage
from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.native.ring import SightingRing
from bootwave.native.udp import Receiver, send
from bootwave.options import PnpOptions
from bootwave.server.udp import Pnp, PnpServer, PnpSockets, open_pnp_sockets
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.pnp import PnpCore

HERE = Path(__file__).parent
CAPTURE = HERE.parent / "tests/captures/snom370-8.7.5.48.txt"
ROUNDS = 15
PHONES = 1000  # a round is over before timer E of its first phone
MAC = 0x0004132E08B4  # of the capture
URL = "http://127.0.0.1/prov/{mac}.xml"
ACCEPTED = b"SIP/2.0 200 OK".ljust(400, b"x")
NOTIFY = b"NOTIFY sip:".ljust(640, b"x")
SO_RCVBUFFORCE = 33
_ECHOED = re.compile(rb"^(?:Via|From|To|Call-ID|CSeq): [^\r]*\r\n", re.M)

Drain = Callable[[PnpSockets, int, bool], float]


class Phones:
    """All phones of a round, on one socket."""

    def __init__(self) -> None:
        """Open the socket."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._socket.setblocking(False)
        self._text = CAPTURE.read_bytes()
        self._asked = 0

    def ask(self, server: tuple[str, int]) -> None:
        """Send the SUBSCRIBE of each phone."""
        for _ in range(PHONES):
            self._asked += 1
            call_id = b"Call-ID: %d@" % self._asked
            text = re.sub(rb"Call-ID: \d+@", call_id, self._text)
            self._socket.sendto(text, server)

    def confirm(self, server: tuple[str, int]) -> None:
        """Take all answers and confirm each NOTIFY; checks that none is missing."""
        accepted = notified = 0
        while True:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                break
            accepted += data.startswith(b"SIP/2.0 200")
            if data.startswith(b"NOTIFY"):
                notified += 1
                fields = b"".join(_ECHOED.findall(data))
                response = b"SIP/2.0 200 OK\r\n%bContent-Length: 0\r\n\r\n" % fields
                self._socket.sendto(response, server)
        if (accepted, notified) != (PHONES, PHONES):
            sys.exit(f"{accepted} accepted and {notified} notified of {PHONES}")


def in_c(program: Path) -> Drain:
    """Return the contender that runs *program*."""

    def drain(sockets: PnpSockets, waiting: int, answers: bool) -> float:
        fd = sockets.unicast.fileno()
        sizes = [str(len(ACCEPTED)), str(len(NOTIFY))] if answers else []
        told = subprocess.run(
            [program, str(fd), str(waiting), *sizes],
            pass_fds=[fd],
            check=True,
            capture_output=True,
        )
        return int(told.stdout) / 1e9 * waiting

    return drain


def native(sockets: PnpSockets, waiting: int, answers: bool) -> float:
    """Drain through native.udp alone."""
    fd = sockets.unicast.fileno()
    receiver = Receiver(4096)
    began = process_time()
    while waiting:
        batch = receiver.receive(fd)
        waiting -= len(batch)
        if answers:
            send(
                fd,
                [
                    (data, host, port, local, interface)
                    for _, host, port, local, interface, _ in batch
                    for data in (ACCEPTED, NOTIFY)
                ],
            )
    return process_time() - began


class Canned:
    """A core without SIP."""

    def receive_datagram(
        self,
        data: bytes,
        source: Endpoint,
        local: Local,
        now: float,
        *,
        on_link: bool = True,
        received: float | None = None,
    ) -> list[Effect]:
        """Look up every SUBSCRIBE, confirm every response."""
        if data.startswith(b"SUBSCRIBE"):
            return [LookUp(b"", 1, True, local, source, "", "")]
        return [Sight(Reason.PNP_CONFIRMED, 1, source.host, "")]

    def answer(self, lookup: LookUp, url: str | None, now: float) -> list[Effect]:
        """Return the canned answers."""
        return [
            SendDatagram(ACCEPTED, lookup.source, lookup.local),
            SendDatagram(NOTIFY, lookup.source, lookup.local),
            Sight(Reason.PNP_ANSWERED, 1, lookup.source.host, ""),
        ]

    def next_timer(self) -> float | None:
        """Never."""
        return None

    def handle_timer(self, now: float) -> list[Effect]:
        """Do nothing."""
        return []


def served(make_core: Callable[[PnpSockets], Pnp]) -> Drain:
    """Return the contender that is a PnpServer around the core of *make_core*."""
    cores: dict[int, Pnp] = {}

    def urls(lookups: Sequence[LookUp]) -> list[str | None]:
        return [URL] * len(lookups)

    def drain(sockets: PnpSockets, waiting: int, answers: bool) -> float:
        core = cores.setdefault(sockets.port, make_core(sockets))
        wanted = Reason.PNP_ANSWERED if answers else Reason.PNP_CONFIRMED
        left = waiting

        def sight(sighting: Sighting) -> None:
            nonlocal left
            left -= sighting.reason is wanted
            if not left:
                loop.call_soon(done.set)

        async def run() -> float:
            server = PnpServer(sockets, core, urls, sight, CounterPage(1).row(0))
            server.start(loop)
            began = process_time()
            await done.wait()
            spent = process_time() - began
            server.stop()
            return spent

        loop = uvloop.new_event_loop()
        done = asyncio.Event()
        with closing(loop):
            return loop.run_until_complete(run())

    return drain


def laned() -> Drain:
    """Return the contender that is a PnpServer with the lane, the phone bound."""
    ring = SightingRing(50_000)
    bound = BoundMacs(bytes(64), 1)
    bound.keep(MAC, 0, 1, 2, 0)
    # One of them for all rounds: pages that are touched first are no work of phones.
    core = PnpCore(secret=bytes(32), port=5060)
    lane = PnpLane(
        core.table,
        bound,
        ring,
        secret=bytes(32),
        port=5060,
        most_sends=MAX_NOTIFY_SENDS_UNPROVEN,
    )
    lane.tell("127.0.0.1", URL)

    def declined(lookups: Sequence[LookUp]) -> list[str | None]:
        sys.exit(f"{len(lookups)} were declined")

    def drain(sockets: PnpSockets, waiting: int, answers: bool) -> float:
        wanted = Reason.PNP_ANSWERED if answers else Reason.PNP_CONFIRMED
        others: list[Sighting] = []

        async def run() -> float:
            server = PnpServer(
                sockets, core, declined, others.append, CounterPage(1).row(0), lane
            )
            server.start(loop)
            left = waiting
            began = process_time()
            while left > 0 and not others:
                await asyncio.sleep(0)
                for _, _, _, reason, _ in ring.drain(5_000):
                    left -= reason == wanted
            spent = process_time() - began
            server.stop()
            return spent

        loop = uvloop.new_event_loop()
        with closing(loop):
            spent = loop.run_until_complete(run())
        if others:
            sys.exit(f"declined: {others[0]}")
        return spent

    return drain


def measure(drain: Drain, phones: Phones) -> float:
    """Return the microseconds of one exchange."""
    options = PnpOptions(listen="0.0.0.0:0", interfaces=("lo",))
    with closing(open_pnp_sockets(options)) as sockets:
        server = ("127.0.0.1", sockets.port)
        phones.ask(server)
        spent = drain(sockets, PHONES, True)
        phones.confirm(server)
        spent += drain(sockets, PHONES, False)
    return spent / PHONES * 1e6


def main() -> None:
    """Print one line per contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "udp_exchange"
        source = HERE / "limits/udp_exchange.c"
        subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
        contenders: dict[str, Drain] = {
            "C": in_c(program),
            "native": native,
            "edge": served(lambda sockets: Canned()),
            "core": served(
                lambda sockets: PnpCore(secret=bytes(32), port=sockets.port)
            ),
            "engine": laned(),
        }
        phones = Phones()
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(ROUNDS + 2):
            for name, drain in contenders.items():
                spent = measure(drain, phones)
                if number >= 2:  # the first rounds warm up
                    times[name].append(spent)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    print(
        f"{platform.platform()}, Python {platform.python_version()}, {commit}; "
        f"{PHONES} phones, {ROUNDS} rounds, µs of CPU per exchange"
    )
    figures = {}
    for name, costs in times.items():
        ratio = statistics.median(
            one / least for one, least in zip(costs, times["C"], strict=True)
        )
        figures[name] = {"microseconds": statistics.median(costs), "ratio": ratio}
        print(f"{name:8}{figures[name]['microseconds']:8.2f}  {ratio:5.2f} times C")
    if arguments.json:
        arguments.json.write_text(json.dumps({"commit": commit, **figures}, indent=1))


if __name__ == "__main__":
    main()
