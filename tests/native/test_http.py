"""The lane on real sockets: what it answers, what it leaves, what it never gives."""

import errno
import mmap
import os
import re
import resource
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from bootwave.native.cache import Cache, shared_key
from bootwave.native.counters import Counters
from bootwave.native.http import Lane, recognise
from bootwave.native.ring import SightingRing
from bootwave.native.xml import Plan, pack

ROOT = Path(__file__).parents[2]
MAC = 0x0004132E08B4
URL = "http://127.0.0.1"
AGENT = "Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)"
HERE = "127.0.0.1"
BOOT = "boot-1"
PATIENCE = 20.0
SETTINGS, FILES, GENERAL_FILES = 4, 3, 1
LAYOUT = (0, 2, 16, 32, 64)
REQUESTS, HITS = 1, 4
TAG = b'"0123"'
PLAN = Plan([b"<a>", b"</a>"])
PACKED = pack([b"secret"])
BODY = b"<a>secret</a>"
GET = (
    b"GET /0004132E08B4.xml HTTP/1.1\r\nHost: a\r\nUser-Agent: %b\r\n" % AGENT.encode()
)
CLOSE = b"Connection: close\r\n\r\n"

Handed = tuple[int, bytes, bool, bool, tuple[str, tuple[str, int]] | None]


def described(text: str) -> tuple[str, str, str, int, int]:
    if "snom370" not in text:
        return "", "", "", -1, 0
    found = re.search(r"-SIP (\S+)", text)
    assert found is not None
    firmware = found[1]
    return "snom370", firmware, f"snom370 {firmware}", found.end(), found.end() + 1


class Bench:
    """A lane, its cache, and a listener."""

    def __init__(
        self,
        *,
        idle: float = 15.0,
        stall: float = 20.0,
        changed: dict[str, object] | None = None,
    ) -> None:
        self.cache = Cache(1 << 20)
        self.general = Cache(1 << 20, phones=4, documents=1)
        self.revocations = Counters(mmap.mmap(-1, 4096))
        self.counters = Counters(mmap.mmap(-1, 4096))
        self.sightings = SightingRing(16)
        self.asked: list[str] = []
        options: dict[str, Any] = dict(
            documents=self.cache,
            general=self.general,
            revocations=self.revocations,
            layout=LAYOUT,
            counters=self.counters,
            row=0,
            counted=(0, REQUESTS, 2, 3, HITS),
            sightings=self.sightings,
            reasons=(50, 51, 52, 53),
            boot=self.cache.boot_number(BOOT),
            url="",
            url_of=lambda host, port: f"http://{host}",
            describe=self.describe,
            model_of=lambda text: text.lower(),
            vendors=(0x000413,),
            idle=idle,
            stall=stall,
            answer=20.0,
            capacity=100,
            crowded=80,
        )
        self.lane = Lane(**{**options, **(changed or {})})
        self.listener = socket.create_server((HERE, 0))
        self.listener.setblocking(False)

    def describe(self, text: str) -> tuple[str, str, str, int, int]:
        self.asked.append(text)
        return described(text)

    def keep(self, **how: object) -> None:
        """Keep the settings of MAC, granted unless *how* says otherwise."""
        terms: dict[str, object] = {
            "domain": 1,
            "stamp": self.lane.stamp(MAC, 1),
            "until": time.clock_gettime(time.CLOCK_BOOTTIME) + 600,
            "boot_id": BOOT,
            "source": HERE,
            "clear": True,
            "kind": SETTINGS,
            "base_url": URL,
            "model": "snom370",
            "firmware": "8.4.35",
            "plan": PLAN,
            "packed": PACKED,
            "etag": TAG,
            **how,
        }
        self.cache.keep(MAC, **terms)  # type: ignore[arg-type]

    def connect(self) -> socket.socket:
        client = socket.create_connection(self.listener.getsockname())
        client.settimeout(PATIENCE)
        return client

    def accept(self, held: int = 0) -> list[Handed]:
        select.select([self.listener], [], [], PATIENCE)
        error, handed = self.lane.accept(self.listener.fileno(), 64, held)
        assert error == 0
        return (handed or []) + self.released()

    def released(self) -> list[tuple[int, bytes, bool, bool]]:
        """What was missed, handed over at once."""
        released = [self.lane.release(miss) for miss in self.lane.take_missed() or ()]
        return [handed for handed in released if handed is not None]

    def ask(self, data: bytes) -> bytes | None:
        """What one connection is answered; None when it is handed over whole."""
        with self.connect() as client:
            client.sendall(data)
            handed = self.accept()
            if not handed:
                client.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: client.recv(65536), b""))
            ((number, *how),) = handed
            os.close(number)
            assert how == [data, False, False, None]
            return None

    def served(self) -> socket.socket:
        """A client that was given the settings and stays."""
        client = self.connect()
        client.sendall(GET + b"\r\n")
        assert self.accept() == []
        assert client.recv(65536).endswith(BODY)
        return client

    def turn(self) -> list[Handed]:
        select.select([self.lane.fileno()], [], [], PATIENCE)
        return (self.lane.turn(0) or []) + self.released()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.listener.close()
    made.lane.abort()


def keep_general(bench: Bench, content: bytes) -> bytes:
    """Keep a document that anybody is given; return the request for it."""
    bench.general.keep(
        shared_key(GENERAL_FILES, URL, "snom370", "8.4.35"),
        0,
        bench.revocations.load(LAYOUT[0]),
        0.0,
        "",
        "",
        False,
        GENERAL_FILES,
        URL,
        "snom370",
        "8.4.35",
        None,
        content,
        TAG,
    )
    return GET.replace(b"0004132E08B4.xml", b"snom370.htm")


def timeless(answer: bytes | None) -> bytes:
    """The answer with a date of our own, whose form is checked."""
    assert answer is not None
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    date = lines[1].removeprefix(b"Date: ").decode()
    now = time.time()
    assert date in [formatdate(now - late, usegmt=True) for late in range(30)]
    lines[1] = b"Date: *"
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: *\r\nServer: bootwave\r\n"
    b"Content-Type: application/xml\r\nContent-Length: 13\r\n"
    b'ETag: "0123"\r\nCache-Control: private, no-cache\r\n'
)


def test_what_is_ready_under_a_grant_is_given(bench: Bench) -> None:
    bench.keep()
    answer = bench.ask(GET + CLOSE)
    assert timeless(answer) == HEAD + b"Connection: close\r\n\r\n" + BODY
    (seen,) = bench.sightings.drain(10)
    assert abs(seen[0] - time.time()) < 30
    assert seen[1:] == (MAC, HERE, 51, "snom370 8.4.35")
    assert [bench.counters.load(number) for number in range(5)] == [1, 1, 1, 1, 1]


def test_head_gets_the_head_alone(bench: Bench) -> None:
    bench.keep()
    answer = bench.ask(GET.replace(b"GET", b"HEAD") + CLOSE)
    assert timeless(answer) == HEAD + b"Connection: close\r\n\r\n"


def test_who_has_the_document_gets_304_and_its_length(bench: Bench) -> None:
    bench.keep()
    answer = bench.ask(GET + b"If-None-Match: " + TAG + b"\r\n" + CLOSE)
    assert timeless(answer) == (
        b"HTTP/1.1 304 Not Modified\r\nDate: *\r\nServer: bootwave\r\n"
        b'Content-Length: 13\r\nETag: "0123"\r\n'
        b"Cache-Control: private, no-cache\r\nConnection: close\r\n\r\n"
    )
    assert bench.sightings.drain(10)[0][3] == 52
    other = bench.ask(GET + b'If-None-Match: "x"\r\n' + CLOSE)
    assert other is not None
    assert other.endswith(BODY)


NOW = time.clock_gettime(time.CLOCK_BOOTTIME)


# What is kept on terms that the request does not meet.
UNFIT: list[dict[str, object]] = [
    {"until": NOW - 0.001},
    {"boot_id": "boot-2"},
    {"source": "127.0.0.2"},
    {"source": "::1"},
    {"source": "nonsense"},
    {"clear": False},
    {"stamp": 1},
    {"base_url": "http://127.0.0.2"},
    {"model": "snom710"},
    {"firmware": "8.4.32"},
    {"firmware": ""},
    {"kind": FILES},
]


@pytest.mark.parametrize("how", UNFIT, ids=str)
def test_without_a_grant_that_covers_it_nothing_leaves(
    bench: Bench, how: dict[str, object]
) -> None:
    bench.keep(**how)
    assert bench.ask(GET + CLOSE) is None
    assert bench.sightings.drain(10) == []
    assert bench.counters.load(REQUESTS) == 0


@pytest.mark.parametrize("revoked", [LAYOUT[0], LAYOUT[1] + 1, None])
def test_what_is_revoked_does_not_leave_any_more(
    bench: Bench, revoked: int | None
) -> None:
    bench.keep()
    assert bench.ask(GET + CLOSE) is not None
    if revoked is None:
        revoked = LAYOUT[3] + ((MAC ^ MAC >> 16 ^ MAC >> 32) & LAYOUT[4] - 1)
    bench.revocations.add(revoked, 1)
    assert bench.ask(GET + CLOSE) is None
    bench.keep()
    assert bench.ask(GET + CLOSE) is not None


def test_a_revocation_counts_on_a_connection_that_stayed_open(bench: Bench) -> None:
    bench.keep()
    with bench.connect() as client:
        client.sendall(GET + b"\r\n")
        assert bench.accept() == []
        assert client.recv(65536).endswith(BODY)
        bench.revocations.add(LAYOUT[0], 1)
        client.sendall(GET + b"\r\n")
        ((number, data, answered, proven, _),) = bench.turn()
        os.close(number)
        assert (data, answered, proven) == (GET + b"\r\n", True, True)
        assert len(bench.lane) == 0


def test_a_grant_that_ends_ends_on_an_open_connection_too(bench: Bench) -> None:
    bench.keep(until=time.clock_gettime(time.CLOCK_BOOTTIME) + 0.3)
    with bench.connect() as client:
        client.sendall(GET + b"\r\n")
        assert bench.accept() == []
        client.recv(65536)
        time.sleep(0.35)
        client.sendall(GET + b"\r\n")
        ((number, *_),) = bench.turn()
        os.close(number)


def test_a_connection_stays_open_until_it_is_idle_for_too_long() -> None:
    bench = Bench(idle=0.5)
    bench.keep()
    with bench.connect() as client:
        client.sendall(GET + b"\r\n")
        assert bench.accept() == []
        for _ in range(3):
            assert timeless(client.recv(65536)) == HEAD + b"\r\n" + BODY
            client.sendall(GET + b"\r\n")
            assert bench.turn() == []
        client.recv(65536)
        now = time.monotonic()
        assert bench.lane.tick(now, 100) == ([], [], None)
        assert len(bench.lane) == 1
        assert bench.lane.tick(now + 1.0, 100) == ([], [], None)
        assert len(bench.lane) == 0
        assert client.recv(1) == b""
    assert bench.counters.load(0) == 1
    assert bench.counters.load(REQUESTS) == 4
    bench.listener.close()


def test_http_1_0_closes_unless_it_asks_not_to(bench: Bench) -> None:
    bench.keep()
    old = GET.replace(b"HTTP/1.1", b"HTTP/1.0")
    assert timeless(bench.ask(old + b"\r\n")).startswith(
        HEAD + b"Connection: close\r\n"
    )
    with bench.connect() as client:
        client.sendall(old + b"Connection: keep-alive\r\n\r\n")
        bench.accept()
        kept = timeless(client.recv(65536))
        assert kept == HEAD + b"Connection: keep-alive\r\n\r\n" + BODY


def test_general_documents_are_given_to_anybody(bench: Bench) -> None:
    get = keep_general(bench, b"<list/>")
    answer = bench.ask(get.replace(b"1.1.3-s", b"1.1.3-s 0004132E08B4") + CLOSE)
    assert timeless(answer).endswith(b"Connection: close\r\n\r\n<list/>")
    assert bench.sightings.drain(9)[0][1:] == (MAC, HERE, 50, "snom370 8.4.35")
    bench.revocations.add(LAYOUT[0], 1)
    assert bench.ask(get + CLOSE) is None


def test_phones_that_differ_by_their_mac_alone_are_described_once(bench: Bench) -> None:
    bench.keep()
    for number in range(5):
        agent = b"1.1.3-s) 0004130000%02x" % number
        assert bench.ask(GET.replace(b"1.1.3-s)", agent) + CLOSE) is not None
    assert len(bench.asked) == 1


def test_a_phone_with_another_firmware_is_not_given_what_was_made_before(
    bench: Bench,
) -> None:
    bench.keep()
    new = GET.replace(b"8.4.35", b"8.7.5.48")
    assert bench.ask(new + CLOSE) is None
    bench.keep(firmware="8.7.5.48", packed=pack([b"new"]))
    assert timeless(bench.ask(new + CLOSE)).endswith(b"<a>new</a>")
    assert timeless(bench.ask(GET + CLOSE)).endswith(BODY)


@pytest.mark.parametrize(
    "data",
    [
        GET,
        GET[:20],
        GET + CLOSE + b"G",
        GET + b"Cookie: a\r\n" + CLOSE,
        GET.replace(b"GET", b"POST") + CLOSE,
        GET.replace(b".xml", b".txt") + CLOSE,
        b"\x16\x03\x01",
    ],
)
def test_what_is_not_fully_understood_is_handed_over_with_every_byte(
    bench: Bench, data: bytes
) -> None:
    bench.keep()
    assert bench.ask(data) is None


def test_a_connection_that_says_nothing_is_handed_over(bench: Bench) -> None:
    with bench.connect():
        ((number, data, answered, *_),) = bench.accept()
        os.close(number)
        assert (data, answered) == (b"", False)


def test_a_question_of_python_that_fails_leaves_the_request_to_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(text: str) -> tuple[str, str, str, int, int]:
        raise RuntimeError

    bench.keep()
    monkeypatch.setattr(sys.modules[__name__], "described", fail)
    assert bench.ask(GET + CLOSE) is None


def test_a_large_answer_reaches_a_slow_reader_whole(bench: Bench) -> None:
    body = os.urandom(200_000)
    bench.keep(plan=None, packed=body)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(bench.listener.getsockname())
        bench.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for kept in (True, False):
            client.sendall(GET + (b"\r\n" if kept else CLOSE))
            if kept:
                assert bench.accept() == []
            else:
                assert bench.turn() == []
            received = b""
            while not received.endswith(body[-100:]):
                received += client.recv(65536)
                if select.select([bench.lane.fileno()], [], [], 0)[0]:
                    assert bench.lane.turn(0) is None
            assert received.endswith(b"\r\n\r\n" + body)
        assert client.recv(1) == b""
    assert len(bench.lane) == 0


def test_who_stops_reading_is_reset_and_told(bench: Bench) -> None:
    bench = Bench(stall=0.5)
    bench.keep(plan=None, packed=bytes(250_000))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(bench.listener.getsockname())
        bench.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.sendall(GET + CLOSE)
        assert bench.accept() == []
        if len(bench.lane):  # unless the kernel took all of it
            (broken, *_) = bench.lane.tick(time.monotonic() + 1.0, 100)
            assert broken == [(HERE, True)]
        assert len(bench.lane) == 0
    bench.listener.close()


def test_what_was_asked_in_time_is_answered_by_a_process_that_is_late() -> None:
    bench = Bench(idle=0.3)
    bench.keep()
    with bench.served() as ready, bench.served() as other, bench.served() as silent:
        # The process stops here, and the deadlines pass meanwhile.
        ready.sendall(GET + b"\r\n")
        other.sendall(GET)
        time.sleep(0.35)
        stalled, _, handed = bench.lane.tick(time.monotonic() + 0.3, 100)
        assert stalled == []
        ((number, data, answered, proven, _ends),) = handed or []
        os.close(number)
        assert (data, answered, proven) == (GET, True, True)
        assert ready.recv(65536).endswith(BODY)
        assert silent.recv(1) == b""
        assert len(bench.lane) == 1
        assert bench.lane.tick(time.monotonic() + 1.0, 100) == ([], [], None)
        assert len(bench.lane) == 0
    bench.listener.close()


def reading_slowly(bench: Bench, *, source: str = HERE) -> socket.socket:
    """A client that asks for what is large, and does not read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(PATIENCE)
    client.bind((source, 0))
    bench.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client.connect(bench.listener.getsockname())
    return client


def test_who_read_on_while_the_process_was_late_is_not_reset() -> None:
    bench = Bench(stall=0.3)
    body = os.urandom(250_000)
    bench.keep(plan=None, packed=body)
    with reading_slowly(bench) as client:
        client.sendall(GET + CLOSE)
        assert bench.accept() == []
        assert len(bench.lane) == 1, "the kernel took all of it"
        received = client.recv(65536)
        time.sleep(0.35)  # it is stopped here, and late when it goes on
        assert bench.lane.tick(time.monotonic(), 100) == ([], [], None)
        while not received.endswith(body[-100:]):
            some = client.recv(65536)
            assert some
            received += some
            assert bench.lane.turn(0) is None
        assert client.recv(1) == b""
    bench.listener.close()


def test_who_does_not_read_its_answer_can_be_closed_for_others(bench: Bench) -> None:
    bench.keep(plan=None, packed=bytes(250_000))
    get = keep_general(bench, bytes(250_000))
    clients = []
    for source, data in (("127.0.0.2", get), (HERE, get), (HERE, GET)):
        clients.append(reading_slowly(bench, source=source))
        clients[-1].sendall(data + b"\r\n")
        assert bench.accept() == []
    bench.keep()
    clients.append(bench.served())
    assert len(bench.lane) == 4
    assert bench.lane.close_slow() == "127.0.0.2"
    assert bench.lane.close_slow() == HERE
    assert bench.lane.close_slow() is None
    assert len(bench.lane) == 2
    assert bench.lane.close_oldest() == HERE
    assert clients[-1].recv(1) == b""
    assert bench.lane.close_oldest() == HERE
    assert bench.lane.close_oldest() is None
    assert len(bench.lane) == 0
    for client in clients:
        client.close()


def test_when_places_are_short_the_proven_are_kept(bench: Bench) -> None:
    bench.keep()
    with bench.connect() as first:
        first.sendall(GET + b"\r\n")
        assert bench.accept(held=98) == []
        with bench.connect() as late:
            late.sendall(GET + b"\r\n")
            ((number, data, answered, granted, _),) = bench.accept(held=99)
            os.close(number)
            assert (data, answered, granted) == (b"", True, True)
            assert late.recv(65536).endswith(BODY)
        assert bench.lane.close_oldest() == HERE
        assert bench.lane.close_oldest() is None
        assert first.recv(65536).endswith(BODY)
        assert first.recv(1) == b""


def test_a_lane_that_finishes_gives_up_what_idles(bench: Bench) -> None:
    bench.keep()
    with bench.connect() as client:
        client.sendall(GET + b"\r\n")
        bench.accept()
        client.recv(65536)
        ((number, data, answered, proven, _),) = bench.lane.finish() or []
        os.close(number)
        assert (data, answered, proven) == (b"", True, True)


def test_a_peer_that_goes_is_forgotten(bench: Bench) -> None:
    bench.keep()
    client = bench.connect()
    client.sendall(GET + b"\r\n")
    bench.accept()
    client.recv(65536)
    assert len(bench.lane) == 1
    client.close()
    assert bench.turn() == []
    assert len(bench.lane) == 0


def test_running_out_of_descriptors_is_told(bench: Bench) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with bench.connect():
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
        taken = []
        try:
            while True:
                taken.append(os.dup(0))
        except OSError:
            pass
        try:
            error, handed = bench.lane.accept(bench.listener.fileno(), 64, 0)
        finally:
            for number in taken:
                os.close(number)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (error, handed) == (errno.EMFILE, None)
        ((number, *_),) = bench.accept()
        os.close(number)


def test_a_hundred_phones_are_served_in_one_turn_each(bench: Bench) -> None:
    bench.keep()
    clients = [bench.connect() for _ in range(90)]
    for client in clients:
        client.sendall(GET + CLOSE)
    while bench.counters.load(REQUESTS) < 90:
        assert bench.accept() == []
    for client in clients:
        with client:
            assert client.recv(65536).endswith(BODY)


@pytest.mark.parametrize(
    "changed",
    [{"layout": (0, 2, 3, 32, 64)}, {"layout": (0, 2, 16, 32, 4096)}, {"row": 600}],
)
def test_what_does_not_fit_the_counters_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"counter|layout"):
        Bench(changed=changed)


GUARDED = """
import os
from bootwave.native.http import recognise
from tests.guard import flush_right

agent = b"User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\\r\\n"
wholes = [
    b"GET " + target + b" HTTP/1.1\\r\\nHost: " + host + b"\\r\\n" + agent
    + b'Accept: */*\\r\\nIf-None-Match: "a"\\r\\nConnection: close\\r\\n\\r\\n'
    for target in (b"/0004132E08B4.xml", b"/snom370-0004132E08B4.htm", b"/snom370.htm",
                   b"/general/snom370.xml", b"/a?mac=0004132E08B4",
                   b"/snom370-firmware.htm", b"/general.xml")
    for host in (b"a", b"[::1]:80", b"192.0.2.1:8080")
]
count = 0
for whole in wholes:
    assert recognise(flush_right(whole)) is not None
    for end in range(len(whole)):
        assert recognise(flush_right(whole[:end])) is None
        changed = whole[:end] + b"\\r" + whole[end + 1 :]
        recognise(flush_right(changed))
os.write(1, b"survived")
os._exit(0)
"""


def test_recognising_reads_nothing_beyond_the_bytes() -> None:
    child = subprocess.run(
        [sys.executable, "-c", GUARDED], cwd=ROOT, capture_output=True, timeout=60
    )
    assert child.stdout == b"survived", child.stderr.decode()


def test_only_bytes_are_recognised() -> None:
    assert recognise(b"") is None
    assert recognise(bytearray(GET + CLOSE)) is not None
    with pytest.raises(TypeError):
        recognise("text")  # type: ignore[arg-type]


TOKEN = b"tabcdefghijklmnopqrstuvwxyz"


def get_below(folder: bytes) -> bytes:
    path = b"/%b/0004132E08B4.xml" % folder if folder else b"/0004132E08B4.xml"
    return GET.replace(b"/0004132E08B4.xml", path) + CLOSE


@pytest.fixture
def guarded(bench: Bench) -> Bench:
    bench.keep()
    bench.cache.guard(MAC, TOKEN)
    return bench


def test_what_asks_for_a_token_is_given_to_the_url_that_has_it(guarded: Bench) -> None:
    answer = guarded.ask(get_below(TOKEN))
    assert answer is not None
    assert answer.endswith(BODY)
    answer = guarded.ask(get_below(b"prov/" + TOKEN + b"/more"))
    assert answer is not None


@pytest.mark.parametrize(
    "folder",
    [
        b"",
        b"prov",
        TOKEN[:-1],
        TOKEN + b"a",
        TOKEN[:-1] + b"a",
        TOKEN[:-1] + b"Z",
        TOKEN + b"/" + TOKEN[:-1] + b"a",
    ],
)
def test_any_other_url_is_left_to_be_decided(guarded: Bench, folder: bytes) -> None:
    assert guarded.ask(get_below(folder)) is None


def test_where_no_token_is_asked_for_any_url_is_good(bench: Bench) -> None:
    bench.keep()
    for folder in (b"", TOKEN, b"prov/" + TOKEN):
        assert bench.ask(get_below(folder)) is not None
    bench.cache.guard(MAC, b"")
    for folder in (b"", TOKEN):
        assert bench.ask(get_below(folder)) is None
    bench.cache.guard(MAC, None)
    assert bench.ask(get_below(b"")) is not None


def test_who_waits_is_answered_only_by_its_own_token(bench: Bench) -> None:
    for token, is_answered in ((TOKEN, True), (TOKEN[:-1] + b"a", False)):
        with bench.connect() as client:
            client.sendall(get_below(token))
            select.select([bench.listener], [], [], PATIENCE)
            bench.lane.accept(bench.listener.fileno(), 64, 0)
            (miss,) = bench.lane.take_missed() or ()
            assert miss.token == token
            bench.keep()
            bench.cache.guard(MAC, TOKEN)
            assert bench.lane.answer(miss) is is_answered
            bench.cache.clear()
            bench.lane.say(miss, b"HTTP/1.1 401 x\r\n\r\n")


def test_a_general_document_below_a_token_is_left_to_others(bench: Bench) -> None:
    bench.general.keep(
        shared_key(GENERAL_FILES, URL, "snom370", "8.4.35"), 0, 0, 0.0, "", "", False,
        GENERAL_FILES, URL, "snom370", "8.4.35", None, b"list", TAG,
    )  # fmt: skip
    path = b"/snom370.htm"
    assert bench.ask(GET.replace(b"/0004132E08B4.xml", path) + CLOSE) is not None
    below = b"/" + TOKEN + path
    assert bench.ask(GET.replace(b"/0004132E08B4.xml", below) + CLOSE) is None


def test_a_token_is_asked_for_over_tls_too(guarded: Bench) -> None:
    for mac in (0, MAC):  # by its source, and by its certificate
        for folder, is_answered in ((TOKEN, True), (b"", False), (b"prov", False)):
            said = guarded.lane.reply(get_below(folder), HERE, URL, mac)
            assert (said is not None) is is_answered


# What others hold is answered here, too: requests over TLS.

ELSEWHERE = "2001:db8::7"


def test_a_certificate_opens_its_own_document_from_anywhere(bench: Bench) -> None:
    bench.keep(clear=False)
    for source in (HERE, ELSEWHERE, "fe80::7%2"):
        said = bench.lane.reply(GET + CLOSE, source, URL, MAC)
        assert said is not None
        answer, keep_alive, own = said
        assert timeless(answer) == HEAD + b"Connection: close\r\n\r\n" + BODY
        assert (keep_alive, own) == (False, True)
    seen = bench.sightings.drain(10)
    assert [one[2] for one in seen] == [HERE, ELSEWHERE, "fe80::7%2"]
    assert {one[1:2] + one[3:] for one in seen} == {(MAC, 53, "snom370 8.4.35")}
    assert [bench.counters.load(number) for number in range(5)] == [0, 3, 3, 3, 3]
    said = bench.lane.reply(GET + b"\r\n", HERE, URL, MAC)
    assert said is not None
    assert said[1]


@pytest.mark.parametrize(
    "how",
    [
        {"until": 0.0},
        {"boot_id": "another boot"},
        {"base_url": "https://elsewhere"},
        {"model": "snom300"},
        {"firmware": "8.7.5.48"},
        {"stamp": 99},
    ],
)
def test_no_certificate_opens_what_is_over(bench: Bench, how: dict[str, Any]) -> None:
    bench.keep(**how)
    assert bench.lane.reply(GET + CLOSE, HERE, URL, MAC) is None


def test_a_certificate_is_compared_with_the_mac_of_each_request(bench: Bench) -> None:
    bench.keep()
    assert bench.lane.reply(GET + CLOSE, HERE, URL, MAC + 1) is None
    assert bench.lane.reply(GET + CLOSE, HERE, URL, 1) is None
    assert not bench.sightings.drain(10)


@pytest.mark.parametrize("index", [0, 2 + 1, 32 + ((MAC ^ MAC >> 16 ^ MAC >> 32) & 63)])
def test_what_was_revoked_is_not_said(bench: Bench, index: int) -> None:
    bench.keep()
    assert bench.lane.reply(GET + CLOSE, HERE, URL, MAC) is not None
    bench.revocations.add(index, 1)
    assert bench.lane.reply(GET + CLOSE, HERE, URL, MAC) is None


def test_a_window_holds_over_tls_too_for_its_source(bench: Bench) -> None:
    bench.keep(clear=False)
    said = bench.lane.reply(GET + CLOSE, HERE, URL, 0)
    assert said is not None
    assert said[0].endswith(BODY)
    assert [one[3] for one in bench.sightings.drain(10)] == [51]
    assert bench.lane.reply(GET + CLOSE, "127.0.0.2", URL, 0) is None
    assert bench.lane.reply(GET + CLOSE, ELSEWHERE, URL, 0) is None


def test_what_is_current_is_said_so_over_tls(bench: Bench) -> None:
    bench.keep()
    current = GET + b"If-None-Match: " + TAG + b"\r\n" + CLOSE
    said = bench.lane.reply(current, HERE, URL, MAC)
    assert said is not None
    assert said[0].startswith(b"HTTP/1.1 304 ")
    assert [one[3] for one in bench.sightings.drain(10)] == [52]


def test_a_general_document_is_for_everybody(bench: Bench) -> None:
    asked = keep_general(bench, b"<general/>") + CLOSE
    for mac in (0, MAC, MAC + 1):
        said = bench.lane.reply(asked, ELSEWHERE, URL, mac)
        assert said is not None
        assert said[0].endswith(b"<general/>")
        assert said[1:] == (False, False)
    assert {one[3] for one in bench.sightings.drain(10)} == {50}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET,
        GET + CLOSE + b"G",
        GET + b"\r\n" + GET + b"\r\n",
        GET + b"Authorization: Basic YTpi\r\n" + CLOSE,
        GET.replace(b"GET", b"PUT") + CLOSE,
        b"\x00" * 99,
    ],
)
def test_what_is_not_one_plain_request_is_left_to_others(
    bench: Bench, data: bytes
) -> None:
    bench.keep()
    assert bench.lane.reply(data, HERE, URL, MAC) is None


@pytest.mark.parametrize("source", ["", "nobody", "1.2.3.4.5", "x" * 100, "%"])
def test_what_is_no_address_is_answered_by_others(bench: Bench, source: str) -> None:
    bench.keep()
    assert bench.lane.reply(GET + CLOSE, source, URL, MAC) is None


def test_the_last_answers_say_that_they_are(bench: Bench) -> None:
    bench.keep()
    bench.lane.finish()
    said = bench.lane.reply(GET + b"\r\n", HERE, URL, MAC)
    assert said is not None
    assert b"Connection: close\r\n" in said[0]
    assert not said[1]
