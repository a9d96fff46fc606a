"""The smallest table of SIP transactions that anything fits into."""

from typing import Any

DELAYS = (5.0, 32.0, 32.0, 5.0, 0.5, 1.0, 2.0, 4.0)
BOUNDS: dict[str, Any] = {
    "lookups": 1,
    "answered": 1,
    "notifies": 1,
    "proven": 1,
    "sources": 1,
    "notify_bytes": 5000,
    "burst": 9,
    "per_second": 1.0,
}
