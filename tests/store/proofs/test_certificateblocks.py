"""Blocks of certificates: by serial number in hex, or by key."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.certificates.blocks import Blocks
from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from bootwave.store.proofs import certificateblocks
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.counted import counting

KEY = "ab" * 32


def test_a_block_reaches_the_workers_and_says_that_everything_changed(
    admin: Administration, reader: Reader, told: list[list[Change]], clock: Clock
) -> None:
    assert reader.certificate_blocks() == Blocks()
    done = admin.certificate_block(serial="0a:BC", reason="stolen")
    assert done == {"kind": "serial", "serial": "ABC", "key": None, "reason": "stolen"}
    assert told[-1] == [EVERYTHING]
    assert admin.certificate_block(key=KEY.upper())["key"] == KEY
    assert reader.certificate_blocks() == Blocks(
        frozenset({0xABC}), frozenset({bytes.fromhex(KEY)})
    )
    assert reader.changed() == [EVERYTHING]
    assert admin.certificate_list() == [
        {
            "kind": "key",
            "serial": None,
            "key": KEY,
            "reason": "",
            "at": clock.at.wall,
            "by": "(engine)",
            "macs": [],
        },
        {
            "kind": "serial",
            "serial": "ABC",
            "key": None,
            "reason": "stolen",
            "at": clock.at.wall,
            "by": "(engine)",
            "macs": [],
        },
    ]


def test_unblocking_ends_it(
    admin: Administration, reader: Reader, told: list[list[Change]]
) -> None:
    admin.certificate_block(serial="7", reason="x")
    told.clear()
    assert admin.certificate_unblock(serial="0x07")["reason"] == "x"
    assert told == [[EVERYTHING]]
    assert reader.certificate_blocks() == Blocks()
    with pytest.raises(StoreNotFound, match="No block is of serial 7"):
        admin.certificate_unblock(serial="7")
    with pytest.raises(StoreNotFound, match="No block is of key abab"):
        admin.certificate_unblock(key=KEY)


def test_a_serial_number_is_taken_as_openssl_prints_it(admin: Administration) -> None:
    assert admin.certificate_block(serial="serial=0A0F\n")["serial"] == "A0F"
    assert admin.certificate_unblock(serial="serial=0A0F")["serial"] == "A0F"


def test_blocking_again_changes_the_reason(admin: Administration) -> None:
    admin.certificate_block(serial="7", reason="one")
    admin.certificate_block(serial="07", reason="two")
    assert [each["reason"] for each in admin.certificate_list()] == ["two"]


@pytest.mark.parametrize(
    "which",
    [
        {},
        {"serial": "7", "key": KEY},
        {"serial": "zz"},
        {"serial": "-1"},
        {"serial": "f" * 41},
        {"serial": ":"},
        {"key": "ab"},
        {"key": "zz" * 32},
        {"serial": "1", "reason": "two\nlines"},
        {"serial": "1", "reason": "a" * 200},
    ],
)
def test_what_is_wrong_blocks_nothing(
    admin: Administration, which: dict[str, str]
) -> None:
    with pytest.raises(SettingError):
        admin.certificate_block(**which)
    assert admin.certificate_list() == []


def test_serials_of_twenty_octets_are_stored_exactly(
    admin: Administration, reader: Reader
) -> None:
    admin.certificate_block(serial="00" + "f" * 40)
    assert reader.certificate_blocks().serials == {(1 << 160) - 1}


def test_there_is_a_bound(
    admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificateblocks, "MAX_CERTIFICATE_BLOCKS", 2)
    admin.certificate_block(serial="1")
    admin.certificate_block(serial="2")
    with pytest.raises(StoreConflict, match=r"https\.crls"):
        admin.certificate_block(serial="3")


def test_whether_a_phones_certificate_is_blocked_is_told_without_reading_others(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add("401@a.example.com", mac="0004132E08B4")
    add("402@a.example.com", mac="0004132E08B5")
    came = (
        "UPDATE devices SET certificate_serial = ?, certificate_key = ? WHERE mac = ?"
    )
    connection.execute(came, ("2748", "cd" * 32, 0x0004132E08B4))
    connection.execute(came, ("8", KEY, 0x0004132E08B5))
    admin.certificate_block(serial="ABC")
    assert admin.device_is_blocked(0x0004132E08B4)
    assert not admin.device_is_blocked(0x0004132E08B5)

    def steps(others: range) -> int:
        connection.executemany(
            "INSERT INTO devices (mac, model, owns_certificate) VALUES (?, '', 0)",
            [(mac,) for mac in others],
        )
        with counting(connection) as count:
            assert not admin.device_is_blocked(0x0004132E08B5)
            return count()

    assert steps(range(1, 3)) == steps(range(3, 500))
    admin.certificate_block(key=KEY)
    assert admin.device_is_blocked(0x0004132E08B5)
