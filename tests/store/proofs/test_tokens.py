import sqlite3
from collections.abc import Callable

import pytest

from bootwave.directory.records import Token
from bootwave.errors import StoreNotFound
from bootwave.http.target import TOKEN_CHARACTERS, is_token
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.proofs.tokens import (
    device_token_owner,
    domain_token_owner,
    give,
    new_token,
    note_device_used,
    note_domain_used,
)
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock

MAC = 0x0004132E08B4
DOMAIN = "a.example.com"
OTHER = "b.example.com"


@pytest.fixture
def bound(admin: Administration, add: Callable[..., None]) -> Administration:
    add(f"401@{DOMAIN}", mac=f"{MAC:012X}")
    return admin


def token_of(reader: Reader, mac: int = MAC) -> Token:
    found = reader.devices([mac])[mac].token
    assert found is not None
    return found


def stored(connection: sqlite3.Connection) -> int:
    """Return how many devices have a token, bound or not."""
    return int(connection.execute("SELECT COUNT(*) FROM device_tokens").fetchone()[0])


def test_a_token_is_random_and_has_the_form_that_urls_are_read_by() -> None:
    some = {new_token() for _ in range(100)}
    assert len(some) == 100
    assert all(is_token(token) and len(token) == TOKEN_CHARACTERS for token in some)


def test_a_domains_token_is_shown_again_and_read_sealed(
    bound: Administration, reader: Reader, keyring: KeyRing
) -> None:
    made = bound.token_make(DOMAIN)
    shown = bound.token_show(DOMAIN)
    assert shown["token"] == made["token"]
    assert (shown["required"], shown["used_at"]) == (False, None)
    ((domain_id, token),) = reader.domain_tokens().items()
    opened = keyring.open(token.sealed, owner=domain_token_owner(domain_id))
    assert opened == made["token"]
    assert not token.sealed_previous
    assert "Token(...)" in repr(token)


def test_the_token_before_is_kept_until_the_new_one_was_used(
    bound: Administration,
    reader: Reader,
    connection: sqlite3.Connection,
    clock: Clock,
) -> None:
    bound.token_make(DOMAIN)
    bound.token_make(DOMAIN, required=True)
    ((domain_id, token),) = reader.domain_tokens().items()
    assert (token.used, token.required) == (False, True)
    assert token.sealed_previous
    assert bound.token_show(DOMAIN)["previous_good"]
    note_domain_used(connection, domain_id, b"another", clock.at)
    assert not reader.domain_tokens()[domain_id].used
    note_domain_used(connection, domain_id, token.sealed, clock.at)
    used = reader.domain_tokens()[domain_id]
    assert (used.used, used.sealed_previous) == (True, b"")
    assert not bound.token_show(DOMAIN)["previous_good"]


def test_another_token_is_required_if_the_one_before_was(
    bound: Administration, reader: Reader
) -> None:
    assert bound.token_make(DOMAIN)["required"] is False
    bound.token_require(DOMAIN, required=True)
    assert bound.token_make(DOMAIN)["required"] is True
    ((_, token),) = reader.domain_tokens().items()
    assert token.required
    assert bound.token_make(DOMAIN, required=False)["required"] is False
    assert bound.token_make(DOMAIN)["required"] is False


def test_a_token_can_be_required_and_removed(
    bound: Administration, reader: Reader, told: list[list[Change]]
) -> None:
    bound.token_make(DOMAIN)
    bound.token_require(DOMAIN, required=True)
    ((domain_id, token),) = reader.domain_tokens().items()
    assert token.required
    # In force everywhere when the command returns.
    assert Change("domain", domain_id) in told[-1]
    bound.token_rotate(f"{MAC:012X}")
    bound.token_remove(DOMAIN)
    assert reader.domain_tokens() == {}
    assert reader.devices([MAC])[MAC].token is None
    for call in (bound.token_show, bound.token_remove):
        with pytest.raises(StoreNotFound, match="has no token"):
            call(DOMAIN)
    with pytest.raises(StoreNotFound, match="has no token"):
        bound.token_require(DOMAIN, required=True)


def test_a_device_keeps_the_token_it_was_given_first(
    bound: Administration,
    reader: Reader,
    connection: sqlite3.Connection,
    clock: Clock,
    keyring: KeyRing,
) -> None:
    sealed = [keyring.seal(new_token(), owner=device_token_owner(MAC)) for _ in "ab"]
    assert give(connection, MAC, sealed[0], clock.at)
    assert give(connection, MAC, sealed[1], clock.at)
    assert token_of(reader).sealed == sealed[0]
    assert give(connection, MAC + 1, sealed[0], clock.at)  # unknown: there is no row


def test_a_device_is_given_another_token(
    bound: Administration,
    reader: Reader,
    connection: sqlite3.Connection,
    clock: Clock,
) -> None:
    with pytest.raises(StoreNotFound, match="domain token make"):
        bound.token_rotate(f"{MAC:012X}")
    bound.token_make(DOMAIN)
    bound.token_rotate(f"{MAC:012X}")
    first = token_of(reader)
    bound.token_rotate(f"{MAC:012X}")
    second = token_of(reader)
    assert second.sealed_previous == first.sealed
    note_device_used(connection, MAC, first.sealed, clock.at)  # not the present one
    assert not token_of(reader).used
    reader.changed()
    note_device_used(connection, MAC, second.sealed, clock.at)
    assert token_of(reader) == Token(second.sealed, b"", True)
    # Whoever keeps its document looks again, once.
    assert reader.changed() == [Change("device", MAC)]
    note_device_used(connection, MAC, second.sealed, clock.at)
    assert reader.changed() is None


def test_a_token_does_not_follow_its_device_into_another_domain(
    bound: Administration,
    reader: Reader,
    connection: sqlite3.Connection,
    add: Callable[..., None],
) -> None:
    bound.token_make(DOMAIN)
    bound.token_rotate(f"{MAC:012X}")
    bound.account_unbind(f"401@{DOMAIN}")
    assert stored(connection) == 1
    add(f"501@{OTHER}", mac=f"{MAC:012X}")
    assert reader.devices([MAC])[MAC].token is None


def test_tokens_go_with_their_domain(
    bound: Administration, reader: Reader, connection: sqlite3.Connection
) -> None:
    bound.token_make(DOMAIN)
    bound.token_rotate(f"{MAC:012X}")
    bound.domain_remove(DOMAIN, force=True)
    assert reader.domain_tokens() == {}
    assert stored(connection) == 0


def test_a_phone_that_is_unbound_loses_its_token_with_its_last_domains(
    bound: Administration, connection: sqlite3.Connection
) -> None:
    bound.token_make(DOMAIN)
    bound.token_rotate(f"{MAC:012X}")
    bound.account_unbind(f"401@{DOMAIN}")
    bound.token_remove(DOMAIN)
    assert stored(connection) == 0
