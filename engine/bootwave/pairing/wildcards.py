"""Which wildcard accounts an unknown phone could claim.

The domain is chosen by where the phone asks: of all domains with a free wildcard
account, those whose subnet contains the source, and of these the most specific.  Two
domains that are equally specific are ambiguous, and then nobody is given anything: a
guess would hand one tenant's password to another's phone.

An account whose opening is for other phones (``pairing.openings``) is as good as
closed: it neither chooses the domain nor is it claimed.

A phone that proves its MAC by its certificate claims accounts that are not open, too,
where ``Policy.certificate_claims`` says so.  Bounds of an opening hold for it as well.

Within the domain ``*`` comes before ``?``: a phone that takes a ``*`` account keeps it
and never needs a wildcard again, while one that takes a ``?`` comes back for another
when it ends.  Among equals the window opened first is claimed first, then what is not
open, then the lower account id.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bootwave.directory.records import WildcardAccount
from bootwave.pairing.decisions import Candidate, Policy
from bootwave.pairing.instant import Instant
from bootwave.pairing.openings import admits
from bootwave.pairing.sources import subnet_specificity
from bootwave.pairing.windows import WindowState, window_state


@dataclass(frozen=True, slots=True)
class Choice:
    """What an unknown phone finds.

    ``candidates`` are in the order in which they are tried.  When there are none,
    ``ambiguous`` tells that domains compete, ``taken`` that other phones have every
    wildcard account that could be claimed, and ``restricted`` that one is free which
    was opened for others.
    """

    candidates: tuple[Candidate, ...] = ()
    ambiguous: bool = False
    taken: bool = False
    restricted: bool = False


NOTHING = Choice()


def is_held(wildcard: WildcardAccount, at: Instant) -> bool:
    """Whether a phone holds this ``?`` account and its time has not passed."""
    return (
        wildcard.account.wildcard == "?"
        and wildcard.claimed_boot_id == at.boot_id
        and at.boottime < wildcard.claimed_until
    )


def choose(
    wildcards: Sequence[WildcardAccount],
    mac: int,
    address: str,
    source: str,
    at: Instant,
    policy: Policy,
    model: str | None = "",
    *,
    certified: bool = False,
) -> Choice:
    """Return what the phone *mac* at *address* (source key *source*) can claim.

    *model* is what it calls itself, None as long as it had no place to say so;
    *certified* whether its certificate proved the MAC.
    """
    unopened = certified and policy.certificate_claims
    best = -1
    taken = restricted = False
    free: list[WildcardAccount] = []
    for wildcard in wildcards:
        state = window_state(wildcard.account.window, mac, source, at)
        is_over = state in (WindowState.CLOSED, WindowState.ENDED)
        if is_over and not unopened:
            continue
        specificity = subnet_specificity(wildcard.subnet, address)
        if specificity is None:
            continue
        if state in (WindowState.MINE, WindowState.ANOTHERS) or is_held(wildcard, at):
            taken = True
        elif not is_over and not admits(wildcard.opening, mac, address, model):
            restricted = True
        elif specificity >= best:
            if specificity > best:
                best, free = specificity, []
            free.append(wildcard)
    if not free and not taken and not restricted:
        # As a rule; an unknown phone takes no longer than one that is bound and closed.
        return NOTHING
    if len({wildcard.account.domain_id for wildcard in free}) > 1:
        return Choice(ambiguous=True)
    return Choice(
        tuple(_candidates(free, at, policy)), taken=taken, restricted=restricted
    )


def _candidates(
    free: Sequence[WildcardAccount], at: Instant, policy: Policy
) -> list[Candidate]:
    ordered: list[tuple[bool, float, int, Candidate]] = []
    for wildcard in free:
        account, window = wildcard.account, wildcard.account.window
        window_id: int | None = None
        opened = math.inf
        if window is not None and window_state(window, 0, "", at) is WindowState.FREE:
            window_id, opened = window.id, window.opened
        temporary = account.wildcard == "?"
        expires = at.boottime + policy.temporary_seconds if temporary else None
        candidate = Candidate(account.id, window_id, account.domain_id, expires)
        ordered.append((temporary, opened, account.id, candidate))
    return [
        candidate for *_order, candidate in sorted(ordered, key=lambda row: row[:3])
    ]
