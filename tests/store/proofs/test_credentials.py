"""What a phone authenticates with: made, used, replaced, ended."""

import sqlite3
from collections.abc import Callable

import pytest

from bootwave.directory.records import DeviceCredentials
from bootwave.errors import StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.domains.claims import forget_expired_of_device
from bootwave.store.proofs import credentials
from bootwave.store.proofs.credentials import (
    ALPHABET,
    PASSWORD_CHARACTERS,
    USER_CHARACTERS,
)
from bootwave.store.secrets import KeyRing, credentials_owner
from bootwave.store.serving.reader import Reader

MAC = 0x0004132E08B4
TEXT = "0004132E08B4"
ANNA, BEN = "401@pbx.example.com", "402@pbx.example.com"
OTHER_DOMAIN = "501@other.example.net"
NOW = 1_700_000_000.0


class Desk:
    """One phone bound to an account, and its credentials."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        keyring: KeyRing,
        admin: Administration,
        reader: Reader,
    ) -> None:
        self.connection = connection
        self.keyring = keyring
        self.admin = admin
        self._reader = reader

    def make(self) -> bool:
        return credentials.make(self.connection, self.keyring, MAC, NOW)

    def use(self) -> bool:
        pair = self.pair
        assert pair is not None
        return credentials.use(self.connection, MAC, pair.user, NOW + 1)

    @property
    def pair(self) -> DeviceCredentials | None:
        found = self._reader.devices([MAC]).get(MAC)
        return None if found is None else found.credentials

    def opened(self, sealed: bytes) -> str:
        return self.keyring.open(sealed, owner=credentials_owner(MAC))


@pytest.fixture
def desk(
    connection: sqlite3.Connection,
    keyring: KeyRing,
    admin: Administration,
    reader: Reader,
    add: Callable[..., None],
) -> Desk:
    add(ANNA, mac=TEXT)
    return Desk(connection, keyring, admin, reader)


def test_a_pair_is_made_once_and_fits_a_snom_phone(desk: Desk) -> None:
    assert desk.pair is None
    assert desk.make()
    pair = desk.pair
    assert pair is not None
    password = desk.opened(pair.sealed_password)
    assert len(pair.user) == USER_CHARACTERS <= 30
    assert len(password) == PASSWORD_CHARACTERS <= 20
    assert set(pair.user + password) <= set(ALPHABET)
    assert not pair.used
    assert not pair.previous_user
    assert not desk.make()
    assert desk.pair == pair


def test_no_two_pairs_are_alike(desk: Desk) -> None:
    seen = set()
    for _ in range(20):
        desk.make()
        pair = desk.pair
        assert pair is not None
        seen |= {pair.user, desk.opened(pair.sealed_password)}
        desk.admin.device_credentials_revoke(TEXT)
    assert len(seen) == 40


def test_an_unbound_phone_gets_none(desk: Desk) -> None:
    desk.admin.account_unbind(ANNA)
    assert not desk.make()


def test_the_password_is_sealed_for_its_device(desk: Desk) -> None:
    desk.make()
    row = desk.connection.execute("SELECT * FROM device_credentials").fetchall()[0]
    pair = desk.pair
    assert pair is not None
    assert desk.opened(pair.sealed_password).encode() not in b"".join(
        each for each in row if isinstance(each, bytes)
    )
    assert desk.opened(pair.sealed_password) not in repr(pair)
    assert pair.user not in repr(pair)


def test_first_use_is_remembered_and_ends_the_pair_before(desk: Desk) -> None:
    desk.make()
    first = desk.pair
    assert first is not None
    assert desk.use()
    assert not desk.use()
    desk.admin.device_credentials_rotate(TEXT)
    second = desk.pair
    assert second is not None
    assert second.user != first.user
    assert (second.previous_user, second.sealed_previous) == (
        first.user,
        first.sealed_password,
    )
    assert not second.used
    assert not credentials.use(desk.connection, MAC, first.user, NOW)
    assert desk.use()
    third = desk.pair
    assert third is not None
    assert third.used
    assert (third.previous_user, third.sealed_previous) == ("", b"")


def test_a_pair_that_was_never_used_can_be_replaced_once(desk: Desk) -> None:
    desk.make()
    desk.admin.device_credentials_rotate(TEXT)
    before = desk.pair
    with pytest.raises(StoreConflict, match="has not used its new credentials"):
        desk.admin.device_credentials_rotate(TEXT)
    assert desk.pair == before


def test_rotating_and_revoking_end_what_is_kept_of_the_phone(
    desk: Desk, told: list[list[Change]]
) -> None:
    desk.make()
    told.clear()
    desk.admin.device_credentials_rotate(TEXT)
    assert desk.admin.device_credentials_revoke(TEXT)["revoked"]
    assert told == [[Change("device", MAC)]] * 2
    assert desk.pair is None
    assert not desk.admin.device_credentials_revoke(TEXT)["revoked"]
    assert len(told) == 2


def test_what_is_not_there_cannot_be_rotated(desk: Desk) -> None:
    with pytest.raises(StoreNotFound, match=r"no credentials: .* bootwave window open"):
        desk.admin.device_credentials_rotate(TEXT)
    with pytest.raises(StoreNotFound, match="no device 000413000001"):
        desk.admin.device_credentials_revoke("000413000001")


def test_device_show_tells_when_and_not_what(desk: Desk) -> None:
    assert desk.admin.device_show(TEXT)["credentials"] is None
    desk.make()
    shown = desk.admin.device_show(TEXT)
    assert shown["credentials"] == {
        "made_at": NOW,
        "used_at": None,
        "previous": False,
    }
    pair = desk.pair
    assert pair is not None
    assert pair.user not in str(shown)
    desk.use()
    assert desk.admin.device_show(TEXT)["credentials"]["used_at"] == NOW + 1


def test_unbinding_the_last_account_ends_the_credentials(
    desk: Desk, add: Callable[..., None]
) -> None:
    add(BEN, mac=TEXT)
    desk.make()
    desk.admin.account_unbind(ANNA)
    assert desk.pair is not None
    desk.admin.account_unbind(BEN)
    assert desk.pair is None
    desk.admin.account_bind(ANNA, TEXT)
    assert desk.pair is None


@pytest.mark.parametrize("how", ["replaced", "removed", "domain", "other domain"])
def test_who_loses_the_phone_loses_its_credentials(
    desk: Desk, add: Callable[..., None], how: str
) -> None:
    add(OTHER_DOMAIN)
    desk.make()
    if how == "replaced":
        desk.admin.account_bind(ANNA, "000413AAAAAA")
    elif how == "removed":
        desk.admin.account_remove(ANNA)
    elif how == "domain":
        desk.admin.domain_remove("pbx.example.com", force=True)
    else:
        desk.admin.account_unbind(ANNA)
        desk.admin.account_bind(OTHER_DOMAIN, TEXT)
    assert desk.connection.execute("SELECT * FROM device_credentials").fetchall() == []


def test_a_temporary_account_takes_the_credentials_with_it(desk: Desk) -> None:
    desk.make()
    desk.connection.execute("UPDATE bindings SET expires = 10, boot_id = 'gone'")
    forget_expired_of_device(desk.connection, MAC, 20.0, "gone")
    assert desk.pair is None


def test_a_pair_made_for_a_phone_that_was_served_before_is_logged(desk: Desk) -> None:
    def logged() -> list[tuple[str, int]]:
        rows = desk.connection.execute("SELECT kind, key FROM changes").fetchall()
        return [row for row in rows if row[1] == MAC]

    before = len(logged())
    assert credentials.issue(desk.connection, desk.keyring, MAC, NOW)
    assert len(logged()) == before + 1
    assert not credentials.issue(desk.connection, desk.keyring, MAC, NOW)
    assert len(logged()) == before + 1
