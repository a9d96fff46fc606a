"""The pace of the fleet as it is stored, and when it becomes another."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bootwave.options import Options, StoreOptions, WavesOptions
from bootwave.settings.capacity import Cost
from bootwave.settings.pacing import USUAL, pace_for
from bootwave.store.administration import Administration
from bootwave.store.settings import fleet
from bootwave.store.settings.fleet import fleet_pace

BUSY = Cost(0.0005, 9_000)  # one thousand a second and CPU


@pytest.fixture
def options(path: Path) -> Options:
    return Options(store=StoreOptions(database=path))


def test_without_an_engine_the_pace_is_that_of_the_phones_bound_now(
    add: Callable[..., None], admin: Administration, path: Path
) -> None:
    options = Options(
        store=StoreOptions(database=path), waves=WavesOptions(requests_per_second=1)
    )
    assert fleet_pace(options) == USUAL
    for number in range(5):
        add(f"{400 + number}@a.example.com", mac=f"00041300000{number}")
    assert fleet_pace(options) == pace_for(5, 1)
    assert fleet_pace(options).boot_delay == 24
    admin.account_unbind("404@a.example.com")
    assert fleet_pace(options) == pace_for(4, 1)


def test_another_capacity_is_told_when_it_is_another_by_half(
    admin: Administration, options: Options, connection: sqlite3.Connection
) -> None:
    admin.pace_reconsidered(BUSY, 2)
    told = [
        admin.pace_reconsidered(Cost(seconds, 9_000), 2).requests_per_second
        for seconds in (0.0005, 0.0004, 0.00034, 0.00033, 0.0004, 0.0005)
    ]
    assert told == [2_000, 2_000, 2_000, 3_000, 3_000, 2_000]
    assert admin.request_cost() == Cost(0.0005, 9_000)


def test_a_fleet_about_a_power_of_two_is_not_told_anew_all_the_time(
    add: Callable[..., None], admin: Administration
) -> None:
    def told() -> int:
        return admin.pace_reconsidered(BUSY, 2).phones

    accounts = [f"{400 + number}@a.example.com" for number in range(9)]
    for number, account in enumerate(accounts):
        add(account, mac=f"00041300000{number}")
    assert told() == 9
    admin.account_unbind(accounts[8])
    assert told() == 9  # eight would be another power of two
    add("500@a.example.com", mac="000413000008")
    add("501@a.example.com", mac="000413000009")
    assert told() == 10
    for account in ("500@a.example.com", "501@a.example.com", *accounts[5:8]):
        admin.account_unbind(account)
    assert told() == 10  # five
    admin.account_unbind(accounts[4])
    assert told() == 4


def test_the_longest_boot_delay_is_what_any_layer_says(
    add: Callable[..., None], admin: Administration, connection: sqlite3.Connection
) -> None:
    waves = WavesOptions(requests_per_second=1)
    assert fleet.boot_delay(connection, waves) == 0
    for number in range(5):
        add(f"{400 + number}@a.example.com", mac=f"00041300000{number}")
    assert fleet.boot_delay(connection, waves) == 24
    admin.settings_set("domain", "a.example.com", "max_boot_delay", "10")
    assert fleet.boot_delay(connection, waves) == 24
    admin.settings_set("device", "000413000001", "max_boot_delay", "240")
    assert fleet.boot_delay(connection, waves) == 240
