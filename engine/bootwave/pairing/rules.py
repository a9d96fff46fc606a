"""The decision table: who may have a phone's own document.

| the phone                                   | over a fit transport          |
| ------------------------------------------- | ----------------------------- |
| its certificate is blocked, or of another   | ``Refuse``, whatever is open  |
| bound, an account's window is free          | ``Consume`` every free window |
| bound, it proves itself, or took a window   |                               |
| that still runs                             | ``Serve``                     |
| bound, none of these                        | ``Refuse``                    |
| unbound, wildcard accounts with free window |                               |
| (or none, by ``certificate_claims``)        | ``Claim``                     |
| unbound, none of these                      | ``Refuse``                    |

A phone proves itself by the factory certificate of its MAC or by user name and
password.  It takes free windows all the same, for nobody else may use them any more,
but a HEAD of it (*taking* is False) uses none up and is answered.

Opening any account opens the whole document of each device bound to it, and whoever
takes one free window takes all that are free for that device: another one left free
would give the same document to a second taker.  For the same reason a phone that is
already pinned still takes a window opened later.

A wildcard account is for MACs of snom's blocks, unless ``Policy.any_vendor`` is set.

A transport is fit when it is secure, or when it is clear HTTP within a private network,
``http.secrets`` allows it and the device is not known to own a certificate.  On another
transport nothing is consumed, so that a stranger's request cannot use up a window.

Who is refused must not learn by the time it took whether the MAC is bound.  So both
halves of the table are gone through for everybody who is refused: for one that is not
bound with the accounts of a *decoy*, a bound device whose windows are closed; what
comes of that is dropped.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from bootwave.directory.records import Binding, Device, WildcardAccount
from bootwave.pairing.decisions import (
    NO_PROOFS,
    PROVEN,
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
from bootwave.pairing.sources import is_private_source, source_key
from bootwave.pairing.wildcards import NOTHING, choose
from bootwave.pairing.windows import WindowState, end_of, window_state
from bootwave.phone.mac import is_snom, is_unicast
from bootwave.sightings import Reason


def decide(
    mac: int,
    device: Device | None,
    wildcards: Sequence[WildcardAccount],
    address: str,
    secure: bool,
    at: Instant,
    policy: Policy,
    proofs: Proofs = NO_PROOFS,
    *,
    taking: bool = True,
    model: str = "",
    decoy: Device | None = None,
) -> Decision:
    """Return what a request for the document of *mac* from *address* is given.

    *device* is what is stored of *mac*, or None; *wildcards* every account with a
    wildcard.  *secure* tells that the request came over TLS, *model* what the phone
    calls itself.  *decoy* is for the time only; None where nothing is bound at all.
    After the write that ``Consume`` or ``Claim`` asks for, the caller reads again and
    decides again.
    """
    if proofs.denial is not None:
        return Refuse(proofs.denial)
    if proofs.certificate and proofs.certificate != mac:
        return Refuse(Reason.CERTIFICATE_OTHER_MAC)
    source = source_key(address)
    bindings = live_bindings(device, at)
    refused: Decision | None = None
    looked_at = device if bindings else decoy
    if looked_at is not None:
        decided = _decide_bound(
            mac,
            looked_at.owns_certificate,
            bindings or live_bindings(decoy, at),
            address,
            source,
            secure,
            at,
            policy,
            proofs,
            taking,
        )
        if bindings:
            if not isinstance(decided, Refuse):
                return decided
            refused = decided
    decided = _decide_unbound(
        mac, device, wildcards, address, source, secure, at, policy, proofs, model
    )
    return decided if refused is None else refused


def _decide_bound(
    mac: int,
    owns_certificate: bool,
    bindings: Sequence[Binding],
    address: str,
    source: str,
    secure: bool,
    at: Instant,
    policy: Policy,
    proofs: Proofs,
    taking: bool,
) -> Decision:
    unfit = _unfit(address, secure, owns_certificate, policy)
    if unfit is not None:
        return Refuse(unfit)
    free, until, is_anothers, has_ended = _sort_windows(bindings, mac, source, at)
    proof = _proof(mac, proofs)
    if free and (taking or proof is None):
        return Consume(
            windows=tuple(free),
            mac=mac,
            source=source,
            at=at.boottime,
            boot_id=at.boot_id,
            pairing_end=at.boottime + policy.pairing_seconds,
        )
    if proof is not None:
        end = _end_of_bindings(bindings)
        return Serve(Grant(proof, end, at.boot_id, PROVEN))
    if until is not None:
        end = _end_of_bindings(bindings)
        end = until if until < end else end
        return Serve(Grant("window", end, at.boot_id, source))
    if proofs.credentials is False:
        return Refuse(Reason.CREDENTIALS_WRONG)
    if is_anothers:
        return Refuse(Reason.CONSUMED_BY_OTHER)
    if has_ended:
        return Refuse(Reason.WINDOW_ENDED)
    return Refuse(Reason.CLOSED)


def _proof(mac: int, proofs: Proofs) -> Literal["certificate", "credentials"] | None:
    """Return what proves that the phone is *mac*, the strongest first."""
    if mac and proofs.certificate == mac:
        return "certificate"
    return "credentials" if proofs.credentials else None


def _end_of_bindings(bindings: Sequence[Binding]) -> float:
    """Return when the document loses the first of its temporary accounts."""
    end = math.inf
    for binding in bindings:
        expires = binding.expires
        if expires is not None and expires < end:
            end = expires
    return end


def open_for_pnp(
    mac: int,
    device: Device | None,
    wildcards: Sequence[WildcardAccount],
    address: str,
    at: Instant,
    policy: Policy,
) -> bool:
    """Whether the SUBSCRIBE of *mac* from *address* is answered with the settings URL.

    A bound phone always is: it may come with a proof that no window is needed for.  An
    unbound one is when it could claim a wildcard account from there; claiming itself
    waits for the GET.  Nobody has a certificate here, so what is not open makes no
    unknown phone heard.
    """
    if live_bindings(device, at):
        return True
    if not is_unicast(mac) or not _may_claim(mac, policy):
        return False
    source = source_key(address)
    choice = choose(wildcards, mac, address, source, at, policy, None)
    return bool(choice.candidates)


def live_bindings(device: Device | None, at: Instant) -> tuple[Binding, ...]:
    """Return the bindings of *device* without those whose time has passed."""
    if device is None:
        return ()
    for binding in device.bindings:
        if binding.expires is not None:
            return tuple(
                binding
                for binding in device.bindings
                if binding.expires is None
                or (binding.boot_id == at.boot_id and at.boottime < binding.expires)
            )
    return device.bindings


def is_open(bindings: Sequence[Binding], at: Instant) -> bool:
    """Whether a window of these accounts waits for its first phone."""
    nobody = (0, "")
    return any(
        window_state(binding.account.window, *nobody, at) is WindowState.FREE
        for binding in bindings
    )


def live_device(device: Device, at: Instant) -> Device:
    """Return *device* with its live bindings only, as its document shows it."""
    bindings = live_bindings(device, at)
    if len(bindings) == len(device.bindings):
        return device
    return replace(device, bindings=bindings)


def _decide_unbound(
    mac: int,
    device: Device | None,
    wildcards: Sequence[WildcardAccount],
    address: str,
    source: str,
    secure: bool,
    at: Instant,
    policy: Policy,
    proofs: Proofs,
    model: str,
) -> Decision:
    choice = NOTHING
    if is_unicast(mac):
        choice = choose(
            wildcards,
            mac,
            address,
            source,
            at,
            policy,
            model,
            certified=_proof(mac, proofs) == "certificate",
        )
    if choice.candidates:
        if not _may_claim(mac, policy):
            return Refuse(Reason.WILDCARD_VENDOR)
        certified = device is not None and device.owns_certificate
        unfit = _unfit(address, secure, certified, policy)
        if unfit is not None:
            return Refuse(unfit)
        return Claim(
            candidates=choice.candidates,
            mac=mac,
            address=address,
            model=model,
            source=source,
            at=at.boottime,
            boot_id=at.boot_id,
            pairing_end=at.boottime + policy.pairing_seconds,
        )
    if choice.ambiguous:
        return Refuse(Reason.WILDCARD_AMBIGUOUS)
    if choice.restricted:
        return Refuse(Reason.WILDCARD_RESTRICTED)
    if choice.taken:
        return Refuse(Reason.WILDCARD_TAKEN)
    return Refuse(Reason.UNKNOWN_MAC if device is None else Reason.UNBOUND)


def _may_claim(mac: int, policy: Policy) -> bool:
    """Whether the vendor of *mac* may have a wildcard account.

    This keeps out what else is in the network, not a liar, who can forge a MAC.
    """
    return policy.any_vendor or is_snom(mac)


def _sort_windows(
    bindings: Sequence[Binding], mac: int, source: str, at: Instant
) -> tuple[list[int], float | None, bool, bool]:
    """Return the ids of the free windows, until when the phone's own last, the rest.

    The latter is None when it has none; the rest is whether one is another's, and
    whether one was the phone's and has ended.
    """
    free: list[int] = []
    until: float | None = None
    is_anothers = has_ended = False
    for binding in bindings:
        window = binding.account.window
        state = window_state(window, mac, source, at)
        if window is None:
            continue
        if state is WindowState.MINE:
            end = end_of(window)
            until = end if until is None or end > until else until
        elif state is WindowState.FREE:
            if window.id not in free:
                free.append(window.id)
        elif state is WindowState.ANOTHERS:
            is_anothers = True
        elif state is WindowState.ENDED:
            has_ended = True
    return free, until, is_anothers, has_ended


def _unfit(
    address: str, secure: bool, owns_certificate: bool, policy: Policy
) -> Reason | None:
    """Return why no secret may leave on this transport, or None when it may."""
    if secure:
        return None
    if not policy.clear_secrets:
        return Reason.CLEAR_HTTP_NEVER
    if owns_certificate:
        return Reason.CLEAR_HTTP_CERTIFICATE
    if not is_private_source(address):
        return Reason.CLEAR_HTTP_PUBLIC
    return None
