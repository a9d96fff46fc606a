from dataclasses import replace

from bootwave.directory.records import Account, Opening, WildcardAccount
from bootwave.pairing.decisions import Policy
from bootwave.pairing.sources import source_key
from bootwave.pairing.wildcards import Choice, choose
from tests.pairing.rows import (
    BOOT,
    MAC,
    OTHER_MAC,
    account,
    at,
    wildcard,
    window,
)

POLICY = Policy(temporary_seconds=3600.0)
HERE = "192.168.4.4"


def choice(
    *rows: WildcardAccount,
    boottime: float = 200.0,
    address: str = HERE,
    model: str | None = "",
) -> Choice:
    return choose(
        rows,
        MAC,
        address,
        source_key(address),
        at(boottime),
        POLICY,
        model,
    )


def open_account(
    id: int, kind: str = "*", domain: int = 1, opened: float = 100.0
) -> Account:
    return account(
        id,
        window(id * 10, account_id=id, opened=opened),
        domain_id=domain,
        wildcard=kind,
    )


def ids(found: Choice) -> list[int]:
    return [candidate.account_id for candidate in found.candidates]


def test_without_wildcard_accounts_there_is_nothing_to_claim() -> None:
    assert choice() == Choice()


def test_a_wildcard_account_with_an_open_window_can_be_claimed() -> None:
    found = choice(wildcard(open_account(1)))
    assert ids(found) == [1]
    assert found.candidates[0].window_id == 10
    assert found.candidates[0].expires is None


def test_a_certificate_claims_what_is_not_open_where_that_is_allowed() -> None:
    allowed = replace(POLICY, certificate_claims=True)
    held = account(1, window(mac=OTHER_MAC, source=HERE), wildcard="?")
    bounded = replace(wildcard(open_account(2)), opening=Opening(models=("snomd785",)))
    over = account(4, window(closed=True), wildcard="*")
    rows = [
        wildcard(held, until=900.0, boot_id=BOOT),
        bounded,
        wildcard(account(3, wildcard="?")),
        wildcard(over),
        wildcard(open_account(5)),
    ]
    for policy, certified, found in (
        (allowed, True, [5, 4, 3]),
        (allowed, False, [5]),
        (POLICY, True, [5]),
    ):
        choice = choose(
            rows, MAC, HERE, HERE, at(200.0), policy, "snom370", certified=certified
        )
        assert ids(choice) == found
        assert choice.taken
        assert choice.restricted
    by_certificate = choose(rows, MAC, HERE, HERE, at(200.0), allowed, certified=True)
    windows = [candidate.window_id for candidate in by_certificate.candidates]
    assert windows == [50, None, None]


def test_a_wildcard_account_that_is_not_open_can_not() -> None:
    assert choice(wildcard(account(1, wildcard="*"))) == Choice()
    shut = account(1, window(closed=True), wildcard="*")
    assert choice(wildcard(shut)) == Choice()


def test_a_temporary_account_is_claimed_for_its_time() -> None:
    found = choice(wildcard(open_account(1, "?")))
    assert found.candidates[0].expires == 200.0 + 3600.0


def test_a_permanent_account_comes_before_a_temporary_one() -> None:
    found = choice(
        wildcard(open_account(1, "?")),
        wildcard(open_account(2, "*")),
    )
    assert ids(found) == [2, 1]


def test_the_account_opened_first_is_claimed_first_then_the_lower_id() -> None:
    found = choice(
        wildcard(open_account(3, opened=100.0)),
        wildcard(open_account(1, opened=150.0)),
        wildcard(open_account(2, opened=100.0)),
    )
    assert ids(found) == [2, 3, 1]


def test_the_domain_with_the_most_specific_subnet_wins() -> None:
    found = choice(
        wildcard(open_account(1, domain=1), ""),
        wildcard(open_account(2, domain=2), "192.168.0.0/16"),
        wildcard(open_account(3, domain=3), "192.168.4.0/24"),
        wildcard(open_account(4, domain=4), "192.168.5.0/24"),
    )
    assert ids(found) == [3]


def test_a_domain_of_another_subnet_gives_nothing() -> None:
    row = wildcard(open_account(1), "10.0.0.0/8")
    assert choice(row) == Choice()
    assert ids(choice(row, address="10.9.9.9")) == [1]


def test_equally_specific_domains_are_ambiguous() -> None:
    found = choice(
        wildcard(open_account(1, domain=1), ""),
        wildcard(open_account(2, domain=2), ""),
    )
    assert found == Choice(ambiguous=True)


def test_a_domain_without_open_account_competes_with_nobody() -> None:
    found = choice(
        wildcard(account(1, domain_id=1, wildcard="*")),
        wildcard(open_account(2, domain=2)),
    )
    assert ids(found) == [2]


def test_an_account_whose_window_another_phone_took_is_taken() -> None:
    used = account(1, window(mac=OTHER_MAC, source="10.0.0.1"), wildcard="?")
    assert choice(wildcard(used)) == Choice(taken=True)


def test_a_held_temporary_account_is_free_again_after_its_time_or_a_reboot() -> None:
    row = open_account(1, "?")
    held = wildcard(row, until=300.0, boot_id=BOOT)
    assert choice(held, boottime=299.9) == Choice(taken=True)
    assert ids(choice(held, boottime=300.0)) == [1]
    older = wildcard(row, until=300.0, boot_id="boot-0")
    assert ids(choice(older)) == [1]


def bounded(row: WildcardAccount, **bounds: object) -> WildcardAccount:
    return replace(row, opening=Opening(**bounds))  # type: ignore[arg-type]


def test_an_account_opened_for_other_phones_is_not_claimed() -> None:
    star = bounded(wildcard(open_account(1)), models=("snom370",))
    assert choice(star, model="snomD785") == Choice(restricted=True)
    assert ids(choice(star, model="SNOM370")) == [1]
    assert ids(choice(star, model=None)) == [1]
    full = bounded(wildcard(open_account(1)), most_claims=1, claims=1)
    assert choice(full).restricted


def test_an_account_opened_for_other_phones_chooses_no_domain() -> None:
    near = bounded(
        wildcard(open_account(1, domain=1), "192.168.4.0/24"), ouis=(0x1C7126,)
    )
    far = wildcard(open_account(2, domain=2))
    assert ids(choice(near, far)) == [2]
    assert choice(near).restricted
