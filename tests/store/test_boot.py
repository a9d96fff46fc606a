import time
from pathlib import Path

from bootwave.store.boot import boot_id, instant


def test_an_instant_is_of_the_clock_that_nobody_can_set() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    at = instant()
    after = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= at.boottime <= after


def test_an_instant_names_the_boot() -> None:
    kernel = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert instant().boot_id == boot_id() == kernel
    assert len(kernel) == 36
