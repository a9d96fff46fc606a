"""One call of each native function that a phone's boot goes through, ready to be made.

``instructions`` counts them.  Where much of a call is Python around the function, such
as the client of a connection, ``inside`` names what is counted alone.
"""

import mmap
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from bootwave.native import http, sip, xml
from perf.machine import ROOT

if TYPE_CHECKING:
    from bootwave.native.cache import Cache

CAPTURE = ROOT / "tests/captures/snom370-8.7.5.48.txt"
MAC = 0x0004132E08B4
HERE = "127.0.0.1"
BOOT = "boot"
SETTINGS = 4  # http.target.DocumentKind of a phone's own settings
DOMAIN = 1
FOREVER = 1e12
ETAG = b'"0123456789abcdef0123456789abcdef"'
REQUEST = (
    f"GET /{MAC:012X}.xml HTTP/1.1\r\nHost: {HERE}\r\n"
    "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
    "Connection: close\r\n\r\n"
).encode()


Call = Callable[[], object]


class Counted(NamedTuple):
    """What prepares a call, and a pattern of the C function counted alone, or ""."""

    prepare: Callable[[], AbstractContextManager[Call]]
    inside: str = ""


def calls() -> dict[str, Counted]:
    """Return what can be counted, by name."""
    return {
        "sip.parse": Counted(_parse),
        "sip.mac_from_pnp": Counted(_mac),
        "pnp.PnpLane.answer": Counted(_subscribe, "__pyx_pw_*PnpLane_*answer"),
        "http.recognise": Counted(_recognise),
        "http.Lane.accept": Counted(_get, "__pyx_pw_*Lane_*accept"),
        "cache.keep": Counted(_keep, "__pyx_pw_*Cache_*keep"),
        "cache.assemble": Counted(_cached),
        "ring.add": Counted(_sighting),
        "xml.escape_text": Counted(_escape),
        "xml.pack": Counted(_pack),
        "xml.Plan.assemble": Counted(_assemble),
        "counters.add": Counted(_counter),
    }


PIECES = [b' <setting_name perm="R">on</setting_name>\n' * 9] * 41
VALUES = [f"Value {n} & more" for n in range(40)]


@contextmanager
def _recognise() -> Iterator[Call]:
    yield lambda: http.recognise(REQUEST)


@contextmanager
def _escape() -> Iterator[Call]:
    yield lambda: xml.escape_text(VALUES[0])


@contextmanager
def _pack() -> Iterator[Call]:
    yield lambda: xml.pack(PIECES)


@contextmanager
def _parse() -> Iterator[Call]:
    data = CAPTURE.read_bytes()
    yield lambda: sip.parse(data)


@contextmanager
def _mac() -> Iterator[Call]:
    message = sip.parse(CAPTURE.read_bytes())
    yield lambda: sip.mac_from_pnp(message)


@contextmanager
def _subscribe() -> Iterator[Call]:
    """A new SUBSCRIBE of a phone that is known: 200 and NOTIFY."""
    from bootwave.native.pnp import BoundMacs, PnpLane
    from bootwave.native.ring import SightingRing
    from bootwave.provision.revocations import RevocationPage
    from bootwave.sip.pnp import PnpCore

    revocations = RevocationPage()
    bound = BoundMacs(revocations.memory, 1024)
    stamp = revocations.stamp(MAC, DOMAIN)
    bound.keep(MAC, *revocations.counters_of(MAC, DOMAIN), stamp)
    core = PnpCore(secret=bytes(16), port=5060, off_subnet=False)
    lane = PnpLane(
        core.table,
        bound,
        SightingRing(1 << 16),
        secret=bytes(16),
        port=5060,
        most_sends=1,
    )
    lane.set_links([(1, 0x7F000000, 0xFF000000)], [])
    lane.tell(HERE, "http://127.0.0.1:8080/{mac}.xml")
    before, mark, after = CAPTURE.read_bytes().partition(b"949137397@")
    assert mark
    number = count(1)

    def answer() -> None:
        n = next(number)
        data = b"%b%09d@%b" % (before, n, after)
        source = f"127.1.{n >> 8 & 255}.{n & 255}"
        told = lane.answer(data, source, 1053, HERE, 1, float(n), float(n))
        assert told, "the lane left it to Python"

    yield answer


@contextmanager
def _get() -> Iterator[Call]:
    """A document that is ready, on a new connection, from accept to close."""
    from bootwave.metrics import CounterPage
    from bootwave.native.ring import SightingRing
    from bootwave.options import Options
    from bootwave.provision.cache import DocumentCache, GeneralDocuments
    from bootwave.provision.revocations import RevocationPage
    from bootwave.server.lane import make_lane

    documents, revocations = DocumentCache(1 << 20), RevocationPage()
    counters = CounterPage(1).row(0)
    sightings = SightingRing(64)
    lane = make_lane(
        documents,
        GeneralDocuments(),
        revocations,
        counters,
        sightings,
        Options(),
        BOOT,
    )
    listener = socket.create_server((HERE, 0))
    listener.setblocking(False)
    url = f"http://{HERE}:{Options().http.listen[0].rpartition(':')[2]}"
    port = listener.getsockname()[1]
    for base_url in {url, f"http://{HERE}:{port}", f"http://{HERE}"}:
        _fill(documents.native, lane.stamp(MAC, DOMAIN), base_url)

    def get() -> None:
        with socket.create_connection((HERE, port)) as client:
            client.sendall(REQUEST)
            error, handed = lane.accept(listener.fileno(), 64, 0)
            assert (error, handed or []) == (0, []), "the lane left it to h11"
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        sightings.drain(64)

    try:
        yield get
    finally:
        listener.close()


def _fill(cache: "Cache", stamp: int, base_url: str = "http://a") -> None:
    until = time.clock_gettime(time.CLOCK_BOOTTIME) + 1e6
    packed = xml.pack([xml.escape_text(value) for value in VALUES])
    cache.keep(
        MAC,
        DOMAIN,
        stamp,
        until,
        BOOT,
        HERE,
        True,
        SETTINGS,
        base_url,
        "snom370",
        "8.4.35",
        PLAN,
        packed,
        ETAG,
    )


PLAN = xml.Plan(PIECES)


@contextmanager
def _keep() -> Iterator[Call]:
    from bootwave.native.cache import Cache

    cache = Cache(1 << 24)
    packed = xml.pack([xml.escape_text(value) for value in VALUES])
    number = count(MAC)

    def keep() -> None:
        cache.keep(
            next(number),
            DOMAIN,
            1,
            FOREVER,
            BOOT,
            HERE,
            True,
            SETTINGS,
            "http://a",
            "snom370",
            "8.4.35",
            PLAN,
            packed,
            ETAG,
        )

    yield keep


@contextmanager
def _cached() -> Iterator[Call]:
    from bootwave.native.cache import Cache

    cache = Cache(1 << 20)
    _fill(cache, 1)
    assert cache.assemble(MAC, SETTINGS, "http://a", "snom370", "8.4.35")
    yield lambda: cache.assemble(MAC, SETTINGS, "http://a", "snom370", "8.4.35")


@contextmanager
def _sighting() -> Iterator[Call]:
    from bootwave.native.ring import SightingRing

    ring = SightingRing(1 << 16)
    yield lambda: ring.add(1.0, MAC, HERE, 1, "snom370 8.4.35")


@contextmanager
def _assemble() -> Iterator[Call]:
    packed = xml.pack([xml.escape_text(value) for value in VALUES])
    yield lambda: PLAN.assemble(packed)


@contextmanager
def _counter() -> Iterator[Call]:
    from bootwave.native.counters import Counters

    counters = Counters(mmap.mmap(-1, mmap.PAGESIZE))
    yield lambda: counters.add(1, 1)
