"""Make tests/corpus/lane: few small requests that go every way through the recogniser.

    python tools/lane_corpus.py [--executions N] [--seed N]

Builds ext/http.pyx once more, with gcc telling each step from one piece of its machine
code to the next, and fuzzes that.  A request that goes a new way, or goes round a loop
more often than any before, is made as small as it can be without losing it.  In the end
the fewest are kept that go every way found, beside those in the folder whose names
begin with "found-": those were once read in two ways.
"""

import argparse
import ctypes
import importlib.util
import random
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.oracle.lane import check  # noqa: E402
from tools.fuzz_lane import CORPUS, mutated, read_corpus, whole  # noqa: E402

BUILT = ROOT / "build" / "corpus"
PLACES = 1 << 16

# Counts each step from one basic block to another; only those of one call count.
COUNTING = """
#include <stdint.h>
#include <string.h>
uint8_t bw_steps[%d];
static uintptr_t before;
void bw_begin(void) { memset(bw_steps, 0, sizeof bw_steps); before = 0; }
void __sanitizer_cov_trace_pc(void) {
    uintptr_t here = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&before;
    uint8_t *at = bw_steps + ((here ^ before) & (sizeof bw_steps - 1));
    *at += *at < 255;
    before = here >> 1;
}
"""


def build() -> tuple[ModuleType, ctypes.CDLL]:
    """Return the instrumented module, and the library in it that counts."""
    BUILT.mkdir(parents=True, exist_ok=True)
    counting, source = BUILT / "counting.c", BUILT / "http.c"
    counting.write_text(COUNTING % PLACES)
    cython = [sys.executable, "-m", "cython", "-3", "-I", str(ROOT / "ext")]
    subprocess.run(
        [*cython, "-o", str(source), str(ROOT / "ext" / "http.pyx")], check=True
    )
    objects = []
    for path, flags in ((counting, []), (source, ["-fsanitize-coverage=trace-pc"])):
        objects.append(str(path.with_suffix(".o")))
        include = f"-I{sysconfig.get_path('include')}"
        compiled = ["gcc", "-O1", "-fPIC", "-w", *flags, include, "-c", str(path)]
        subprocess.run([*compiled, "-o", objects[-1]], check=True)
    library = BUILT / "http.so"
    subprocess.run(["gcc", "-shared", "-o", str(library), *objects], check=True)
    spec = importlib.util.spec_from_file_location("bootwave.native.http", library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, ctypes.CDLL(str(library))


class Ways:
    """Tells which ways a request goes: steps, and how often each, by powers of two."""

    def __init__(self) -> None:
        """Build what tells it."""
        self._module, library = build()
        self._begin = library.bw_begin
        self._steps = (ctypes.c_uint8 * PLACES).in_dll(library, "bw_steps")

    def of(self, data: bytes) -> frozenset[tuple[int, int]]:
        """Return the ways of *data*."""
        self._begin()
        self._module.recognise(data)
        steps = bytes(self._steps)
        rest = steps.lstrip(b"\0")
        found, at = [], len(steps) - len(rest)
        while at < PLACES:
            found.append((at, steps[at].bit_length()))
            at += 1
            rest = steps[at:].lstrip(b"\0")
            at = PLACES - len(rest)
        return frozenset(found)


def smaller(data: bytes, kept: frozenset[tuple[int, int]], ways: Ways) -> bytes:
    """Return the shortest that cutting pieces out of *data* leaves with those ways."""
    size = len(data) // 2
    while size:
        at = 0
        while at < len(data):
            cut = data[:at] + data[at + size :]
            if kept <= ways.of(cut):
                data = cut
            else:
                at += size
        size //= 2
    return data


def distilled(
    seeds: Iterable[bytes], executions: int, chance: random.Random, ways: Ways
) -> list[bytes]:
    """Return few requests that go all ways found from *seeds* on."""
    pool: dict[bytes, frozenset[tuple[int, int]]] = {}
    seen: set[tuple[int, int]] = set()

    def take(data: bytes) -> None:
        found = ways.of(data)
        if found <= seen:
            return
        data = smaller(data, found - seen, ways)
        found = ways.of(data)
        check(data)
        seen.update(found)
        pool[data] = found

    for data in sorted(seeds, key=lambda data: (len(data), data)):
        take(data)
    for number in range(executions):
        base = chance.choice(list(pool)) if number % 2 and pool else whole(chance)
        take(mutated(base, chance))
        if number % 10_000 == 0:
            print(f"{number} of {executions}, {len(pool)} kept, {len(seen)} ways")
    fewest: list[bytes] = []
    missing = set(seen)
    for data in sorted(pool, key=lambda data: (len(data), data)):
        # Shortest first would keep too many; the ones nobody else covers come first.
        others = set().union(*(pool[other] for other in pool if other != data))
        if pool[data] - others:
            fewest.append(data)
            missing -= pool[data]
    while missing:
        best = max(pool, key=lambda data: (len(pool[data] & missing), -len(data), data))
        fewest.append(best)
        missing -= pool[best]
    return fewest


def main() -> int:
    """Make the folder anew."""
    parser = argparse.ArgumentParser(description="Make tests/corpus/lane.")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    kept = distilled(read_corpus(CORPUS), arguments.executions, chance, Ways())
    CORPUS.mkdir(parents=True, exist_ok=True)
    for path in CORPUS.iterdir():
        if not path.name.startswith("found-"):
            path.unlink()
    for data in kept:
        verdict = "accepted" if check(data) else "left"
        (CORPUS / f"{verdict}-{sha256(data).hexdigest()[:12]}").write_bytes(data)
    print(f"{len(kept)} requests, {sum(map(len, kept))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
