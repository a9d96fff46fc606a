"""When phones come, so that a fleet does not come at once.

What a fleet takes if it comes at once, its *storm*, is the requests of its phones over
those that the server answers in a second (``capacity``).  It decides what phones are
told:

| setting                      | what it says                                          |
| ---------------------------- | ----------------------------------------------------- |
| settings_refresh_timer       | two to three hours, or so many that refreshing takes  |
|                              | a tenth of capacity; another one for each phone       |
| max_boot_delay               | the storm, at most ten minutes: for a power failure   |
| prov_back_off_timer          | after a failure half of the storm to all of it, then  |
|                              | twice as long each time, up to an hour                |
| prov_polling_time, _rand_end | an hour of the night, another one for each phone      |

All but the first are told to fleets whose storm is at least ten seconds: below, nobody
needs to wait.  prov_polling_time alone makes no phone come: prov_polling_enabled does,
which a layer may say.  Sizes are rounded up to powers of two, or each new phone would
change the document of all others.
"""

import math
from typing import Final, NamedTuple

from bootwave.phone.spread import share

# Own document, firmware and one more, such as a phone book.
REQUESTS_PER_PHONE: Final = 3
REFRESH_SECONDS: Final = 7200
REFRESH_SPREAD_SECONDS: Final = 3600
MAX_REFRESH_SECONDS: Final = 86_400
# Refreshing is what goes on all day: the rest of capacity is for who boots.
REFRESH_SHARE: Final = 0.1
SMALL_STORM_SECONDS: Final = 10
MAX_BOOT_DELAY_SECONDS: Final = 600
MAX_BACK_OFF_SECONDS: Final = 3600
# From one in the morning on, for three to five hours.
POLLING_BEGIN: Final = 60
POLLING_MINUTES: Final = 180
MAX_POLLING_MINUTES: Final = 300
_WINDOW_MINUTES = 60


class Pace(NamedTuple):
    """How the phones of one fleet are kept apart.

    ``boot_delay`` is 0 for a fleet that needs no more than its refresh timers.
    """

    refresh_seconds: int = REFRESH_SECONDS
    refresh_spread: int = REFRESH_SPREAD_SECONDS
    boot_delay: int = 0
    polling_minutes: int = POLLING_MINUTES

    @property
    def is_large(self) -> bool:
        """Whether phones are told more than their refresh timers."""
        return self.boot_delay > 0

    @property
    def back_off(self) -> str:
        """What prov_back_off_timer says: seconds of the first wait, and the longest."""
        first = max(3, self.boot_delay // 2)
        return f"{first},{2 * first}:{MAX_BACK_OFF_SECONDS}"

    def refresh(self, mac: int) -> int:
        """Return after how many seconds the phone *mac* fetches its settings again."""
        return self.refresh_seconds + share(mac, self.refresh_spread)

    def polling(self, mac: int) -> tuple[str, str]:
        """Return between which times of the day the phone *mac* polls, as ``01:05``."""
        begin = POLLING_BEGIN + share(mac, self.polling_minutes - _WINDOW_MINUTES + 1)
        return _clock(begin), _clock(begin + _WINDOW_MINUTES)


USUAL: Final = Pace()


def rounded(phones: int) -> int:
    """Return the power of two that so many *phones* count as."""
    return 1 << (phones - 1).bit_length() if phones > 1 else 1


def pace_for(phones: int, requests_per_second: float) -> Pace:
    """Return the pace of so many *phones*, of a server with that capacity."""
    storm = rounded(phones) * REQUESTS_PER_PHONE / requests_per_second
    quiet = math.ceil(storm / REFRESH_SHARE)
    refresh = min(max(REFRESH_SECONDS, quiet), MAX_REFRESH_SECONDS)
    if storm < SMALL_STORM_SECONDS:
        return USUAL._replace(refresh_seconds=refresh, refresh_spread=refresh // 2)
    return Pace(
        refresh,
        refresh // 2,
        min(math.ceil(storm), MAX_BOOT_DELAY_SECONDS),
        min(max(POLLING_MINUTES, math.ceil(quiet / 60)), MAX_POLLING_MINUTES),
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
