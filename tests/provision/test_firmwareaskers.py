"""For whom a handle asks, and when that is read anew."""

import os

import pytest

from bootwave.errors import StoreError
from bootwave.provision import firmwareaskers
from bootwave.provision.firmwareaskers import FirmwareAskers
from bootwave.store.changelog import Change
from bootwave.store.serving.firmwarereader import EVERYBODY, Scope
from tests.provision.test_firmware import DOMAIN, MAC, TEXT, Site, site

assert site  # a fixture


@pytest.fixture
def askers(site: Site) -> FirmwareAskers:
    site.bind()
    return FirmwareAskers(site.reader, site.pages)


def handle_of_its_own(site: Site) -> str:
    """Return the handle of a device of which nothing is said any more."""
    site.admin.firmware_pin("device", TEXT, "keep", model="snom370")
    site.admin.firmware_unpin("device", TEXT, model="snom370")
    return site.answers.handle_of(MAC, 1)


def test_a_device_of_which_nothing_is_said_counts_as_one_of_its_domain(
    site: Site, askers: FirmwareAskers
) -> None:
    handle = handle_of_its_own(site)
    assert askers.counted(handle) == Scope(1, 0)
    site.admin.firmware_pin("device", TEXT, "keep", model="snom370")
    assert askers.counted(handle) == Scope(1, MAC)
    site.admin.firmware_unpin("device", TEXT, model="snom370")
    assert askers.counted(handle) == Scope(1, 0)
    site.admin.group_add(DOMAIN, "early")
    site.admin.group_assign(DOMAIN, "early", [TEXT])
    assert askers.counted(handle) == Scope(1, 0, 1)
    site.admin.account_unbind(f"401@{DOMAIN}", TEXT)
    assert askers.counted(handle) == EVERYBODY


def test_all_of_them_are_decided_for_once(site: Site) -> None:
    site.bind()
    site.define("8.5.36")
    handle = handle_of_its_own(site)
    site.define("8.5.37", scope="domain", target=DOMAIN)
    assert site.told(handle=handle).what == "snom370 8.5.37"
    site.admin.account_add(f"402@{DOMAIN}", password="x", mac=f"{MAC + 1:012X}")
    of_domain = site.answers.handle_of(MAC + 1, 1)
    assert of_domain != handle
    assert site.told(handle=of_domain).what == "snom370 8.5.37"
    assert len(site.answers._decisions) == 1


def test_nobodys_handles_are_everybodys_and_not_kept(askers: FirmwareAskers) -> None:
    for handle in ("", "a" * 26, "'; --"):
        assert askers.counted(handle) == EVERYBODY
    assert len(askers) == 0


def test_what_is_kept_is_not_read_again(site: Site, askers: FirmwareAskers) -> None:
    handle = handle_of_its_own(site)
    assert askers.counted(handle) == Scope(1, 0)
    site.reader.close()
    os.rename(site.path, site.place / "away.db")
    assert askers.counted(handle) == Scope(1, 0)
    askers.forget_devices([MAC + 1])
    assert askers.counted(handle) == Scope(1, 0)
    askers.forget_devices([MAC])
    with pytest.raises(StoreError):
        askers.counted(handle)
    os.rename(site.place / "away.db", site.path)
    assert askers.counted(handle) == Scope(1, 0)
    askers.clear()
    assert len(askers) == 0


def test_phones_cannot_make_it_grow(
    site: Site, askers: FirmwareAskers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmwareaskers, "MOST_ASKERS", 3)
    for number in range(5):
        mac = f"{MAC + number:012X}"
        site.admin.firmware_pin("device", mac, "keep", model="snom370")
        assert askers.counted(site.answers.handle_of(MAC + number, 0)).mac
    assert (len(askers), len(askers._handles)) == (3, 3)


def test_a_scope_that_changes_all_the_time_is_not_decided_for(
    site: Site, askers: FirmwareAskers, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = handle_of_its_own(site)
    scopes = iter(Scope(number, MAC) for number in range(1, 99))
    monkeypatch.setattr(site.reader, "scope", lambda _handle: next(scopes))
    with pytest.raises(StoreError, match="all the time"):
        askers.counted(handle)


def test_a_device_that_was_written_past_the_engine_is_forgotten_when_told(
    site: Site,
) -> None:
    site.bind()
    site.define("8.5.36")
    handle = handle_of_its_own(site)
    assert site.told(handle=handle).what == "snom370 8.5.36"
    site.connection.execute(
        "INSERT INTO firmware_pins VALUES ('device', ?, 'snom370', 'keep')", (MAC,)
    )
    assert site.told(handle=handle).what == "snom370 8.5.36"
    site.answers.forget([Change("device", MAC)])
    assert site.told(handle=handle).what == ""
