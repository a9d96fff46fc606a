"""The clock that decides: time since boot, and which boot it is."""

import time
from functools import lru_cache
from pathlib import Path

from bootwave.pairing.instant import Instant

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@lru_cache(1)
def boot_id() -> str:
    """Return the kernel's random name of this boot, 36 characters."""
    return _BOOT_ID.read_text().strip()


def instant() -> Instant:
    """Return now: CLOCK_BOOTTIME seconds, the boot's name and, for people, wall time.

    CLOCK_BOOTTIME counts suspended time too, so closing a laptop's lid does not keep
    an account open, and nobody can set it.
    """
    return Instant(time.clock_gettime(time.CLOCK_BOOTTIME), boot_id(), time.time())
