"""How a roll-out goes: how fast, in which stages, within which hours.

Stages are kept as bounds: how many phones were told when each of them is complete,
the canary first and all phones last.
"""

import math
import re
from typing import Literal, NamedTuple

from bootwave.errors import OptionError

Action = Literal["resync", "reboot", "firmware"]

DEFAULT_RATE = 10.0  # phones a second
DEFAULT_STAGES = "10%,50%"
DEFAULT_WAIT_MINUTES = 10.0  # a restart, and an attempt or two that failed
# A phone that loads firmware: 30 MB over a link that others load theirs over, too,
# then it writes its flash, and restarts once or twice.
FIRMWARE_WAIT_MINUTES = 30.0
DEFAULT_SHARE = 90.0  # percent
MAX_CANARY = 10  # unless more are asked for
MAX_RATE = 1_000.0
MAX_STAGES = 50
MAX_WAIT_MINUTES = 24 * 60.0

_MINUTES = 24 * 60
_HOURS = re.compile(r"(\d{1,2})(?::(\d\d))?-(\d{1,2})(?::(\d\d))?")
_STAGE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)%|(\d{1,9})")


class Hours(NamedTuple):
    """When phones may be told: minutes of the local day, from one and before another.

    The first may be the later one: then midnight is between them.
    """

    begin: int
    end: int

    def include(self, minute: int) -> bool:
        """Whether the *minute* of the day is within them."""
        if self.begin <= self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def __str__(self) -> str:
        """Return them as they are written: ``22:00-06:00``."""
        ends = (divmod(minute, 60) for minute in self)
        return "-".join(f"{hour:02}:{minute:02}" for hour, minute in ends)


class Plan(NamedTuple):
    """How a roll-out goes.

    ``rate`` is phones told in a second.  ``bounds`` are those of the stages.  A phone
    has ``wait_seconds`` to come back, and ``share`` (0 to 1) of those of a stage must,
    or the roll-out halts.  ``hours`` is None for any time of the day.
    """

    rate: float
    bounds: tuple[int, ...]
    wait_seconds: float
    share: float
    hours: Hours | None = None


def default_wait_minutes(action: str, boot_delay_seconds: float) -> float:
    """Return how many minutes a phone may take to come back, unless said.

    *boot_delay_seconds* is what the phones are told as max_boot_delay (0: none).  Each
    waits a part of it when it starts; an attempt that fails then costs at most as much
    again, the longest first wait of prov_back_off_timer (``settings.pacing``).  It is
    added for a resync, too: some firmware restarts for it, and any phone does for a
    setting that needs it.  Whole minutes, at most MAX_WAIT_MINUTES.
    """
    least = FIRMWARE_WAIT_MINUTES if action == "firmware" else DEFAULT_WAIT_MINUTES
    delays = math.ceil(2 * max(0.0, boot_delay_seconds) / 60)
    return min(least + delays, MAX_WAIT_MINUTES)


def hours_from_text(text: str) -> Hours | None:
    """Return the hours that ``22-06`` or ``22:30-06:00`` names, None for "" (any).

    24 is midnight at the end of a day.  Raises OptionError.
    """
    if not text.strip():
        return None
    found = _HOURS.fullmatch(text.strip())
    if found:
        hour, minute, until, rest = (int(part or 0) for part in found.groups())
        begin, end = 60 * hour + minute, 60 * until + rest
        right = begin < _MINUTES and end <= _MINUTES and max(minute, rest) < 60
        if right and begin != end:
            return Hours(begin, end)
    raise OptionError(
        f"{text[:40]!r} are no hours of a day: write two, such as 22-06 or 22:30-05:00."
    )


def plan_for(
    phones: int,
    *,
    rate: float | None = None,
    canary: int | None = None,
    stages: str | None = None,
    hours: str = "",
    wait_minutes: float = DEFAULT_WAIT_MINUTES,
    share_percent: float = DEFAULT_SHARE,
    at_once: bool = False,
) -> Plan:
    """Return the plan for so many *phones*, at least one.

    *rate* and *stages* are DEFAULT_RATE and DEFAULT_STAGES unless said.  *canary* is
    how many are told first, 1 % and at most MAX_CANARY unless said; of more phones than
    that it is never all.  *stages* are how many phones were told when each ends, as
    numbers or in percent; all of them is the last and need not be said.  *at_once*
    tells everybody as fast as that goes, without canary and stages: nothing else does,
    and it takes none of the three.  Raises OptionError.
    """
    if at_once:
        paced = {"--rate": rate, "--canary": canary, "--stages": stages}
        given = [name for name, value in paced.items() if value is not None]
        if given:
            raise OptionError(
                "All are told --at-once or at a pace: leave "
                f"{' or '.join(given)} out, or --at-once."
            )
        rate = MAX_RATE
    elif rate is None:
        rate = DEFAULT_RATE
    if stages is None:
        stages = DEFAULT_STAGES
    if not 0 < rate <= MAX_RATE:
        raise OptionError(
            f"A rate is more than 0 and at most {MAX_RATE:g} phones a second."
        )
    if not 0 < wait_minutes <= MAX_WAIT_MINUTES:
        raise OptionError(
            "The wait for a phone is more than 0 and at most "
            f"{MAX_WAIT_MINUTES:g} minutes."
        )
    if not 0 <= share_percent <= 100:
        raise OptionError("The share of phones is from 0 to 100 percent.")
    within = hours_from_text(hours)
    bounds = (phones,) if at_once else _bounds(phones, canary, stages)
    return Plan(rate, bounds, 60 * wait_minutes, share_percent / 100, within)


def bounds_from_text(text: str) -> tuple[int, ...]:
    """Return the bounds that ``text_from_bounds`` wrote."""
    return tuple(int(part) for part in text.split(","))


def text_from_bounds(bounds: tuple[int, ...]) -> str:
    """Return *bounds* as they are stored: ``10,500,5000``."""
    return ",".join(map(str, bounds))


def _bounds(phones: int, canary: int | None, stages: str) -> tuple[int, ...]:
    if canary is None:
        canary = min(MAX_CANARY, math.ceil(phones / 100))
    if canary < 1:
        raise OptionError(
            f"{canary} is no canary: at least one phone goes before the others, unless "
            "they are told --at-once."
        )
    if canary >= phones > MAX_CANARY:
        raise OptionError(
            f"A canary of {canary} is all {phones} phones: give fewer, so that the "
            "others are spared what harms it, or tell them --at-once."
        )
    found = [canary]
    for text in stages.split(",") if stages.strip() else ():
        part = _STAGE.fullmatch(text.strip())
        percent = float(part[1]) if part and part[1] else 0.0
        if part is None or percent > 100:
            raise OptionError(
                f"{text.strip()[:40]!r} is no stage: write how many phones were told "
                "when it ends, such as 100 or 10%."
            )
        number = math.ceil(phones * percent / 100) if part[1] else int(part[2])
        if number > found[-1]:
            found.append(number)
    if len(found) > MAX_STAGES:
        raise OptionError(f"A roll-out has at most {MAX_STAGES} stages.")
    return (*(number for number in found if number < phones), phones)
