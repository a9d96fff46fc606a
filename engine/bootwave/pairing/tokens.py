"""By which URL a request came: what its token is to a phone.

A token is an address and never the only proof: it opens nothing, and without a right
one nothing is opened.  The domain's is for the first contact of many phones, the
device's for every one after it.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from hmac import compare_digest
from typing import NamedTuple

from bootwave.directory.records import WildcardAccount


class TokenUse(Enum):
    """What the token of a request is to the phone that it names."""

    WRONG = "neither the domain's nor the device's, or none at all"
    FIRST_CONTACT = "the domain's"
    PREVIOUS = "one that was replaced, and good until the new one was used"
    STEADY = "the device's"


class Known(NamedTuple):
    """A token as it may be compared: the present one, and the one before or ""."""

    present: str
    previous: str = ""

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "Known(...)"


def token_use(asked: str, device: Known | None, domain: Known | None) -> TokenUse:
    """Return what the token *asked*, "" for none, is to a phone with these tokens."""
    use = TokenUse.WRONG
    for known, present in (
        (domain, TokenUse.FIRST_CONTACT),
        (device, TokenUse.STEADY),
    ):
        if known is None or not asked:
            continue
        if known.previous and _same(asked, known.previous):
            use = TokenUse.PREVIOUS
        if _same(asked, known.present):
            use = present
    return use


def claimable(
    wildcards: Iterable[WildcardAccount], admitted: Mapping[int, bool]
) -> list[WildcardAccount]:
    """Return the *wildcards* of domains that require no token or were asked with it.

    *admitted* says of each domain that requires one whether the request had it.
    """
    return [row for row in wildcards if admitted.get(row.account.domain_id, True)]


def _same(one: str, other: str) -> bool:
    return compare_digest(one.encode(), other.encode())
