"""Whether the user name and password of a request are right.

They are compared with what the store said of the MAC in the request: with the device's
own credentials (the present pair, and the one before until the present one was used),
and with the SIP password of each account bound to it, whose user name may be spelled as
number, as number@domain or as the user it authenticates with.

Time tells nothing: the names of another phone, the decoy, are looked through where
there is no bound device, and of any request two secrets are opened, hashed and
compared, those of the user name shown, or else ones that nobody has.  So an unknown
MAC, an unbound one, a wrong name and a wrong password take the same.

What was right is remembered, of a bounded number of phones, so that a phone's next
files need no store: of Basic a keyed hash of the exact credentials, of Digest H(A1).
It ends with the stamp under which it was right (provision.revocations).  A pair that
was replaced is never remembered, because its end revokes nothing, nor is one of a phone
that has an account for a time, and a new one not before it is stored that it was used.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple

from bootwave.directory.records import (
    Account,
    Binding,
    Device,
    DeviceCredentials,
    Domain,
)
from bootwave.errors import StoreError
from bootwave.http.authorization import Authorization, Basic, Digest
from bootwave.http.challenge import REALM, NonceState, nonce_state
from bootwave.http.digest import expected_response, ha1, hashed_user
from bootwave.provision.asked import Asked, Unreadable
from bootwave.provision.ports import SealingKeys
from bootwave.store.secrets import credentials_owner, password_owner

REMEMBERED = 16_384  # phones; some six megabytes
_OPENED = 2
# User names whose hashes are made for userhash: those of a device with its pair and two
# accounts.
_NAMED = 8
_REALM = REALM.encode()


class Verified(NamedTuple):
    """What came of comparing.

    ``right`` is None when nothing could be said, because the nonce was too old
    (``stale``) or nothing was shown.  ``guess`` is whether a password of an extension
    was compared; ``limited`` whether it was not, for the limits.  ``fresh_user`` is the
    user name of the device's present pair when that was right for the first time, else
    "".  ``proof`` is what to remember, None for nothing.
    """

    right: bool | None
    stale: bool = False
    guess: bool = False
    limited: bool = False
    fresh_user: str = ""
    proof: "Proof | None" = None

    def __repr__(self) -> str:
        """Return no secret."""
        return f"Verified(right={self.right})"


class Proof(NamedTuple):
    """What the next request must show: *kind* is Basic or the algorithm of Digest.

    *guessable* is whether it is of a password that people choose, an account's.
    """

    kind: str
    username: bytes
    secret: bytes
    guessable: bool

    def __repr__(self) -> str:
        """Return no secret."""
        return f"Proof({self.kind!r})"


NOTHING_SHOWN = Verified(None)
_WRONG = Verified(False)
_STALE = Verified(None, stale=True)


class _Candidate(NamedTuple):
    names: tuple[bytes, ...]
    sealed: bytes
    owner: str
    kind: str  # "present", "previous", "account" or "nobody"


class Verifier:
    """Compares, and remembers; for one thread.

    *secret* is that of the nonces, and *basic* whether Basic is read without TLS.
    """

    def __init__(
        self,
        keyring: SealingKeys,
        secret: bytes,
        *,
        basic: bool,
        remembered: int = REMEMBERED,
    ) -> None:
        """Open secrets with *keyring*."""
        self._keyring = keyring
        self._secret = secret
        self._basic = basic
        self._most = remembered
        self._key = os.urandom(32)
        self._remembered: OrderedDict[int, tuple[int, Proof]] = OrderedDict()
        dummy = keyring.seal("a password of nobody-0", owner=_NOBODY)
        self._dummy = _Candidate((), dummy, _NOBODY, "nobody")
        # Looked through where there is neither a bound device nor a decoy, and its pair
        # where a device has none.
        self._stand_in = Device(
            1,
            Domain(0, "nobody.invalid"),
            (Binding(1, Account(0, 0, "0", "", "", dummy)),),
            credentials=DeviceCredentials("nobody", dummy),
        )

    def __len__(self) -> int:
        """Return of how many phones something is remembered."""
        return len(self._remembered)

    def is_remembered(
        self,
        asked: Asked,
        source: str,
        stamp: int,
        now: float,
        may_guess: Callable[[], bool],
    ) -> bool:
        """Whether what *asked* shows was right before, under *stamp*.

        *source* is its source key, *now* that of the nonces.  Unless *may_guess*, no
        password of an account is compared here either: or whoever guesses after the
        phone came would be told by it that it was right.
        """
        found = self._remembered.get(asked.mac)
        shown = asked.shown
        if found is None or shown is None or isinstance(shown, Unreadable):
            return False
        if found[0] != stamp:
            del self._remembered[asked.mac]
            return False
        if self._state(asked, shown, source, now) is not NonceState.FRESH:
            return False
        proof = found[1]
        if proof.guessable and not may_guess():
            return False
        if isinstance(shown, Basic):
            right = proof.kind == "Basic" and compare_digest(
                self._hidden(shown.user + b":" + shown.password), proof.secret
            )
        else:
            right = (
                proof.kind == shown.algorithm
                and compare_digest(proof.username, shown.username)
                and compare_digest(
                    expected_response(shown, _method(asked), proof.secret),
                    shown.response,
                )
            )
        if right:
            self._remembered.move_to_end(asked.mac)
        return right

    def remember(self, mac: int, stamp: int, proof: Proof) -> None:
        """Take *proof* for right until *stamp* is over."""
        self._remembered[mac] = stamp, proof
        self._remembered.move_to_end(mac)
        if len(self._remembered) > self._most:
            self._remembered.popitem(last=False)

    def verify(
        self,
        asked: Asked,
        source: str,
        device: Device | None,
        now: float,
        *,
        may_guess: bool,
        decoy: Device | None = None,
    ) -> Verified:
        """Return whether what *asked* shows is of *device*, whose bindings are live.

        Without *may_guess* the passwords of its accounts are not compared.  *source* is
        the source key, *now* that of the nonces.  Where nothing is bound, time is spent
        on *decoy*.
        """
        shown = asked.shown
        if shown is None:
            return NOTHING_SHOWN
        if isinstance(shown, Unreadable):
            return _WRONG
        state = self._state(asked, shown, source, now)
        if state is not NonceState.FRESH:
            return _STALE if state is NonceState.STALE else _WRONG
        named = [
            (candidate, name)
            for candidate, name in self._named(
                shown, self._candidates(device, decoy, accounts=may_guess)
            )
            if candidate.kind != "nobody"
        ]
        named += [(self._dummy, b"")] * (_OPENED - len(named))
        right: tuple[_Candidate, bytes] | None = None
        for candidate, name in named:
            secret = self._compared(shown, candidate, name, _method(asked))
            if secret is not None and right is None:
                right = candidate, secret
        if right is None:
            return Verified(False, guess=may_guess, limited=not may_guess)
        kind = right[0].kind
        fresh_user, proof = "", None
        if kind == "present":
            assert device is not None
            assert device.credentials is not None
            if not device.credentials.used:
                fresh_user = device.credentials.user
        # What ends without a revocation, or is not written down yet, the store is asked
        # for again.
        if kind != "previous" and not fresh_user:
            username = b"" if isinstance(shown, Basic) else shown.username
            scheme = "Basic" if isinstance(shown, Basic) else shown.algorithm
            proof = Proof(scheme, username, right[1], kind == "account")
        return Verified(True, fresh_user=fresh_user, proof=proof)

    def _state(
        self, asked: Asked, shown: Authorization, source: str, now: float
    ) -> NonceState:
        """Return whether *shown* may be compared at all; told by the request alone."""
        if isinstance(shown, Basic):
            # What is not asked for is not taken: a client that learns so stops sending
            # its password for everybody to read.
            fit = asked.secure or self._basic
            return NonceState.FRESH if fit else NonceState.FOREIGN
        if shown.realm != _REALM:
            return NonceState.FOREIGN
        return nonce_state(shown.nonce, now, self._secret, source, asked.mac)

    def _candidates(
        self, device: Device | None, decoy: Device | None, *, accounts: bool
    ) -> list[_Candidate]:
        """Return what could be shown for *device*, or for the decoy what looks so.

        What is not the device's own is of the kind "nobody"; so is the pair of a device
        that has none.
        """
        stand_in = self._stand_in
        is_bound = device is not None and device.bindings and device.domain is not None
        looked_at = device if is_bound and device is not None else decoy or stand_in
        assert looked_at.domain is not None
        pair = looked_at.credentials or stand_in.credentials
        assert pair is not None
        owner = credentials_owner(looked_at.mac)
        own_pair = "present" if is_bound and looked_at.credentials else "nobody"
        found = [
            _Candidate((pair.user.encode(),), pair.sealed_password, owner, own_pair)
        ]
        if pair.previous_user and not pair.used:
            names = (pair.previous_user.encode(),)
            own_previous = "previous" if is_bound else "nobody"
            found.append(_Candidate(names, pair.sealed_previous, owner, own_previous))
        if not accounts:
            return found
        own_account = "account" if is_bound else "nobody"
        for binding in looked_at.bindings:
            account = binding.account
            number = account.number
            spelled = [number, f"{number}@{looked_at.domain.name}"]
            if account.auth_user:
                spelled.append(account.auth_user)
            found.append(
                _Candidate(
                    tuple([name.encode() for name in spelled]),
                    account.sealed_password,
                    password_owner(account.id),
                    own_account,
                )
            )
        return found

    def _named(
        self, shown: Authorization, candidates: Sequence[_Candidate]
    ) -> list[tuple[_Candidate, bytes]]:
        """Return the candidates that *shown* names, and the name it names each by."""
        if isinstance(shown, Basic):
            wanted = shown.user
        elif not shown.userhash:
            wanted = shown.username
        else:
            return self._named_by_hash(shown, candidates)
        return [
            (candidate, wanted)
            for candidate in candidates
            if any([compare_digest(name, wanted) for name in candidate.names])
        ]

    def _named_by_hash(
        self, shown: Digest, candidates: Sequence[_Candidate]
    ) -> list[tuple[_Candidate, bytes]]:
        names = [(each, name) for each in candidates for name in each.names]
        names += [(self._dummy, b"")] * (_NAMED - len(names))
        return [
            (candidate, name)
            for candidate, name in names
            if compare_digest(
                hashed_user(shown.algorithm, name, _REALM), shown.username
            )
            and candidate is not self._dummy
        ]

    def _compared(
        self, shown: Authorization, candidate: _Candidate, name: bytes, method: bytes
    ) -> bytes | None:
        """Return what to remember when *shown* is right for *candidate*."""
        try:
            opened = self._keyring.open(candidate.sealed, owner=candidate.owner)
        except StoreError:
            # Sealed by a key that is gone: nobody can show it, and the document says
            # what is wrong when it is made.
            opened, candidate = "", self._dummy
        password = opened.encode()
        if isinstance(shown, Basic):
            # Of the same length, whatever the password's is.
            right = compare_digest(self._hidden(password), self._hidden(shown.password))
            secret = self._hidden(shown.user + b":" + shown.password)
        else:
            secret = ha1(shown.algorithm, name, _REALM, password)
            right = compare_digest(
                expected_response(shown, method, secret), shown.response
            )
        return secret if right and candidate is not self._dummy else None

    def _hidden(self, text: bytes) -> bytes:
        return blake2b(text, key=self._key, digest_size=32).digest()


_NOBODY = "nobody-0"


def _method(asked: Asked) -> bytes:
    return b"HEAD" if asked.is_head else b"GET"
