"""The lane of plug-and-play and its ring: wrong use, bounds, and guarded buffers."""

import subprocess
import sys
from pathlib import Path

import pytest

from bootwave import limits
from bootwave.native.pnp import (
    MAX_ECHOED_BYTES,
    REASONS,
    BoundMacs,
    PnpLane,
    names,
    names_key,
)
from bootwave.native.ring import MAX_DETAIL_BYTES, SightingRing
from bootwave.native.transactions import Transactions
from bootwave.sightings import Reason
from tests.native.bounds import BOUNDS, DELAYS
from tests.oracle.siphash import siphash

TESTS = Path(__file__).parents[1]

GUARDED = """
import sys
from bootwave.native.pnp import BoundMacs, PnpLane
from bootwave.native.ring import SightingRing
from bootwave.native.transactions import Transactions
from tests.guard import flush_right

table = Transactions(
    lookups=2, answered=4, notifies=2, proven=2, sources=2,
    notify_bytes=5000, burst=1000, per_second=1.0,
    delays=(5.0, 32.0, 32.0, 5.0, 0.5, 1.0, 2.0, 4.0),
)
macs = BoundMacs(bytes(24), 1)
lane = PnpLane(
    table, macs, SightingRing(1), secret=bytes(16), port=5060, most_sends=4
)
lane.set_links([(1, 0x7F000000, 0xFF000000)], [])
lane.tell("127.0.0.1", "http://h/{mac}.xml")
answered = 0
for path in sys.argv[1:]:
    data = open(path, "rb").read()
    for mac in (0x0004132E08B4, 0x000413611234):
        macs.keep(mac, 0, 1, 2, 0)
        for size in range(len(data) + 1):
            for cut in (data[:size], data[size:]):
                view = flush_right(cut)
                there = "127.0.0.1"
                answered += bool(lane.answer(view, there, 9, there, 1, 0.0, 0.0))
print(answered)
"""


def table() -> Transactions:
    return Transactions(**BOUNDS, delays=DELAYS)


def lane(**changed: object) -> PnpLane:
    named = {"secret": bytes(16), "port": 5060, "most_sends": 4} | changed
    macs = BoundMacs(bytes(24), 1)
    return PnpLane(table(), macs, SightingRing(1), **named)  # type: ignore[arg-type]


def test_nothing_is_read_past_the_end_of_the_datagram() -> None:
    paths = sorted((TESTS / "captures").glob("*.txt"))
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, *map(str, paths)],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1


def test_a_ring_that_is_full_drops_the_newest_and_counts() -> None:
    ring = SightingRing(2)
    for number in range(3):
        ring.add(1.0, number, "10.0.0.1", 5, "x" * MAX_DETAIL_BYTES)
    assert (len(ring), ring.dropped) == (2, 1)
    (first,) = ring.drain(1)
    assert first == (1.0, 0, "10.0.0.1", 5, "x" * MAX_DETAIL_BYTES)
    ring.add(2.0, 2**48 - 1, "2001:db8::1", 65535, "")
    assert [taken[1] for taken in ring.drain(9)] == [1, 2**48 - 1]
    assert ring.drain(9) == []


def test_sizes_that_make_no_table_are_wrong_use() -> None:
    with pytest.raises(ValueError, match="power of two"):
        BoundMacs(bytes(8), 3)
    with pytest.raises(IndexError):
        BoundMacs(bytes(8), 1).keep(1, 0, 0, 1, 0)
    with pytest.raises(ValueError, match="capacity"):
        SightingRing(0)
    with pytest.raises(ValueError, match="secret"):
        lane(secret=b"short")


def test_the_lane_declines_what_is_too_large_and_addresses_it_was_not_told() -> None:
    one = lane()
    data = (TESTS / "captures/snom370-8.7.5.48.txt").read_bytes()
    assert one.answer(bytes(5000), "10.0.0.1", 1, "10.0.0.2", 1, 0.0, 0.0) is None
    assert one.answer(data, "10.0.0.1", 1, "10.0.0.2", 1, 0.0, 0.0) is None
    one.tell("2001:db8::1", "http://h/")
    one.tell("10.0.0.2", "http://h/" + "x" * 600)
    with pytest.raises(ValueError, match="address"):
        one.tell("here", "http://h/")


def test_names_are_siphash_2_4_with_128_bits() -> None:
    key = bytes(range(16))
    # The first and the last of the authors' vectors.
    first, last = "a3817f04ba25a8e66df67214c7550293", "5150d1772f50834a503e069a973fbd7c"
    assert names(key, b"").hex() == first
    assert names(key, bytes(range(63))).hex() == last
    for size in (0, 1, 7, 8, 9, 15, 16, 200):
        assert names(b"k" * 16, b"d" * size) == siphash(b"k" * 16, b"d" * size)
    with pytest.raises(ValueError, match="16 bytes"):
        names(b"short", b"")


def test_the_key_of_names_is_drawn_from_the_whole_secret() -> None:
    drawn = {names_key(b"s" * size) for size in range(16, 65)}
    assert len(drawn) == 49
    assert {len(key) for key in drawn} == {16}
    for wrong in (15, 65):
        with pytest.raises(ValueError, match="secret"):
            names_key(bytes(wrong))


def test_a_lane_takes_only_ipv4_addresses() -> None:
    for source, local in (("::1", "10.0.0.2"), ("10.0.0.1", "2001:db8::1"), ("x", "y")):
        with pytest.raises(ValueError, match="address"):
            lane().answer(b"", source, 1, local, 1, 0.0, 0.0)


def test_a_lane_tells_no_url_with_a_byte_that_none_has() -> None:
    for url in ("http://h/\r\nX: y", "http://h/ x", "http://h/é", "http://h/\x7f"):
        with pytest.raises(ValueError, match="URL"):
            lane().tell("10.0.0.2", url)


def test_the_latest_addresses_of_ours_are_known_whatever_came_before() -> None:
    table = Transactions(
        **BOUNDS | {"answered": 99, "notifies": 99, "notify_bytes": 1 << 20},
        delays=DELAYS,
    )
    macs = BoundMacs(bytes(24), 1)
    macs.keep(0x0004132E08B4, 0, 1, 2, 0)
    ring = SightingRing(99)
    one = PnpLane(table, macs, ring, secret=bytes(16), port=5060, most_sends=4)
    one.set_links([(1, 0x0A000000, 0xFF000000)], [])
    data = (TESTS / "captures/snom370-8.7.5.48.txt").read_bytes()
    for number in range(140):
        here = f"10.0.0.{number}"
        one.tell(here, f"http://{here}/")
        one.tell(here, f"http://{here}/{{mac}}.xml")
        answers = one.answer(data, f"10.0.1.{number}", 1, here, 1, 0.0, 0.0)
        assert answers is not None
        assert answers[1].endswith(b"http://%s/{mac}.xml" % here.encode())


def test_owners_of_certificates_are_told_another_url() -> None:
    macs = BoundMacs(bytes(24), 4)
    wide = BOUNDS | {"answered": 99, "notifies": 99, "notify_bytes": 1 << 20}
    one = PnpLane(
        Transactions(**wide, delays=DELAYS),
        macs,
        SightingRing(99),
        secret=bytes(16),
        port=5060,
        most_sends=4,
    )
    one.set_links([(1, 0x0A000000, 0xFF000000)], [])
    data = (TESTS / "captures/snom370-8.7.5.48.txt").read_bytes()
    mac, here = 0x0004132E08B4, "10.0.0.1"

    def answer(number: int) -> bytes | None:
        host = f"10.0.1.{number}"
        answers = one.answer(data, host, 1, here, 1, 0.0, 0.0)
        return None if answers is None else answers[1].rpartition(b"\r\n")[2]

    one.learn(mac, here, "http://stranger/")  # it is not held
    macs.keep(mac, 0, 1, 2, 0)
    assert answer(1) is None
    one.learn(mac, here, "http://clear/")
    assert answer(2) == b"http://clear/"
    macs.keep(mac, 0, 1, 2, 0, certified=True)
    assert mac in macs
    assert answer(3) is None
    one.learn(mac, here, "https://secure/")
    assert answer(4) == b"https://secure/"
    macs.keep(mac, 0, 1, 2, 0)
    assert answer(5) == b"http://clear/"
    macs.keep(mac, 0, 1, 2, 0, certified=True)
    macs.drop(mac)
    assert mac not in macs


def test_the_reasons_are_those_that_are_told() -> None:
    told = (Reason.PNP_ANSWERED, Reason.PNP_CONFIRMED, Reason.PNP_UNCONFIRMED)
    assert REASONS == told


def test_the_limits_are_those_of_the_engine() -> None:
    assert MAX_ECHOED_BYTES == limits.MAX_SIP_ECHOED_BYTES
    assert MAX_DETAIL_BYTES == limits.MAX_SIGHTING_DETAIL_CHARACTERS
