"""The file of sightings says what three lists say, whatever the order of events."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.native import sightingfile as native
from bootwave.native.ring import SightingRing
from tests.oracle.sightings import KNOWN, NAMELESS, UNKNOWN, Rings, Row

BELONGS = bytes({1: UNKNOWN, 2: NAMELESS}.get(number, KNOWN) for number in range(128))
MACS = [0, 1, 0x0004132E08B4]
TIMES = st.integers(1, 4).map(float)  # few, so that there are equal ones

sizes = st.tuples(*[st.sampled_from([1, 2, 3, 7, 20, 300])] * 3)
rows = st.tuples(
    TIMES,
    st.sampled_from(MACS),
    st.sampled_from(["10.0.0.1", "2001:db8::1", "fe80::1%3", ""]),
    st.sampled_from([0, 1, 2, 3, 127, 128, 65535]),
    st.text(max_size=3),
)
batches = st.lists(rows, max_size=40) | st.builds(
    lambda row, count: [row] * count, rows, st.sampled_from([255, 256, 257, 700])
)
events = st.one_of(
    st.tuples(st.just("append"), batches),
    st.tuples(st.just("resize"), sizes),
    st.tuples(st.just("trim"), st.tuples(TIMES, TIMES)),
)


@contextmanager
def memory() -> Iterator[int]:
    fd = os.memfd_create("sightings")
    try:
        yield fd
    finally:
        os.close(fd)


def append(fd: int, batch: list[Row]) -> None:
    ring = SightingRing(len(batch) + 1)
    for row in batch:
        ring.add(*row)
    assert native.append(fd, ring, BELONGS) == len(batch)
    assert len(ring) == 0


def compare(fd: int, model: Rings, since: float) -> None:
    assert native.rows(fd) == tuple(ring.maxlen for ring in model.rings)
    for mac in MACS:
        for most in (1, 5, 10_000):
            assert native.find(fd, mac, since, most) == model.find(
                mac, since, most, None
            )
        assert native.find(
            fd, mac, since, 3, bytes(n in (1, 3) for n in range(128))
        ) == model.find(mac, since, 3, frozenset((1, 3)))
    macs = [*MACS[1:], 99, *MACS[1:]]
    assert native.latest(fd, macs, since) == model.latest(macs, since)
    found = native.unknown(fd, since, 100)
    assert set(found) == model.unknown(since)
    assert [row[2] for row in found] == sorted((row[2] for row in found), reverse=True)
    assert native.unknown(fd, since, 1) == found[:1]


@settings(deadline=None)
@given(sizes, st.lists(events, max_size=8), TIMES)
def test_the_file_says_what_lists_say(
    first: tuple[int, int, int], happened: list[tuple[str, object]], since: float
) -> None:
    model = Rings(first, BELONGS)
    with memory() as kept, memory() as other:
        native.make(kept, first)
        for what, how in happened:
            if what == "append":
                append(kept, how)  # type: ignore[arg-type]
                model.append(how)  # type: ignore[arg-type]
            elif what == "resize":
                os.ftruncate(other, 0)
                native.make(other, how)  # type: ignore[arg-type]
                native.copy(kept, other)
                kept, other = other, kept
                model.resize(how)  # type: ignore[arg-type]
            else:
                start, end = sorted(how)  # type: ignore[call-overload]
                assert native.trim(kept, start, end, 1 << 20) == model.trim(start, end)
            compare(kept, model, since)
