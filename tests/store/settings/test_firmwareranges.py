"""Firmware ranges as they come and go with what is said for them."""

import pytest

from bootwave.errors import StoreNotFound
from bootwave.store.administration import Administration


def test_a_range_is_there_while_something_is_said_for_it(admin: Administration) -> None:
    admin.settings_set("firmware", "snom370 8.4-8.7", "language", "Deutsch")
    admin.keys_set("firmware", "snom370 8.04-8.7", 3, "line")
    assert admin.settings_ranges() == [
        {"model": "snom370", "firmware": "8.4-8.7", "settings": 1, "keys": 1}
    ]
    admin.settings_unset("firmware", "Snom 370 8.4-8.7", "language")
    assert [one["keys"] for one in admin.settings_ranges()] == [1]
    admin.keys_clear("firmware", "snom370 8.4-8.7")
    assert admin.settings_ranges() == []
    with pytest.raises(StoreNotFound, match="settings ranges"):
        admin.keys_list("firmware", "snom370 8.4-8.7")


def test_ranges_are_listed_by_model_the_one_that_wins_last(
    admin: Administration,
) -> None:
    for target in ("snomD785 10-", "snom370 8.7", "snom370 -8.7", "snom370 8.4-"):
        admin.settings_set("firmware", target, "language", "Deutsch")
    listed = [f"{one['model']} {one['firmware']}" for one in admin.settings_ranges()]
    assert listed == ["snom370 -8.7", "snom370 8.4-", "snom370 8.7", "snomD785 10-"]
