import gc
import socket

import pytest

from bootwave.native.ring import MAX_DETAIL_BYTES, SightingRing
from bootwave.sightings import Reason

SEEN = (1.5, 0x000413AABBCC, "192.0.2.7", int(Reason.PNP_ANSWERED), "snom370 8.4.35")


def test_what_was_added_is_drained_once_the_oldest_first() -> None:
    ring = SightingRing(4)
    for mac in (1, 2, 3):
        ring.add(float(mac), mac, "192.0.2.7", mac, f"phone {mac}")
    assert len(ring) == 3
    assert ring.drain(2) == [
        (1.0, 1, "192.0.2.7", 1, "phone 1"),
        (2.0, 2, "192.0.2.7", 2, "phone 2"),
    ]
    assert ring.drain(2) == [(3.0, 3, "192.0.2.7", 3, "phone 3")]
    assert ring.drain(2) == []
    assert len(ring) == 0


def test_draining_none_or_fewer_takes_nothing() -> None:
    ring = SightingRing(1)
    ring.add(*SEEN)
    assert ring.drain(0) == ring.drain(-1) == []
    assert ring.drain(1) == [SEEN]


def test_what_finds_no_room_is_dropped_and_counted_the_newest_first() -> None:
    ring = SightingRing(3)
    for mac in range(5):
        ring.add(0.0, mac, "192.0.2.7", 1, "")
    assert ring.dropped == 2
    assert [seen[1] for seen in ring.drain(9)] == [0, 1, 2]
    ring.add(*SEEN)
    assert ring.drain(9) == [SEEN]
    assert ring.dropped == 2


def test_places_are_used_again_in_order_at_any_capacity() -> None:
    ring = SightingRing(3)
    drained = []
    for mac in range(50):
        ring.add(0.0, mac, "192.0.2.7", 1, str(mac))
        if mac % 3 == 2:
            drained += ring.drain(2)
        elif mac % 3 == 1:
            drained += ring.drain(1)
    drained += ring.drain(3)
    assert [(seen[1], seen[4]) for seen in drained] == [(i, str(i)) for i in range(50)]
    assert ring.dropped == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("::1", "::1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%7", "fe80::1%7"),
        ("fe80::1%lo", f"fe80::1%{socket.if_nametoindex('lo')}"),
        ("fe80::1%nosuch", "fe80::1"),
        ("fe80::1%99999999999", "fe80::1"),
        ("", ""),
        ("192.0.2", ""),
        ("1.2.3.4.5", ""),
        ("phone\ud800", ""),
    ],
)
def test_an_address_comes_back_as_the_system_writes_it(given: str, kept: str) -> None:
    ring = SightingRing(1)
    ring.add(0.0, 1, given, 1, "")
    assert ring.drain(1) == [(0.0, 1, kept, 1, "")]


def test_a_detail_may_fill_its_place() -> None:
    ring = SightingRing(2)
    longest = "x" * MAX_DETAIL_BYTES
    ring.add(0.0, 2**48 - 1, "192.0.2.7", 0xFFFF, longest)
    ring.add(0.0, 1, "192.0.2.7", 0, "")
    assert ring.drain(2) == [
        (0.0, 2**48 - 1, "192.0.2.7", 0xFFFF, longest),
        (0.0, 1, "192.0.2.7", 0, ""),
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("x" * 1000, "x" * MAX_DETAIL_BYTES),
        ("Fön", "Fön"),
        ("ö" * 48, "ö" * 48),
        ("x" + "ö" * 48, "x" + "ö" * 47),
        ("x" * 95 + "\U0001f4de", "x" * 95),
        ("\ud800", "\\ud800"),
        ("a\0b", "a\0b"),
    ],
)
def test_a_detail_is_cut_between_two_characters(given: str, kept: str) -> None:
    ring = SightingRing(1)
    ring.add(0.0, 1, "", 1, given)
    assert ring.drain(1)[0][4] == kept


@pytest.mark.parametrize("reason", [-1, 0x10000])
def test_a_reason_that_fits_no_record_is_refused_and_takes_no_place(
    reason: int,
) -> None:
    ring = SightingRing(1)
    with pytest.raises(OverflowError):
        ring.add(0.0, 1, "192.0.2.7", reason, "")
    assert len(ring) == 0
    ring.add(*SEEN)
    assert ring.drain(1) == [SEEN]


def test_a_place_that_is_used_again_keeps_nothing_of_before() -> None:
    ring = SightingRing(1)
    ring.add(0.0, 1, "fe80::1%7", 1, "a long description")
    ring.drain(1)
    ring.add(*SEEN)
    assert ring.drain(1) == [SEEN]


@pytest.mark.parametrize("capacity", [-1, 0, 2**20 + 1])
def test_a_capacity_out_of_bounds_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        SightingRing(capacity)


def test_what_is_drained_outlives_the_ring() -> None:
    ring = SightingRing(1)
    ring.add(*SEEN)
    drained = ring.drain(1)
    del ring
    gc.collect()
    assert drained == [SEEN]
