"""How fleets of each size are kept apart, by what the server can take."""

from collections import Counter

import pytest

from bootwave.settings.catalogue import checked_setting
from bootwave.settings.pacing import (
    MAX_BOOT_DELAY_SECONDS,
    MAX_REFRESH_SECONDS,
    REQUESTS_PER_PHONE,
    USUAL,
    pace_for,
)

MACS = range(0x000413_2E0000, 0x000413_2E0000 + 3_600)


@pytest.mark.parametrize("phones", [0, 1, 50, 5_000, 6_000])
def test_a_small_fleet_has_refresh_timers_only(phones: int) -> None:
    assert pace_for(phones, 3_000) == USUAL
    assert not USUAL.is_large


def test_timers_are_spread_over_an_hour_and_stay_what_they_are() -> None:
    each = Counter((USUAL.refresh(mac) - 7200) // 60 for mac in MACS)
    assert set(each) == set(range(60))
    assert 50 <= min(each.values()) <= max(each.values()) <= 70
    assert USUAL.refresh(MACS[0]) == USUAL.refresh(MACS[0])


@pytest.mark.parametrize("phones", [10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("capacity", [500.0, 2_000.0, 10_000.0])
def test_refreshing_takes_a_tenth_of_capacity(phones: int, capacity: float) -> None:
    pace = pace_for(phones, capacity)
    least = phones * REQUESTS_PER_PHONE / pace.refresh_seconds
    assert least <= capacity / 10 or pace.refresh_seconds == MAX_REFRESH_SECONDS
    assert pace.refresh_spread >= pace.refresh_seconds // 2


@pytest.mark.parametrize(
    ("phones", "capacity", "delay", "back_off"),
    [
        (8_000, 2_000, 13, "6,12:3600"),
        (100_000, 2_000, 197, "98,196:3600"),
        (1_000_000, 1_000, MAX_BOOT_DELAY_SECONDS, "300,600:3600"),
    ],
)
def test_a_large_fleet_boots_over_what_it_takes_at_once(
    phones: int, capacity: float, delay: int, back_off: str
) -> None:
    pace = pace_for(phones, capacity)
    assert pace.is_large
    assert pace.boot_delay == delay
    assert pace.back_off == back_off


def test_each_phone_polls_within_an_hour_of_its_own_in_the_night() -> None:
    assert pace_for(100_000, 2_000).polling_minutes == 180
    pace = pace_for(10_000_000, 2_000)
    windows = [pace.polling(mac) for mac in MACS]
    assert min(windows)[0] == "01:00"
    assert "05:45" <= max(windows)[1] <= "06:00"
    begins = Counter(begin[:4] for begin, _end in windows)  # by ten minutes
    assert max(begins.values()) < 1.3 * len(MACS) / len(begins)
    for begin, end in windows[:100]:
        checked_setting("prov_polling_time", begin)
        checked_setting("prov_polling_time_rand_end", end)


def test_one_more_phone_changes_nothing_but_at_powers_of_two() -> None:
    paces = [pace_for(phones, 2_000) for phones in range(8_193, 16_385, 101)]
    assert len(set(paces)) == 1
    assert pace_for(16_385, 2_000) != paces[0]
