import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bootwave.certificates.blocks import Blocks
from bootwave.directory.records import EMPTY, Domain, FunctionKey, Profile, Setting
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING
from bootwave.store.serving import reader as reader_module
from bootwave.store.serving import wildcardparts
from bootwave.store.serving.reader import BATCH, Reader
from tests.store.clock import Clock

MAC = 0x0004132E08B4
OTHER = 0x0004132E08B5


@pytest.fixture
def filled(admin: Administration, add: Callable[..., None]) -> None:
    add("401@a.example.com", "402@a.example.com", mac=f"{MAC:012X}")
    add("403@a.example.com", mac=f"{OTHER:012X}")


def test_a_device_comes_complete(
    filled: None, admin: Administration, reader: Reader, clock: Clock
) -> None:
    admin.window_open(["402@a.example.com"])
    admin.settings_set("device", f"{MAC:012X}", "language", "Deutsch")
    admin.settings_set("account", "401@a.example.com", "user_srtp", "on", index=2)
    admin.settings_set("domain", "a.example.com", "tone_scheme", "GER")
    admin.keys_set("account", "401@a.example.com", 3, "speed 123", label="x")
    device = reader.devices([MAC])[MAC]
    assert device.mac == MAC
    assert device.domain is not None
    assert device.domain.name == "a.example.com"
    assert device.domain.layer.settings == (Setting("tone_scheme", "GER"),)
    assert device.layer.settings == (Setting("language", "Deutsch"),)
    first, second = device.bindings
    assert (first.identity, first.account.number) == (1, "401")
    assert first.account.layer.settings == (Setting("user_srtp", "on", 2),)
    assert first.account.layer.keys == (FunctionKey(3, "speed 123", "x"),)
    assert first.account.window is None
    assert (second.identity, second.account.number) == (2, "402")
    assert second.account.layer is EMPTY
    window = second.account.window
    assert window is not None
    assert window.account_id == second.account.id
    assert (window.opened, window.deadline) == (1_000.0, 1_600.0)
    assert (window.boot_id, window.closed) == (clock.at.boot_id, False)


def test_unknown_macs_are_missing_and_repeated_ones_come_once(
    filled: None, reader: Reader
) -> None:
    assert set(reader.devices([1, MAC, MAC, OTHER])) == {MAC, OTHER}
    assert reader.devices([]) == {}


def test_bound_macs_are_told_in_order_and_temporary_ones_left_out(
    filled: None,
    connection: sqlite3.Connection,
    add: Callable[..., None],
    reader: Reader,
) -> None:
    add("404@a.example.com", mac=f"{OTHER + 1:012X}")
    connection.execute(
        "UPDATE bindings SET expires = 1.0, boot_id = 'boot' WHERE mac = ?",
        (OTHER + 1,),
    )
    assert reader.bound(0, 10) == [MAC, OTHER]
    assert reader.bound(0, 1) == [MAC]
    assert reader.bound(MAC, 10) == [OTHER]
    assert reader.bound(OTHER, 10) == []


def test_a_batch_larger_than_one_query_is_complete(
    admin: Administration, reader: Reader
) -> None:
    macs = range(MAC, MAC + 2 * BATCH + 5)
    rows = [
        {"extension": str(number), "password": "pw", "mac": f"{mac:012X}"}
        for number, mac in enumerate(macs)
    ]
    admin.domain_add("a.example.com")
    assert admin.account_import(rows, domain="a.example.com")["stored"]
    found = reader.devices(macs)
    assert set(found) == set(macs)
    assert all(len(device.bindings) == 1 for device in found.values())


def test_devices_share_their_domain_until_it_changes(
    filled: None, admin: Administration, reader: Reader
) -> None:
    first = reader.devices([MAC])[MAC].domain
    assert reader.devices([OTHER])[OTHER].domain is first
    admin.domain_set("a.example.com", language="Deutsch")
    changed = reader.devices([MAC])[MAC].domain
    assert changed is not first
    assert changed is not None
    assert changed.language == "Deutsch"
    assert reader.devices([OTHER])[OTHER].domain is changed


def test_books_of_domains_are_kept_up_to_a_bound(
    admin: Administration,
    add: Callable[..., None],
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader_module, "MOST_ENTRIES", 3)
    for number in range(4):
        domain = f"d{number}.example.com"
        add(f"401@{domain}", mac=f"{MAC + number:012X}")
        entries = [{"name": "A", "number": "1"}, {"name": "B", "number": str(number)}]
        admin.phonebook_import("domain", domain, entries[: 1 + (number < 3)])

    def domain_of(number: int) -> Domain:
        mac = MAC + number
        found = reader.devices([mac])[mac].domain
        assert found is not None
        return found

    first = domain_of(0)
    assert domain_of(0) is first
    second = domain_of(1)
    assert domain_of(1) is second  # larger than what is left, and kept instead
    again = domain_of(0)
    assert again == first
    assert again is not first
    admin.phonebook_clear("domain", "d0.example.com")
    assert domain_of(0).layer.book == ()
    fourth, third = domain_of(3), domain_of(2)  # three entries together
    assert domain_of(3) is fourth
    assert domain_of(2) is third


def test_settings_of_a_model_are_seen_when_they_change(
    admin: Administration, reader: Reader
) -> None:
    assert reader.model_layer("snom370") is EMPTY
    admin.settings_set("model", "snom370", "backlight", "15")
    layer = reader.model_layer("snom370")
    assert layer.settings == (Setting("backlight", "15"),)
    assert reader.model_layer("snom370") is layer
    admin.settings_set("model", "snom370", "backlight", "1")
    assert reader.model_layer("snom370").settings == (Setting("backlight", "1"),)


def test_accounts_share_their_profile_until_it_changes(
    filled: None, admin: Administration, reader: Reader
) -> None:
    def profile(mac: int = MAC) -> Profile | None:
        return reader.devices([mac])[mac].bindings[0].account.profile

    assert profile() is None
    admin.profile_add("a.example.com", "sales")
    admin.keys_set("profile", "sales@a.example.com", 3, "line", label="L")
    admin.profile_assign("a.example.com", "sales", everyone=True)
    first = profile()
    domain_id = reader.devices([MAC])[MAC].domain.id
    assert reader.profile(domain_id, "sales") is first
    assert reader.profile(domain_id, "nobody's") is None
    assert first is not None
    assert (first.name, first.layer.keys) == ("sales", (FunctionKey(3, "line", "L"),))
    assert profile(OTHER) is first
    admin.settings_set("profile", "sales@a.example.com", "language", "x")
    second = profile()
    assert second is not None
    assert second.layer.settings == (Setting("language", "x"),)
    admin.profile_remove("a.example.com", "sales", force=True)
    assert profile() is None


def test_a_device_knows_its_group(
    filled: None, admin: Administration, reader: Reader
) -> None:
    assert reader.devices([MAC])[MAC].group_id is None
    admin.group_add("a.example.com", "ground floor")
    admin.group_assign("a.example.com", "ground floor", [f"{MAC:012X}"])
    assert reader.devices([MAC])[MAC].group_id == 1


def test_firmware_ranges_of_a_model_come_with_the_winner_last(
    admin: Administration, reader: Reader
) -> None:
    for written in ("8.7-", "-8.7", "8.4-8.7"):
        admin.settings_set("firmware", f"snom370 {written}", "language", written)
    admin.settings_set("firmware", "snom320 8.7", "language", "x")
    found = reader.firmware_layers("snom370")
    assert [str(one) for one, _layer in found] == ["-8.7", "8.4-8.7", "8.7-"]
    assert found[1][1].settings == (Setting("language", "8.4-8.7"),)
    assert reader.firmware_layers("snom999") == []


def test_settings_of_the_engine_are_a_layer_too(
    admin: Administration, reader: Reader
) -> None:
    assert reader.engine_layer() is EMPTY
    admin.settings_set("engine", "", "language", "Deutsch")
    assert reader.engine_layer().settings == (Setting("language", "Deutsch"),)
    assert reader.changed() == [EVERYTHING]


@pytest.mark.parametrize(
    "sql",
    [
        wildcardparts._WILDCARDS,
        reader_module._DEVICES_OF[4],
        reader_module._NEXT,
        reader_module._SPAN,
    ],
    ids=["wildcards", "devices", "next", "span"],
)
def test_no_hot_read_walks_all_accounts_or_devices(
    connection: sqlite3.Connection, sql: str
) -> None:
    values = [MAC] * sql.count("?")
    plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, values)]
    asked = re.compile(r"SCAN (\(subquery-\d+\)|(\d+ )?CONSTANT ROWS?)")  # the MACs
    walks = [
        step for step in plan if step.startswith("SCAN") and not asked.fullmatch(step)
    ]
    assert all("ix_accounts_wildcard" in step for step in walks), plan


def test_blocked_certificates_are_read_as_they_are_compared(
    admin: Administration, reader: Reader
) -> None:
    assert reader.certificate_blocks() == Blocks()
    admin.certificate_block(serial="0BAD1", reason="lost")
    admin.certificate_block(key="AB" * 32, reason="lost")
    assert reader.certificate_blocks() == Blocks(
        frozenset({0xBAD1}), frozenset({b"\xab" * 32})
    )


def test_a_stranger_is_given_nothing_of_its_decoy(
    add: Callable[..., None], admin: Administration, reader: Reader
) -> None:
    add("401@a.example.com", "402@a.example.com", mac=f"{MAC:012X}")
    add("501@b.example.com", mac=f"{OTHER:012X}")
    admin.account_unbind("501@b.example.com")
    found = reader.devices([OTHER, OTHER + 1, MAC])
    assert set(found) == {MAC, OTHER}
    unbound = found[OTHER]
    assert (unbound.domain, unbound.bindings) == (None, ())
    assert (unbound.token, unbound.credentials) == (None, None)
    assert len(found[MAC].bindings) == 2
    for stranger in (OTHER, OTHER + 1):
        decoy = reader.decoy(stranger)
        assert decoy is not None
        assert decoy.mac == MAC
        assert decoy.bindings == found[MAC].bindings


def test_nobody_takes_a_window_of_a_decoy(
    filled: None, admin: Administration, reader: Reader
) -> None:
    admin.window_open(["401@a.example.com", "403@a.example.com"])
    reader.devices([])
    decoys = [reader.decoy(mac) for mac in range(1, 20)]
    windows = [
        binding.account.window
        for decoy in decoys
        if decoy is not None
        for binding in decoy.bindings
    ]
    assert any(windows)
    assert all(window.closed for window in windows if window is not None)


def test_decoys_are_of_the_whole_fleet_and_each_stranger_keeps_its_own(
    admin: Administration, path: Path, reader: Reader
) -> None:
    macs = range(MAC, MAC + 300)
    rows = [
        {"extension": str(number), "password": "pw", "mac": f"{mac:012X}"}
        for number, mac in enumerate(macs)
    ]
    admin.domain_add("a.example.com")
    assert admin.account_import(rows, domain="a.example.com")["stored"]

    def chosen(reader: Reader) -> list[int]:
        reader.devices([])
        decoys = [reader.decoy(stranger) for stranger in range(1, 1_000)]
        return [decoy.mac for decoy in decoys if decoy is not None]

    found = chosen(reader)
    assert chosen(reader) == found
    assert len(found) == 999
    assert 20 < len(set(found)) <= reader_module.DECOYS
    assert min(found) < MAC + 100
    assert max(found) > MAC + 200
    first, second = Reader(path, b"of one engine"), Reader(path, b"of one engine")
    assert chosen(first) == chosen(second) != found
    first.close()
    second.close()


def test_a_decoy_is_replaced_when_it_is_not_bound_any_more(
    add: Callable[..., None], admin: Administration, reader: Reader
) -> None:
    def decoy() -> int | None:
        reader.devices([MAC + 9])
        found = reader.decoy(MAC + 9)
        return None if found is None else found.mac

    add("401@a.example.com", mac=f"{MAC:012X}")
    assert decoy() == MAC
    admin.account_unbind("401@a.example.com")
    assert decoy() is None
    admin.account_bind("401@a.example.com", f"{OTHER:012X}")
    assert decoy() == OTHER


def test_a_phone_with_an_account_for_a_time_is_no_decoy(
    filled: None, connection: sqlite3.Connection, reader: Reader
) -> None:
    connection.execute("UPDATE bindings SET expires = 1.0, boot_id = 'boot'")
    assert set(reader.devices([MAC, MAC + 9])) == {MAC}
    assert reader.decoy(MAC + 9) is None
