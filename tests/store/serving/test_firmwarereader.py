import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.store.administration import Administration
from bootwave.store.firmware.rows import Place
from bootwave.store.serving.firmwarereader import EVERYBODY, FirmwareReader, Scope

MAC = 0x0004132E08B4
TEXT = f"{MAC:012X}"
URL = "http://downloads.snom.com/a.bin"


@pytest.fixture
def firmware(path: Path) -> Iterator[FirmwareReader]:
    opened = FirmwareReader(path)
    yield opened
    opened.close()


def test_a_device_asks_by_its_own_handle_else_by_its_domains(
    admin: Administration, add: Callable[..., None], firmware: FirmwareReader
) -> None:
    add("401@a.example.com", mac=TEXT)
    add("401@b.example.com")
    admin.firmware_set("engine", "", "snom370", "8.5.36", location=URL)
    assert not firmware.has_scopes()
    admin.firmware_set("domain", "b.example.com", "snom370", "8.5.36", location=URL)
    assert firmware.has_scopes()
    assert firmware.handle(MAC, 1) == ""
    of_domain = firmware.handle(MAC, 2)
    assert firmware.scope(of_domain) == Scope(2, 0)
    admin.firmware_pin("device", TEXT, "keep", model="snom370")
    own = firmware.handle(MAC, 2)
    assert own not in ("", of_domain)
    assert firmware.scope(own) == Scope(1, MAC)
    admin.account_unbind("401@a.example.com", TEXT)
    assert firmware.scope(own) == Scope(0, MAC)
    assert firmware.scope("nobody") is None


def test_the_more_specific_place_comes_first() -> None:
    assert EVERYBODY.places == [Place("engine", 0)]
    assert Scope(7, 0).places == [Place("domain", 7), Place("engine", 0)]
    assert Scope(7, MAC).places[0] == Place("device", MAC)
    assert Scope(0, MAC).places == [Place("device", MAC), Place("engine", 0)]


def test_rules_are_in_the_order_asked(
    admin: Administration, add: Callable[..., None], firmware: FirmwareReader
) -> None:
    add("401@a.example.com")
    admin.firmware_pin("domain", "a.example.com", "keep", model="snom370")
    mine, all_ = firmware.rules(Scope(1, 0).places)
    assert mine.pins == {"snom370": "keep"}
    assert all_.says_nothing
    assert firmware.images() == []


def test_a_store_that_is_away_is_tried_again(
    path: Path, firmware: FirmwareReader
) -> None:
    assert not firmware.has_scopes()
    firmware.close()
    os.rename(path, path.with_name("away"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            firmware.has_scopes()
    os.rename(path.with_name("away"), path)
    assert not firmware.has_scopes()
    # And it waits again for who has the store to itself for a moment.
    assert firmware._connection is not None
    assert firmware._connection.execute("PRAGMA busy_timeout").fetchall() == [(250,)]


def test_a_device_of_a_group_asks_by_its_handle(
    admin: Administration, add: Callable[..., None], firmware: FirmwareReader
) -> None:
    add("401@a.example.com", mac=TEXT)
    admin.group_add("a.example.com", "early")
    admin.firmware_pin("domain", "a.example.com", "keep", model="snom370")
    admin.firmware_pin("group", "early@a.example.com", "8.5.36", model="snom370")
    of_domain = firmware.handle(MAC, 1)
    admin.group_assign("a.example.com", "early", [TEXT])
    of_group = firmware.handle(MAC, 1)
    assert of_group != of_domain
    assert firmware.scope(of_group) == Scope(1, 0, 1)
    assert Scope(1, 0, 1).places[0] == Place("group", 1)
    admin.firmware_pin("device", TEXT, "keep", model="snom370")
    assert firmware.scope(firmware.handle(MAC, 1)) == Scope(1, MAC, 1)
    admin.firmware_unpin("device", TEXT, model="snom370")
    admin.group_remove("a.example.com", "early")
    assert firmware.scope(of_group) is None
    assert firmware.scope(firmware.handle(MAC, 1)) == Scope(1, MAC, 0)


def test_a_domain_takes_what_its_groups_said_with_it(
    admin: Administration, add: Callable[..., None], firmware: FirmwareReader
) -> None:
    add("401@a.example.com")
    admin.group_add("a.example.com", "early")
    admin.firmware_pin("group", "early@a.example.com", "keep", model="snom370")
    assert firmware.has_scopes()
    admin.domain_remove("a.example.com", force=True)
    assert not firmware.has_scopes()
