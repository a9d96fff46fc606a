"""What the tokens of URLs mean to a request, with the store's tokens opened."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bootwave.directory.records import Device, Token, WildcardAccount
from bootwave.errors import StoreError
from bootwave.pairing.tokens import Known, TokenUse, claimable, token_use
from bootwave.provision.ports import Keys
from bootwave.provision.steps import Look
from bootwave.store.proofs.tokens import device_token_owner, domain_token_owner


class Checked(NamedTuple):
    """What the token of a request means.

    ``refused`` tells that the phone's domain requires a right one, and ``wildcards``
    are those that the request may claim.  ``domain`` is the token of the phone's
    domain, None where that has none.
    """

    use: TokenUse
    refused: bool
    wildcards: Sequence[WildcardAccount]
    domain: Token | None = None


class TokenGate:
    """Looks at tokens; opens those of the store with *keyring*."""

    def __init__(self, keyring: Keys) -> None:
        """Keep the keys."""
        self._keyring = keyring
        self._without = Checked(TokenUse.WRONG, False, ())  # of who has no tokens

    def check(self, asked: str, look: Look) -> Checked:
        """Return what the token *asked*, "" for none, means to what was looked up.

        Both halves are done for everybody: what a stranger may claim, and what the
        tokens of a phone and its domain say, of the decoy where nothing is bound.
        Raises StoreError when a token of the store cannot be opened.
        """
        tokens, wildcards = look.tokens, look.wildcards
        if not tokens:
            if self._without.wildcards is not wildcards:
                self._without = Checked(TokenUse.WRONG, False, wildcards)
            return self._without
        if look.device is not None and look.device.bindings:
            with contextlib.suppress(StoreError):
                self._claimable(asked, wildcards, tokens)
            return self._of_bound(asked, look.device, tokens, wildcards)
        if look.decoy is not None:
            with contextlib.suppress(StoreError):
                self._of_bound(asked, look.decoy, tokens, wildcards)
        claimable = self._claimable(asked, wildcards, tokens)
        return Checked(TokenUse.WRONG, False, claimable)

    def _of_bound(
        self,
        asked: str,
        device: Device,
        tokens: Mapping[int, Token],
        wildcards: Sequence[WildcardAccount],
    ) -> Checked:
        domain = None if device.domain is None else tokens.get(device.domain.id)
        if domain is None or device.domain is None:
            self._open_as_if(tokens)
            self._open_as_if(tokens)
            return Checked(TokenUse.WRONG, False, wildcards)
        if device.token is None:
            self._open_as_if(tokens)
        use = token_use(
            asked, self._of_device(device), self._of_domain(device.domain.id, domain)
        )
        refused = domain.required and use is TokenUse.WRONG
        return Checked(use, refused, wildcards, domain)

    def good_for(self, look: Look) -> str:
        """Return a token that is good for the bound phone of *look*, "" where none is.

        Raises StoreError when it cannot be opened.
        """
        device = look.device
        if device is None or not device.bindings or device.domain is None:
            return ""
        token = look.tokens.get(device.domain.id)
        return "" if token is None else self._of_domain(device.domain.id, token).present

    def guard(self, device: Device, domain: Token | None) -> bytes | None:
        """Return the token that URLs must hold for what is kept of *device*.

        As long as nobody came with the device's own every request is looked at, so
        that the first who does is noted.
        """
        if domain is None or not domain.required:
            return None
        if device.token is None or not device.token.used:
            return b""
        known = self._of_device(device)
        assert known is not None
        return known.present.encode()

    def _claimable(
        self,
        asked: str,
        wildcards: Sequence[WildcardAccount],
        tokens: Mapping[int, Token],
    ) -> Sequence[WildcardAccount]:
        admitted = {
            domain_id: token_use(asked, None, self._of_domain(domain_id, token))
            is not TokenUse.WRONG
            for domain_id in {row.account.domain_id for row in wildcards}
            if (token := tokens.get(domain_id)) is not None and token.required
        }
        return claimable(wildcards, admitted) if admitted else wildcards

    def _of_domain(self, domain_id: int, token: Token) -> Known:
        return self._known(token, domain_token_owner(domain_id))

    def _of_device(self, device: Device) -> Known | None:
        if device.token is None:
            return None
        return self._known(device.token, device_token_owner(device.mac))

    def _known(self, token: Token, owner: str) -> Known:
        # Twice, whether one was replaced or not: see below.
        previous = self._keyring.open(
            token.sealed_previous or token.sealed, owner=owner
        )
        present = self._keyring.open(token.sealed, owner=owner)
        return Known(present, previous if token.sealed_previous else "")

    def _open_as_if(self, tokens: Mapping[int, Token]) -> None:
        """Take the time that a domain's token takes, or a phone's.

        Strangers must not be told by it.
        """
        with contextlib.suppress(StoreError):
            for domain_id, token in tokens.items():
                self._of_domain(domain_id, token)
                return
