"""The instant at which something is decided."""

from typing import NamedTuple


class Instant(NamedTuple):
    """A moment of this machine.

    ``boottime`` is CLOCK_BOOTTIME in seconds: it never jumps, counts suspended time and
    starts anew with each boot, which ``boot_id`` names.  ``wall`` is seconds since the
    epoch; it is shown to people and decides nothing.
    """

    boottime: float
    boot_id: str
    wall: float = 0.0
