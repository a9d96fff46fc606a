from collections.abc import Callable
from pathlib import Path

from bootwave.options import Options, StoreOptions, WavesOptions
from bootwave.settings.pacing import USUAL, pace_for
from bootwave.store.administration import Administration
from bootwave.store.fleet import fleet_pace


def test_the_pace_is_that_of_the_phones_bound_now(
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
