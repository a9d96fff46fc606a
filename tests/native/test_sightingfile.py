import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.native import sightingfile as native
from bootwave.native.ring import SightingRing

ROOT = Path(__file__).parents[2]
MAC = 0x0004132E08B4
NOW = 1_700_000_000.0
KNOWN, STRANGE, GENERAL = 62, 60, 50
BELONGS = bytes(
    {STRANGE: native.UNKNOWN, GENERAL: native.NAMELESS}.get(number, native.KNOWN)
    for number in range(128)
)
HEAD_BYTES = 104
FIRST = 4096


@pytest.fixture
def fd() -> Iterator[int]:
    opened = os.memfd_create("sightings")
    yield opened
    os.close(opened)


def ring_of(count: int, *, first: int = MAC, reason: int = KNOWN) -> SightingRing:
    ring = SightingRing(count)
    for number in range(count):
        ring.add(NOW + number, first + number, "10.0.0.7", reason, f"phone {number}")
    return ring


def append(fd: int, count: int, *, first: int = MAC, reason: int = KNOWN) -> None:
    assert native.append(fd, ring_of(count, first=first, reason=reason), BELONGS)


def only(reason: int) -> bytes:
    return bytes(number == reason for number in range(128))


def macs(fd: int, first: int = MAC, count: int = 2000) -> list[int]:
    found = native.latest(fd, list(range(first, first + count)), 0.0)
    return [row[1] for row in found]


def test_what_waits_in_a_ring_is_moved_to_the_file_of_its_kind(fd: int) -> None:
    native.make(fd, (2, 3, 4))
    assert native.rows(fd) == (2, 3, 4)
    ring = ring_of(9)
    assert native.append(fd, ring, BELONGS) == 9
    assert len(ring) == 0
    assert macs(fd) == [MAC + 5, MAC + 6, MAC + 7, MAC + 8]
    append(fd, 9, first=1, reason=STRANGE)
    append(fd, 9, first=101, reason=GENERAL)
    append(fd, 9, first=0, reason=KNOWN)  # the first of them names no MAC
    assert macs(fd, 100) == [109]  # 108 was pushed out by what names no MAC
    assert [row[0] for row in native.unknown(fd, 0.0, 9)] == [9]  # known since: 7, 8
    assert macs(fd, 1, 9) == [5, 6, 7, 8, 9]
    assert native.find(fd, MAC, 0.0, 9) == []


# In a process of its own: where much was freed before, memory is taken from that.
LONG_WAIT = """
import os
from pathlib import Path

from bootwave.native import sightingfile
from bootwave.native.ring import SightingRing

def own_bytes():
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(row.split()[1]) for row in rows if "Private_Dirty" in row) * 1024

fd = os.memfd_create("sightings")
sightingfile.make(fd, (9, 9, 100_000))
ring = SightingRing(100_000)
began = own_bytes()
for _ in range(2):
    for number in range(100_000):
        ring.add(1.0, 1 + number, "10.0.0.7", 62, "phone")
    print(own_bytes() - began)
    assert sightingfile.append(fd, ring, bytes([sightingfile.KNOWN]) * 128) == 100_000
    print(own_bytes() - began)
assert sightingfile.find(fd, 100_000, 0.0, 9)
"""


@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="a sanitizer keeps what is freed",
)
def test_memory_of_a_long_wait_is_given_back_once_it_was_written() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LONG_WAIT], capture_output=True, text=True, check=True
    )
    waiting, written, again, at_last = map(int, done.stdout.split())
    assert min(waiting, again) > 14 * 2**20
    assert max(written, at_last) < 3 * 2**20


def test_a_sighting_comes_back_as_it_was(fd: int) -> None:
    native.make(fd, (9, 9, 9))
    ring = SightingRing(1)
    seen = (NOW, 2**48 - 1, "fe80::1%7", 65535, "x" * 94 + "ö")
    ring.add(*seen)
    native.append(fd, ring, BELONGS)
    assert native.find(fd, seen[1], NOW, 1) == [seen]
    assert native.find(fd, seen[1], NOW + 1, 1) == []
    assert native.latest(fd, [seen[1]], NOW) == [seen]


def test_what_the_ring_gets_meanwhile_waits_for_the_next_time(fd: int) -> None:
    native.make(fd, (9, 9, 5000))
    ring = SightingRing(1000)
    added = 0
    for _ in range(30):
        for _ in range(700):
            ring.add(NOW, MAC + added, "", KNOWN, str(added))
            added += 1
        assert native.append(fd, ring, BELONGS) == 700
    assert ring.dropped == 0
    assert macs(fd, MAC, added) == list(range(MAC + added - 5000, MAC + added))
    assert native.append(fd, ring, BELONGS) == 0


def test_a_head_with_one_wrong_byte_is_damaged(fd: int) -> None:
    native.make(fd, (9, 9, 9))
    head = os.pread(fd, HEAD_BYTES, 0)
    for at in range(HEAD_BYTES):
        os.pwrite(fd, bytes([head[at] ^ 0x10]), at)
        with pytest.raises(ValueError, match="damaged"):
            native.rows(fd)
        os.pwrite(fd, head, 0)
    assert native.rows(fd) == (9, 9, 9)


def test_a_record_with_one_wrong_byte_is_not_shown(fd: int) -> None:
    native.make(fd, (1, 1, 9))
    append(fd, 3)
    place = FIRST + (2 + 1) * native.RECORD_BYTES
    record = os.pread(fd, native.RECORD_BYTES, place)
    for at in range(native.RECORD_BYTES):
        os.pwrite(fd, bytes([record[at] ^ 0x01]), place + at)
        assert macs(fd, count=3) == [MAC, MAC + 2]
        os.pwrite(fd, record, place)
    assert macs(fd, count=3) == [MAC, MAC + 1, MAC + 2]


@pytest.mark.parametrize("records", [0, 1, 2])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_of_a_file_cut_short_what_is_left_is_shown(
    fd: int, records: int, more: int
) -> None:
    native.make(fd, (1, 1, 9))
    append(fd, 3)
    os.ftruncate(fd, FIRST + (2 + records) * native.RECORD_BYTES + more)
    left = records - (more < 0)
    assert macs(fd) == [MAC + number for number in range(left)]
    assert native.unknown(fd, 0.0, 9) == []
    append(fd, 1, first=7)
    assert macs(fd, 7, 1) == [7]


@pytest.mark.parametrize("size", [0, 1, 103])
def test_of_a_head_cut_short_nothing_is_believed(fd: int, size: int) -> None:
    native.make(fd, (1, 1, 9))
    os.ftruncate(fd, size)
    with pytest.raises(ValueError, match="damaged"):
        native.rows(fd)


def test_noise_is_damaged_and_nothing_else(fd: int) -> None:
    native.make(fd, (1, 1, 9))
    head = os.pread(fd, HEAD_BYTES, 0)
    os.pwrite(fd, random.Random(20_131_122).randbytes(200_000), 0)
    ring = ring_of(1)
    for use in (
        lambda: native.rows(fd),
        lambda: native.append(fd, ring, BELONGS),
        lambda: native.find(fd, MAC, 0.0, 9),
        lambda: native.latest(fd, [MAC], 0.0),
        lambda: native.unknown(fd, 0.0, 9),
        lambda: native.trim(fd, 0.0, 1.0, 9),
        lambda: native.copy(fd, fd),
    ):
        with pytest.raises(ValueError, match="damaged"):
            use()
    assert len(ring) == 1
    os.pwrite(fd, head, 0)
    assert macs(fd) == []


def test_an_older_record_in_the_place_of_a_newer_one_is_not_shown(fd: int) -> None:
    native.make(fd, (1, 1, 2))
    place = FIRST + 2 * native.RECORD_BYTES
    append(fd, 1)
    old = os.pread(fd, native.RECORD_BYTES, place)
    append(fd, 2, first=1)
    assert macs(fd, 1, 2) == [1, 2]
    os.pwrite(fd, old, place)  # as after a power failure
    assert macs(fd, 1, 2) == [1]
    assert macs(fd) == []


def test_what_is_erased_leaves_nothing_in_the_file(fd: int) -> None:
    native.make(fd, (100, 100, 3000))
    append(fd, 2500)
    append(fd, 50, reason=STRANGE)
    assert b"phone 1999" in os.pread(fd, 1 << 20, 0)
    assert native.trim(fd, NOW + 2000, NOW + 9999, 800) == 850
    assert native.trim(fd, NOW + 2000, NOW + 9999, 10_000) == 1200
    assert native.trim(fd, NOW + 2000, NOW + 9999, 10_000) == 0
    data = os.pread(fd, 1 << 20, 0)
    assert b"phone 1999" not in data
    assert b"phone 2000" in data
    assert macs(fd, MAC, 3000) == list(range(MAC + 2000, MAC + 2500))
    append(fd, 3000, first=1)
    assert macs(fd, 1, 3000) == list(range(1, 3001))
    # Now all are of the future.
    assert native.trim(fd, NOW - 20, NOW - 10, 100_000) == 3000
    assert b"phone" not in os.pread(fd, 1 << 20, 0)


def test_a_shorter_detail_leaves_nothing_of_a_longer_one(fd: int) -> None:
    native.make(fd, (1, 1, 9))
    ring = SightingRing(1)
    for detail in ("a very long description", "short"):
        ring.add(NOW, MAC, "", KNOWN, detail)
        native.append(fd, ring, BELONGS)
    second = FIRST + 3 * native.RECORD_BYTES
    assert b"description" not in os.pread(fd, native.RECORD_BYTES, second)


def test_many_macs_are_found_in_one_pass(fd: int) -> None:
    native.make(fd, (1, 70_000, 70_000))
    append(fd, 40_000, first=1)
    append(fd, 40_000, first=30_001, reason=STRANGE)
    found = native.latest(fd, list(range(1, 80_001)), 0.0)
    assert [row[1] for row in found] == list(range(1, 70_001))
    strangers = native.unknown(fd, 0.0, 1 << 40)  # the others were known later
    assert sorted(row[0] for row in strangers) == list(range(40_001, 70_001))
    assert native.latest(fd, [], 0.0) == []


def test_a_file_that_is_closed_or_read_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    native.make(fd, (1, 1, 1))
    reading = os.open(path, os.O_RDONLY)
    ring = ring_of(1)
    with pytest.raises(OSError, match="Bad file descriptor"):
        native.append(reading, ring, BELONGS)
    os.close(reading)
    os.close(fd)
    for use in (
        lambda: native.append(fd, ring, BELONGS),
        lambda: native.find(fd, MAC, 0.0, 9),
        lambda: native.make(fd, (1, 1, 1)),
    ):
        with pytest.raises(OSError, match="Bad file descriptor"):
            use()
    assert len(ring) == 1


def test_wrong_use_is_refused(fd: int) -> None:
    for rows in ((0, 1, 1), (1, 1, 2**40 + 1), (1, 1)):
        with pytest.raises(ValueError, match=r"places|three"):
            native.make(fd, rows)  # type: ignore[arg-type]
    native.make(fd, (1, 1, 1))
    for belongs in (b"", bytes(127), bytes([3]) * 128):
        with pytest.raises(ValueError, match="rings"):
            native.append(fd, ring_of(1), belongs)
    with pytest.raises(ValueError, match="reason"):
        native.find(fd, MAC, 0.0, 1, b"")
    with pytest.raises(OverflowError):
        native.latest(fd, [-1], 0.0)


def test_a_batch_that_finds_no_room_waits_and_is_written_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    script = f"""
import os, resource, signal
from bootwave.native import sightingfile as native
from bootwave.native.ring import SightingRing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fd = os.open({str(path)!r}, os.O_RDWR | os.O_CREAT)
native.make(fd, (1, 1, 10_000))
ring = SightingRing(3000)
def fill(count):
    for number in range(count):
        ring.add({NOW}, 1 + number, "", {KNOWN}, "")
fill(1000)
native.append(fd, ring, {BELONGS!r})
whole = resource.getrlimit(resource.RLIMIT_FSIZE)
size = os.fstat(fd).st_size
# It ends within a record of the third piece that is written.
limit = size + 600 * native.RECORD_BYTES + 50
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, whole[1]))
fill(2000)
for _ in range(2):
    try:
        native.append(fd, ring, {BELONGS!r})
    except OSError as error:
        print(error.strerror)
    print(len(ring), len(native.latest(fd, list(range(1, 9000)), 0.0)))
resource.setrlimit(resource.RLIMIT_FSIZE, whole)
print(native.append(fd, ring, {BELONGS!r}), len(ring))
print(len(native.find(fd, 1, 0.0, 9)), len(native.find(fd, 2000, 0.0, 9)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    told = "File too large\n2000 1000\n"
    assert done.stdout == told * 2 + "2000 0\n2 1\n"


def test_the_latest_for_some_reasons_is_told_apart(fd: int) -> None:
    native.make(fd, (9, 9, 9))
    append(fd, 1, first=MAC, reason=KNOWN)
    append(fd, 1, first=MAC, reason=GENERAL)
    of = [native.latest(fd, [MAC], 0.0, only(reason)) for reason in (KNOWN, GENERAL)]
    assert [[row[3] for row in rows] for rows in of] == [[KNOWN], [GENERAL]]
    assert native.latest(fd, [MAC], 0.0, only(STRANGE)) == []
    with pytest.raises(ValueError, match="a byte for each reason"):
        native.latest(fd, [MAC], 0.0, b"\1")
