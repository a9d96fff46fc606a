"""A round of each native module's work leaves not one byte of memory behind.

Counted by malloc itself, with Python's own allocator put aside: what an object, a
buffer or a table takes is seen, whoever forgot it.  BOOTWAVE_TEST_RUNS makes it longer.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUNDS = 120 * int(os.environ.get("BOOTWAVE_TEST_RUNS", "1"))

pytestmark = pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="a sanitizer has a malloc of its own",
)

# Rounds of work() by turns with looks at malloc's counts; the first fill what is kept.
COUNTED = """
import ctypes, gc, sys

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks",
        "uordblks", "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info

def taken():
    gc.collect()
    info = libc.mallinfo2()
    return info.uordblks + info.hblkhd

for _ in range(5):
    work()
gc.disable()
before = taken()
for _ in range({rounds}):
    work()
after = taken()
print(after - before)
"""

RECOGNISER = """
from bootwave.native.http import recognise
get = b"GET /0004132E08B4.xml HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n"

def work():
    for end in range(len(get) + 1):
        recognise(get[:end])
    try:
        recognise("text")
    except TypeError:
        pass
"""

CACHE = """
import gc
from bootwave.native.cache import Cache, source_bytes
from bootwave.native.xml import Plan, pack

def work():
    plan = Plan([b"<a>", b"</a>"])
    cache = Cache(1 << 16, documents=2)
    for number in range(600):
        cache.keep(number, number % 3, 1, 9.0, "boot", f"10.0.0.{number % 250}", True,
                   number % 5, "http://a", "m", "8", plan if number % 2 else None,
                   pack([b"x" * (number % 90)]), b'"tag"')
        cache.assemble(number, number % 5, "http://a", "m", "8")
        cache.document(number, number % 5, "http://a", "m", "8")
        cache.terms(number // 2)
        source_bytes("fe80::%d" % number)
        try:
            cache.keep(number, 1, 1, 9.0, "boot", "::1", True, 1, "", "", "", plan,
                       b"x", b"")
        except ValueError:
            pass
    cache.drop(599)
    cache.drop_domain(1)
    cache.clear()
"""

XML = """
from bootwave.errors import SettingError
from bootwave.native.xml import Plan, escape_attribute, escape_text, pack

def work():
    for value in ("plain", "a<b>&\\r", "\\u00e4\\U0001f600", "bad\\ufffe", "\\ud800"):
        for escape in (escape_text, escape_attribute):
            try:
                escape(value)
            except SettingError:
                pass
    plan = Plan([b"a", b"b", b"c"])
    packed = pack([b"x" * 300, b""])
    plan.assemble(packed)
    plan.size(memoryview(packed))
    for wrong in (b"", b"\\x80\\x00", packed + b"x"):
        try:
            plan.assemble(wrong)
        except ValueError:
            pass
    try:
        Plan([b"a", "b"])
    except TypeError:
        pass
"""

LANE = """
import os, select, socket, time
import sys
sys.path.insert(0, {root!r})
from tests.native.test_http import CLOSE, GET, LAYOUT, PATIENCE, Bench

bench = Bench(idle=0.0, stall=0.0)
bench.keep()
large = Bench(idle=0.0, stall=0.0)
large.keep(plan=None, packed=bytes(250_000))
large.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
number = 0

def work():
    global number
    number += 1
    # Answered and closed; kept and late; left to others; gone within an answer.
    assert bench.ask(GET + CLOSE) is not None
    bench.served().close()
    for at in range(8):
        bench.ask(GET.replace(b"snom370", b"snom%d" % (number * 8 + at)) + CLOSE)
    assert bench.ask(GET) is None
    stays = bench.served()
    bench.lane.tick(time.monotonic() + 1, 100)
    stays.close()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(large.listener.getsockname())
        client.sendall(GET + CLOSE)
        large.accept()
        large.lane.tick(time.monotonic() + 1, 100)
    # What waits is answered, is told the bytes, is late, and is given up.
    for end in "answer", "say", "late", "abort":
        with bench.connect() as client:
            client.sendall(GET.replace(b"snom370", b"snom300") + CLOSE)
            select.select([bench.listener], [], [], PATIENCE)
            bench.lane.accept(bench.listener.fileno(), 64, 0)
            (miss,) = bench.lane.take_missed()
            if end == "answer":
                bench.keep(model=miss.model, firmware=miss.firmware)
                assert bench.lane.answer(miss)
            elif end == "say":
                assert bench.lane.say(miss, b"an answer")
            elif end == "late":
                _, ((number_, *_),), _ = bench.lane.tick(time.monotonic() + 60, 100)
                os.close(number_)
            else:
                bench.lane.abort()
            bench.revocations.add(LAYOUT[0], 1)
    bench.keep()
    bench.sightings.drain(1000)
    large.sightings.drain(1000)
    bench.asked.clear()
    assert len(bench.lane) == len(large.lane) == 0
"""

SIP = """
from pathlib import Path
from bootwave.errors import SipSyntaxError
from bootwave.native.sip import parse
captures = [p.read_bytes() for p in sorted(Path({captures!r}).glob("*.txt"))]
captures += [p.read_bytes() for p in sorted(Path({torture!r}).glob("*.txt"))]

def work():
    for data in captures:
        try:
            parse(data)
        except SipSyntaxError:
            pass
"""


def left_behind(work: str) -> int:
    """Return how many bytes more are taken after ROUNDS rounds of work()."""
    tests = ROOT / "tests"
    paths = {"root": str(ROOT), "captures": str(tests / "captures")}
    for name, path in {**paths, "torture": str(tests / "torture")}.items():
        work = work.replace("{" + name + "!r}", repr(path))
    done = subprocess.run(
        [sys.executable, "-c", work + COUNTED.replace("{rounds}", str(ROUNDS))],
        env={**os.environ, "PYTHONMALLOC": "malloc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize(
    "work",
    [RECOGNISER, CACHE, XML, LANE, SIP],
    ids=["recogniser", "cache", "xml", "lane", "sip"],
)
def test_its_work_leaves_nothing_behind(work: str) -> None:
    # Less than the smallest object in each round.
    assert left_behind(work) < 20 * ROUNDS


def test_one_byte_forgotten_in_each_round_would_be_seen() -> None:
    work = "kept = []\n\ndef work():\n    kept.append(bytes([1, len(kept) % 251]))\n"
    assert left_behind(work) > 20 * ROUNDS
