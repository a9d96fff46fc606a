"""Instants as people write them: a day, a time, or how long ago."""

import re
import time
from datetime import datetime

from bootwave.cli.misuse import Misuse

_AGO = re.compile(r"(\d{1,6})\s*([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}


def instant_from_text(text: str, option: str) -> float:
    """Return the wall-clock second that *text* names, 0 for "".

    Raises Misuse, which names the *option* that it was given by.
    """
    if not text:
        return 0.0
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return time.time() - int(ago[1]) * _SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError):
        raise Misuse(
            f"{option} does not understand {text!r}: write a day as 2026-11-27, a time "
            "as 2026-11-27T18:00, or an age as 90m, 24h or 7d."
        ) from None
