import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.store.administration import Administration
from bootwave.store.firmwarereader import EVERYBODY, FirmwareReader, Scope
from bootwave.store.firmwarerows import Place

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
