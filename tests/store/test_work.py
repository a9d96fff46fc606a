from collections.abc import Callable

import pytest

from bootwave.errors import StoreNotFound
from bootwave.options import PairingOptions
from bootwave.store.changelog import Change
from bootwave.store.secrets import KeyRing
from bootwave.store.work import Work
from tests.store.clock import Clock


@pytest.fixture
def work(connection: object, keyring: KeyRing, clock: Clock) -> Work:
    return Work(connection, keyring, PairingOptions(), clock())  # type: ignore[arg-type]


def test_what_is_not_stored_is_named_with_the_command_that_adds_it(work: Work) -> None:
    with pytest.raises(StoreNotFound, match="bootwave domain add"):
        work.domain_id("a.example.com")
    with pytest.raises(StoreNotFound, match="bootwave domain add"):
        work.account("401@a.example.com")


def test_a_missing_account_of_a_domain_is_named(
    work: Work, add: Callable[..., None]
) -> None:
    add("401@a.example.com")
    with pytest.raises(StoreNotFound, match="bootwave account add"):
        work.account("402@a.example.com")


def test_an_account_touches_every_phone_that_shows_it(
    work: Work, add: Callable[..., None]
) -> None:
    add("401@a.example.com", mac="0004132E08B4")
    account = work.account("401@A.example.com")
    work.touched_account(account)
    assert work.changes == [
        Change("account", account.id),
        Change("device", 0x0004132E08B4),
    ]
    work.touched_account(account._replace(wildcard="?"))
    assert Change("wildcard", account.domain_id) in work.changes


def test_a_claim_holds_within_its_boot_and_before_its_end(
    work: Work, clock: Clock
) -> None:
    now, boot_id = clock.at.boottime, clock.at.boot_id
    assert work.holds(None, "")
    assert work.holds(now + 1, boot_id)
    assert not work.holds(now, boot_id)
    assert not work.holds(now + 1, "another")


def test_what_is_not_reached_looks_as_if_nobody_had_it(
    work: Work, add: Callable[..., None]
) -> None:
    add("401@a.example.com", "401@b.example.com")
    work.reach = frozenset({"a.example.com"})
    assert work.account("401@A.example.com").domain == "a.example.com"
    said = []
    for domain in ("b.example.com", "c.example.com"):
        with pytest.raises(StoreNotFound) as refused:
            work.account(f"401@{domain}")
        said.append(str(refused.value).replace(domain, ""))
        with pytest.raises(StoreNotFound):
            work.domain_id(domain)
    assert said[0] == said[1]
