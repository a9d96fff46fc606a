"""Phones spread evenly by their MACs, each always in the same place.

Multiplying by the golden ratio (Knuth, TAOCP 6.4) spreads consecutive MACs, as phones
are delivered, evenly.
"""

_GOLDEN = 0x9E3779B97F4A7C15  # as a fraction of 2**64


def place(mac: int) -> int:
    """Return the place of *mac*, from 0 up to 2**64."""
    return mac * _GOLDEN % 2**64


def share(mac: int, width: int) -> int:
    """Return the place of *mac* among *width* places, from 0 on."""
    return place(mac) * width >> 64
