"""Growth is told from what fills once, and each descriptor is counted by its kind."""

import os
import socket
from pathlib import Path

import pytest

from perf.proofs.footprint import (
    MOST_GROWN,
    descriptors,
    growth,
    settled,
    unlike,
)

MIB = 1024 * 1024


def test_what_fills_in_the_first_third_is_no_growth() -> None:
    found = growth([80 * MIB, 84 * MIB, 86 * MIB, 87 * MIB, *[88 * MIB] * 8])
    assert found == (80 * MIB, 88 * MIB, 88 * MIB)
    assert found.wrong == []


def test_what_grows_with_each_round_is_found() -> None:
    step = MOST_GROWN // 3
    found = growth([number * step for number in range(12)])
    assert found.last - found.middle == 4 * step
    assert found.wrong == [f"it grew by {4 * step} bytes"]


def test_what_malloc_keeps_now_and_then_is_none() -> None:
    kept = [0, 2 * MIB, 0, 0, 0, 2 * MIB, 0, 2 * MIB, 2 * MIB, 2 * MIB, 0, 2 * MIB]
    assert growth([80 * MIB + more for more in kept]).wrong == []


def test_a_few_rounds_tell_nothing() -> None:
    with pytest.raises(ValueError, match="too few"):
        growth([1, 2, 3])


def test_descriptors_are_told_by_kind(tmp_path: Path) -> None:
    before = settled(os.getpid(), None)
    path = tmp_path / "kept.db"
    with path.open("w"), path.open("r"), socket.socket():
        after = descriptors(os.getpid())
        assert after["kept.db"] == 2
        assert unlike(before, after) == [
            "kept.db: 0 became 2",
            f"socket: {before['socket']} became {before['socket'] + 1}",
        ]
    assert unlike(before, settled(os.getpid(), before)) == []
