import mmap
import os
import subprocess
import sys

import pytest

from bootwave.native.counters import Counters

ADDING = """
import mmap, sys
from bootwave.native.counters import Counters
counters = Counters(mmap.mmap(int(sys.argv[1]), 8))
print("ready", flush=True)
for _ in range(50_000):
    counters.add(0, 1)
"""


def test_counters_begin_where_the_buffer_is_and_grow_by_what_is_added() -> None:
    counters = Counters(bytearray(24))
    assert len(counters) == 3
    assert counters.add(1, 3) == 3
    assert counters.add(1, 4) == 7
    assert [counters.load(i) for i in range(3)] == [0, 7, 0]


def test_a_sum_of_three_changes_with_each_of_them_and_wraps() -> None:
    counters = Counters(bytearray(32))
    before = counters.sum3(0, 1, 3)
    for index in (0, 1, 3):
        counters.add(index, 1)
        after = counters.sum3(0, 1, 3)
        assert after != before
        before = after
    counters.add(2, 2**64 - 1)
    assert counters.sum3(2, 0, 1) == 1


@pytest.mark.parametrize("index", [-1, 3, 2**40])
def test_an_index_outside_is_refused(index: int) -> None:
    counters = Counters(bytearray(24))
    with pytest.raises(IndexError):
        counters.load(index)
    with pytest.raises(IndexError):
        counters.add(index, 1)
    with pytest.raises(IndexError):
        counters.sum3(0, 0, index)


def test_a_buffer_that_cannot_hold_a_counter_is_refused() -> None:
    with pytest.raises(ValueError, match="no aligned counter"):
        Counters(bytearray(7))
    with pytest.raises(ValueError, match="no aligned counter"):
        Counters(memoryview(bytearray(24))[1:])
    with pytest.raises(BufferError):
        Counters(bytes(24))


def test_two_processes_lose_no_increment() -> None:
    shared = os.memfd_create("counters")
    os.truncate(shared, 8)
    counters = Counters(mmap.mmap(shared, 8))
    # A program of its own, not a fork: a sanitizer's allocator does not outlive one.
    child = subprocess.Popen(
        [sys.executable, "-c", ADDING, str(shared)],
        pass_fds=(shared,),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    for _ in range(50_000):
        counters.add(0, 1)
    child.communicate(timeout=60)
    os.close(shared)
    assert child.returncode == 0
    assert counters.load(0) == 100_000
