"""Where phones stand among all of them: spread evenly, and always the same."""

# The golden ratio as a fraction of 2**64 (Knuth, TAOCP 6.4): multiplying by it spreads
# consecutive MACs, as phones are delivered, evenly.
_GOLDEN = 0x9E3779B97F4A7C15


def place(mac: int) -> int:
    """Return the place of *mac*, from 0 up to 2**64, by which phones are ordered."""
    return mac * _GOLDEN % 2**64
