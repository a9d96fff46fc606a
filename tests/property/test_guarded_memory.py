"""Caches, plans and the lane with each block of memory laid against a guard page.

What they are given and what they allocate ends where readable memory ends, and what
they freed is gone (tests/guarded_malloc.c): the first byte too far ends the process.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.peer import require

TESTS = Path(__file__).parents[1]

GUARDED = """
import ctypes, os, random, sys
sys.path.insert(0, {root!r})
from bootwave.native.cache import Cache, source_bytes
from bootwave.native.xml import Plan, escape_attribute, escape_text, pack
from tests.native.test_http import CLOSE, GET, Bench, keep_general

own = ctypes.CDLL(None)
own.malloc.restype = ctypes.c_void_p

def cache():
    chance = random.Random(0)
    plans = [Plan([b"p" * n for n in range(size + 1)]) for size in range(8)]
    kept = Cache(60_000, documents=3)
    for number in range(3000):
        plan = chance.choice([None, *plans])
        packed = b"z" * chance.randrange(200)
        if plan is not None:
            packed = pack([b"v" * chance.randrange(200) for _ in range(plan.slots)])
        mac, kind = chance.randrange(120), chance.randrange(5)
        kept.keep(mac, number % 3, chance.randrange(2), 9.0, "boot", "10.0.0.1", True,
                  kind, "http://a", "m", "8", plan, packed,
                  b"t" * chance.randrange(256))
        body = kept.assemble(mac, kind, "http://a", "m", "8")
        if body is not None and plan is not None:
            assert body == plan.assemble(packed)
        if not number % 7:
            kept.drop(chance.randrange(120))
        if not number % 500:
            kept.drop_domain(number % 3)

def xml():
    for size in range(600):
        for end in ("", "&", "<", "\\ufffd", "\\r"):
            escape_text("a" * size + end)
            escape_attribute("a" * size + end)
        packed = pack([b"x" * size, b"y"])
        Plan([b"", b"b" * size, b""]).assemble(packed)
        for wrong in (packed[:-1], packed + b"x"):
            try:
                Plan([b"", b"", b""]).assemble(wrong)
            except ValueError:
                continue
            raise AssertionError

def lane():
    bench = Bench(idle=0.0)
    for size in (0, 1, 200, 4095, 4096, 100_000):
        bench.keep(plan=None, packed=b"x" * size, etag=b'"%d"' % size)
        get = keep_general(bench, b"g" * size)
        for request in (GET, get, GET.replace(b"GET", b"HEAD")):
            assert bench.ask(request + CLOSE) is not None
        client = bench.connect()
        client.sendall(GET + b"\\r\\n")
        assert bench.accept() == []
        client.close()
        bench.lane.tick(1e12, 10)
    bench.sightings.drain(1000)
    bench.listener.close()

own.guard_blocks(1)
{work}
assert own.blocks_guarded() > 100
os.write(1, b"survived")
os._exit(0)
"""

OVERREAD = "ctypes.string_at(own.malloc(96), 97)"
AFTER_FREE = """
block = own.malloc(100)
own.free(ctypes.c_void_p(block))
ctypes.string_at(block, 1)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    gcc = require("gcc")
    library = tmp_path_factory.mktemp("guarded") / "guarded_malloc.so"
    source = TESTS / "guarded_malloc.c"
    flags = ["-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-fno-builtin"]
    subprocess.run([gcc, *flags, "-o", str(library), str(source)], check=True)
    return library


def guarded(library: Path, work: str) -> "subprocess.CompletedProcess[bytes]":
    script = GUARDED.replace("{root!r}", repr(str(TESTS.parent)))
    return subprocess.run(
        [sys.executable, "-c", script.replace("{work}", work)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("work", ["cache()", "xml()", "lane()"])
def test_nothing_is_touched_beyond_a_block_or_after_its_end(
    library: Path, work: str
) -> None:
    done = guarded(library, work)
    assert done.stdout == b"survived", done.stderr.decode()[-2000:]


@pytest.mark.parametrize("work", [OVERREAD, AFTER_FREE], ids=["too-far", "freed"])
def test_one_byte_too_far_and_freed_memory_are_seen(library: Path, work: str) -> None:
    assert guarded(library, work).returncode == -signal.SIGSEGV
