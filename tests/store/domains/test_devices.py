import sqlite3
from collections.abc import Callable

import pytest

from bootwave.errors import StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.serving.phonewrites import Taken, note_taken
from tests.store.clock import Clock

MAC = 0x0004132E08B4


def test_a_phone_that_is_reset_was_never_provisioned(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    clock: Clock,
    told: list[list[Change]],
) -> None:
    add("401@a.example.com", mac=f"{MAC:012X}")
    note_taken(connection, Taken(MAC, "certificate", "10.0.0.7", ()), clock.at)
    assert admin.device_show("0004132E08B4")["provisioned_at"] == clock.at.wall
    assert admin.device_reset("00:04:13:2e:08:b4") == {"mac": "0004132E08B4"}
    assert admin.device_show("0004132E08B4")["provisioned_at"] is None
    # What is kept of it ends.
    assert told[-1] == [Change("device", MAC)]


def test_only_a_known_phone_can_be_reset(admin: Administration) -> None:
    with pytest.raises(StoreNotFound, match="unknown"):
        admin.device_reset("000413000099")
