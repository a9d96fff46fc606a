from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bootwave.directory.records import Binding, Device, Opening, WildcardAccount
from bootwave.pairing import rules
from bootwave.pairing.decisions import (
    NO_PROOFS,
    Claim,
    Consume,
    Decision,
    Grant,
    Policy,
    Proofs,
    Refuse,
    Serve,
)
from bootwave.pairing.instant import Instant
from bootwave.pairing.rules import (
    decide,
    is_open,
    live_bindings,
    live_device,
    open_for_pnp,
)
from bootwave.sightings import Reason
from tests.pairing.rows import (
    BOOT,
    DOMAIN,
    FOREIGN_MAC,
    MAC,
    OTHER_MAC,
    account,
    at,
    device,
    wildcard,
    window,
)

POLICY = Policy(clear_secrets=True, pairing_seconds=300.0, temporary_seconds=3600.0)
ANY = replace(POLICY, any_vendor=True)
HERE = "192.168.4.4"
ELSEWHERE = "192.168.4.5"
PUBLIC = "192.0.2.9"
NOW = at(200.0)
FREE = account(401, window(7))
MINE = account(401, window(7, mac=MAC, source=HERE, pairing_end=450.0))
SHUT = account(402)
STAR = wildcard(account(9, window(90, account_id=9), wildcard="*"))
HOT_DESK = wildcard(account(8, window(80, account_id=8), wildcard="?"))


def decided(
    row: Device | None,
    wildcards: Sequence[WildcardAccount] = (),
    *,
    mac: int = MAC,
    address: str = HERE,
    secure: bool = False,
    now: Instant = NOW,
    policy: Policy = POLICY,
    proofs: Proofs = NO_PROOFS,
    taking: bool = True,
    decoy: Device | None = None,
) -> Decision:
    return decide(
        mac,
        row,
        wildcards,
        address,
        secure,
        now,
        policy,
        proofs,
        taking=taking,
        decoy=decoy,
    )


def refusal(row: Device | None, *wildcards: WildcardAccount, **how: object) -> Reason:
    decision = decided(row, wildcards, **how)  # type: ignore[arg-type]
    assert isinstance(decision, Refuse)
    return decision.reason


def test_a_free_window_is_consumed_before_anything_is_served() -> None:
    assert decided(device(FREE)) == Consume((7,), MAC, HERE, 200.0, BOOT, 500.0)


def test_a_phone_takes_every_free_window_of_its_accounts_at_once() -> None:
    # One left free would give the same document to a second taker.
    second = account(402, window(8, account_id=402))
    decision = decided(device(FREE, SHUT, second))
    assert isinstance(decision, Consume)
    assert decision.windows == (7, 8)


def test_an_account_bound_twice_to_a_phone_has_one_window() -> None:
    decision = decided(device(FREE, FREE))
    assert isinstance(decision, Consume)
    assert decision.windows == (7,)


def test_a_pinned_phone_takes_a_window_that_was_opened_later() -> None:
    later = account(402, window(8, account_id=402, opened=190.0))
    decision = decided(device(MINE, later))
    assert isinstance(decision, Consume)
    assert decision.windows == (8,)


def test_a_pinned_phone_is_served_until_the_later_of_both_ends() -> None:
    assert decided(device(MINE)) == Serve(Grant("window", 700.0, BOOT, HERE))
    longer = account(401, window(mac=MAC, source=HERE, pairing_end=900.0))
    assert decided(device(longer)) == Serve(Grant("window", 900.0, BOOT, HERE))


def test_one_open_account_opens_the_whole_document_of_its_phone() -> None:
    assert isinstance(decided(device(SHUT, MINE)), Serve)


def test_the_phone_is_pinned_by_its_64_on_ipv6() -> None:
    pinned = account(401, window(mac=MAC, source="fd00:1:2:3::/64", pairing_end=450.0))
    assert isinstance(decided(device(pinned), address="fd00:1:2:3::9"), Serve)
    assert isinstance(decided(device(pinned), address="fd00:1:2:4::9"), Refuse)


def test_a_second_source_or_mac_is_refused_while_the_pairing_lasts() -> None:
    assert refusal(device(MINE), address=ELSEWHERE) is Reason.CONSUMED_BY_OTHER
    other = device(MINE, mac=OTHER_MAC)
    assert refusal(other, mac=OTHER_MAC) is Reason.CONSUMED_BY_OTHER


def test_a_bound_phone_of_a_closed_account_is_refused() -> None:
    assert refusal(device(SHUT)) is Reason.CLOSED
    closed = account(401, window(mac=MAC, source=HERE, closed=True))
    assert refusal(device(closed)) is Reason.CLOSED


def test_the_reason_tells_a_phone_that_had_its_time_from_one_never_opened() -> None:
    assert refusal(device(MINE), now=at(700.0)) is Reason.WINDOW_ENDED
    assert refusal(device(FREE), now=at(700.0)) is Reason.CLOSED


def test_a_reboot_ends_every_window() -> None:
    assert refusal(device(FREE), now=at(200.0, "boot-2")) is Reason.CLOSED
    assert refusal(device(MINE), now=at(200.0, "boot-2")) is Reason.WINDOW_ENDED


def test_the_wall_clock_decides_nothing() -> None:
    for wall in (-1e9, 0.0, 4e9):
        jumped = at(200.0, wall=wall)
        assert decided(device(FREE), now=jumped) == decided(device(FREE))
        assert decided(device(MINE), now=jumped) == decided(device(MINE))


@pytest.mark.parametrize("row", [FREE, MINE, SHUT])
def test_clear_http_from_a_public_address_carries_and_consumes_nothing(
    row: object,
) -> None:
    bound = device(row)  # type: ignore[arg-type]
    assert refusal(bound, address=PUBLIC) is Reason.CLEAR_HTTP_PUBLIC


def test_a_device_that_owns_a_certificate_gets_nothing_over_clear_http() -> None:
    bound = device(FREE, owns_certificate=True)
    assert refusal(bound) is Reason.CLEAR_HTTP_CERTIFICATE


def test_an_operator_can_forbid_secrets_over_clear_http() -> None:
    never = replace(POLICY, clear_secrets=False)
    assert refusal(device(FREE), policy=never) is Reason.CLEAR_HTTP_NEVER
    assert refusal(None, STAR, policy=never) is Reason.CLEAR_HTTP_NEVER


def test_a_secure_transport_carries_secrets_from_anywhere() -> None:
    for bound in (device(FREE), device(FREE, owns_certificate=True)):
        assert isinstance(decided(bound, address=PUBLIC, secure=True), Consume)


def test_an_unknown_or_unbound_phone_is_refused_by_its_own_reason() -> None:
    assert refusal(None) is Reason.UNKNOWN_MAC
    assert refusal(Device(MAC, None)) is Reason.UNBOUND


@pytest.mark.parametrize("row", [None, Device(MAC, None)])
def test_an_unbound_phone_claims_a_wildcard_account(row: Device | None) -> None:
    decision = decided(row, [HOT_DESK, STAR])
    assert isinstance(decision, Claim)
    assert [found.account_id for found in decision.candidates] == [9, 8]
    assert [found.expires for found in decision.candidates] == [None, 3800.0]
    assert (decision.mac, decision.source, decision.at) == (MAC, HERE, 200.0)
    assert (decision.boot_id, decision.pairing_end) == (BOOT, 500.0)


def test_a_bound_phone_never_claims() -> None:
    assert refusal(device(SHUT), STAR) is Reason.CLOSED


@pytest.mark.parametrize("mac", [0, 0x010413000001, 0xFFFFFFFFFFFF])
def test_what_is_no_phones_mac_never_claims(mac: int) -> None:
    assert refusal(None, STAR, mac=mac) is Reason.UNKNOWN_MAC


def test_another_vendors_phone_claims_only_where_any_may() -> None:
    assert refusal(None, STAR, mac=FOREIGN_MAC) is Reason.WILDCARD_VENDOR
    known = Device(FOREIGN_MAC, None)
    assert refusal(known, STAR, mac=FOREIGN_MAC) is Reason.WILDCARD_VENDOR
    assert refusal(None, mac=FOREIGN_MAC) is Reason.UNKNOWN_MAC
    assert isinstance(decided(None, [STAR], mac=FOREIGN_MAC, policy=ANY), Claim)
    assert refusal(None, STAR, mac=0, policy=ANY) is Reason.UNKNOWN_MAC


def test_a_claim_needs_a_fit_transport() -> None:
    assert refusal(None, STAR, address=PUBLIC) is Reason.CLEAR_HTTP_PUBLIC
    assert isinstance(decided(None, [STAR], address=PUBLIC, secure=True), Claim)


def test_competing_domains_and_taken_accounts_have_their_own_reasons() -> None:
    rival = wildcard(account(5, window(50, account_id=5), domain_id=2, wildcard="*"))
    assert refusal(None, STAR, rival) is Reason.WILDCARD_AMBIGUOUS
    used = account(9, window(mac=OTHER_MAC, source=HERE), wildcard="?")
    assert refusal(None, wildcard(used)) is Reason.WILDCARD_TAKEN


def temporary(expires: float, row: object = MINE, boot_id: str = BOOT) -> Device:
    return Device(
        MAC,
        DOMAIN,
        (Binding(1, row, expires, boot_id),),  # type: ignore[arg-type]
    )


def test_an_ended_temporary_binding_counts_as_none() -> None:
    assert isinstance(decided(temporary(200.1)), Serve)
    assert refusal(temporary(200.0)) is Reason.UNBOUND
    assert refusal(temporary(900.0, boot_id="boot-0")) is Reason.UNBOUND
    assert isinstance(decided(temporary(200.0), [STAR]), Claim)


def test_a_grant_ends_with_the_first_temporary_binding() -> None:
    assert decided(temporary(300.0)) == Serve(Grant("window", 300.0, BOOT, HERE))


def test_an_ended_binding_takes_its_account_out_of_the_document() -> None:
    both = Device(MAC, DOMAIN, (Binding(1, MINE), Binding(2, SHUT, 150.0, BOOT)))
    assert live_device(both, NOW) == Device(MAC, DOMAIN, (Binding(1, MINE),))
    assert live_device(both, at(149.0)) is both
    assert live_bindings(None, NOW) == ()


def pnp(
    row: Device | None,
    *wildcards: WildcardAccount,
    mac: int = MAC,
    address: str = HERE,
    now: Instant = NOW,
    policy: Policy = POLICY,
) -> bool:
    return open_for_pnp(mac, row, wildcards, address, now, policy)


def test_a_bound_phone_is_told_the_url_even_while_closed() -> None:
    assert pnp(device(SHUT))
    assert pnp(device(SHUT, mac=FOREIGN_MAC), mac=FOREIGN_MAC)


def test_an_unbound_phone_is_told_the_url_only_if_it_could_claim() -> None:
    assert not pnp(None)
    assert pnp(None, STAR)
    assert pnp(temporary(200.0), STAR)
    assert not pnp(None, STAR, now=at(700.0))
    assert not pnp(None, wildcard(STAR.account, "10.0.0.0/8"))


def test_an_unbound_phone_of_another_vendor_gets_silence() -> None:
    assert not pnp(None, STAR, mac=FOREIGN_MAC)
    assert pnp(None, STAR, mac=FOREIGN_MAC, policy=ANY)
    assert not pnp(None, STAR, mac=0x010413000001, policy=ANY)


def test_a_subscribe_to_ambiguous_domains_gets_silence() -> None:
    rival = wildcard(account(5, window(50, account_id=5), domain_id=2, wildcard="*"))
    assert not pnp(None, STAR, rival)


CERTIFIED = Proofs(certificate=MAC)
KNOWN = Proofs(credentials=True)
GUEST = Binding(2, account(405), expires=900.0, boot_id=BOOT)


@pytest.mark.parametrize(
    ("proofs", "kind"), [(CERTIFIED, "certificate"), (KNOWN, "credentials")]
)
def test_who_proves_itself_needs_no_window(proofs: Proofs, kind: str) -> None:
    decision = decided(device(SHUT), address=PUBLIC, secure=True, proofs=proofs)
    assert isinstance(decision, Serve)
    assert decision.grant.kind == kind
    # It is for this request, and no source has it.
    assert not decision.grant.covers(PUBLIC, NOW)


def test_a_proof_lasts_no_longer_than_a_temporary_account() -> None:
    row = replace(device(SHUT), bindings=(*device(SHUT).bindings, GUEST))
    decision = decided(row, secure=True, proofs=CERTIFIED)
    assert isinstance(decision, Serve)
    assert decision.grant.until == 900.0


def test_who_proves_itself_takes_free_windows_but_not_with_head() -> None:
    assert isinstance(decided(device(FREE), proofs=KNOWN), Consume)
    head = decided(device(FREE), proofs=KNOWN, taking=False)
    assert isinstance(head, Serve)
    assert isinstance(decided(device(FREE), taking=False), Consume)


def test_a_certificate_of_another_mac_denies_whatever_is_open() -> None:
    other = Proofs(certificate=OTHER_MAC, credentials=True)
    for row in (device(MINE), device(FREE), None):
        assert refusal(row, STAR, proofs=other) == Reason.CERTIFICATE_OTHER_MAC


def test_a_blocked_certificate_denies_whatever_is_open() -> None:
    blocked = Proofs(denial=Reason.CERTIFICATE_BLOCKED, credentials=True)
    for row in (device(MINE), device(FREE), None):
        assert refusal(row, STAR, proofs=blocked) == Reason.CERTIFICATE_BLOCKED


def test_a_certificate_opens_no_account_of_an_unbound_phone() -> None:
    assert refusal(None, proofs=CERTIFIED, secure=True) == Reason.UNKNOWN_MAC


def test_wrong_credentials_are_told_from_a_closed_account() -> None:
    wrong = Proofs(credentials=False)
    assert refusal(device(SHUT), proofs=wrong) == Reason.CREDENTIALS_WRONG
    # They take nothing away from the phone that has used the window.
    assert isinstance(decided(device(MINE), proofs=wrong), Serve)


def test_credentials_do_not_make_a_clear_transport_fit() -> None:
    row = device(SHUT, owns_certificate=True)
    assert refusal(row, proofs=KNOWN) == Reason.CLEAR_HTTP_CERTIFICATE
    assert (
        refusal(device(SHUT), address=PUBLIC, proofs=KNOWN) == Reason.CLEAR_HTTP_PUBLIC
    )


def test_a_wildcard_opened_for_other_phones_is_told_to_the_operator_only() -> None:
    bounded = replace(STAR, opening=Opening(models=("snom370",)))
    assert refusal(None, bounded) == Reason.WILDCARD_RESTRICTED
    assert pnp(None, bounded)
    full = replace(STAR, opening=Opening(most_claims=1, claims=1))
    assert refusal(None, full) == Reason.WILDCARD_RESTRICTED
    assert not pnp(None, full)


def test_a_claim_says_for_whom_it_is() -> None:
    claim = decided(None, [STAR], address=HERE)
    assert isinstance(claim, Claim)
    assert (claim.address, claim.model) == (HERE, "")


def test_accounts_are_open_as_long_as_a_window_waits() -> None:
    assert is_open(device(FREE).bindings, NOW)
    assert not is_open(device(SHUT).bindings, NOW)
    assert not is_open(device(MINE).bindings, NOW)


# Whatever stands in a decoy: it is another phone's.
DECOYS = [
    device(SHUT, mac=OTHER_MAC),
    device(FREE, mac=OTHER_MAC),
    device(MINE, mac=OTHER_MAC),
    device(MINE, FREE, SHUT, mac=OTHER_MAC, owns_certificate=True),
]
PROVEN = [NO_PROOFS, Proofs(credentials=False), Proofs(MAC), Proofs(OTHER_MAC)]


@pytest.mark.parametrize("decoy", DECOYS)
@pytest.mark.parametrize("proofs", PROVEN)
@pytest.mark.parametrize(
    "row",
    [None, device(), device(SHUT), device(MINE), device(FREE), device(MINE, FREE)],
)
def test_a_decoy_changes_no_decision(
    row: Device | None, proofs: Proofs, decoy: Device
) -> None:
    for wildcards in ((), (STAR,), (HOT_DESK,)):
        for address in (HERE, ELSEWHERE, PUBLIC):
            for taking in (True, False):
                how = {"proofs": proofs, "address": address, "taking": taking}
                without = decided(row, wildcards, **how)  # type: ignore[arg-type]
                assert without == decided(
                    row,
                    wildcards,
                    decoy=decoy,
                    **how,  # type: ignore[arg-type]
                )


@pytest.mark.parametrize("row", [None, device(), device(SHUT)])
def test_who_is_refused_has_both_halves_of_the_table_gone_through(
    row: Device | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    for half in ("_sort_windows", "choose"):
        real = getattr(rules, half)

        def noted(*args: Any, half: str = half, real: Any = real, **how: Any) -> Any:
            gone.append(half)
            return real(*args, **how)

        monkeypatch.setattr(rules, half, noted)
    assert isinstance(decided(row, decoy=device(SHUT, mac=OTHER_MAC)), Refuse)
    assert gone == ["_sort_windows", "choose"]
