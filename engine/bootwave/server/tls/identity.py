"""Whose a connection's client certificate is: of each handshake, and at each request.

* In a full handshake OpenSSL tells ``verified`` what it finds about each certificate
  of the chain, and is told to go on whatever it is.  That makes it forget what was
  wrong, so the findings are kept beside the connection, and identity needs all of them
  to be tolerated by the policy *and* the policy's own verdict on the whole chain.
* In a resumed session nothing is found, and the certificate of whoever began it is
  there, a rogue's included.  Identity comes from the verdict of the full handshake
  alone, which any worker may have given (``verdicts``); an unknown leaf has none.
* What weak algorithms prove counts on the legacy listener only: the verdict is of the
  leaf, wherever it was given, and the identity of the listener that was reached.
* A connection may last.  Every request asks again what its certificate proves *now*:
  at once when an administrator blocked one, else once a second, for dates.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate

from bootwave import log
from bootwave.certificates.blocks import Blocks
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.verdict import Problem, Verdict
from bootwave.certificates.verdicts import Verdicts
from bootwave.errors import StoreError
from bootwave.http.contact import NOBODY, Identity
from bootwave.phone.mac import text_from_mac
from bootwave.server.tls.openssl import leaf_digest
from bootwave.server.tls.verdictpage import VerdictPage
from bootwave.sightings import Reason


@dataclass(slots=True)
class Shown:
    """What OpenSSL found about the certificates of one handshake: error numbers.

    ``legacy`` is whether it is one of the legacy listener, ``asked`` whether OpenSSL
    looked at any certificate.
    """

    legacy: bool = False
    errors: set[int] = field(default_factory=set)
    asked: bool = False


def verified(
    connection: SSL.Connection, _certificate: object, error: int, _depth: int, ok: int
) -> bool:
    """Keep what OpenSSL found; the handshake goes on (``contexts.Verify``)."""
    shown = connection.get_app_data()
    if isinstance(shown, Shown):
        shown.asked = True
        if not ok:
            shown.errors.add(error)
    return True


class Proof:
    """What a certificate showed, and what that proves at the moment.

    ``identity`` holds at the state *epoch*, of time and policy, and on connections of
    the legacy listener or of others, as ``legacy`` says.
    """

    __slots__ = ("epoch", "identity", "legacy", "verdict")

    def __init__(
        self,
        verdict: Verdict | None,
        identity: Identity,
        epoch: int,
        *,
        legacy: bool = False,
    ) -> None:
        """Keep them; without a certificate there is no verdict."""
        self.verdict = verdict
        self.identity = identity
        self.epoch = epoch
        self.legacy = legacy


class Identifies(Protocol):
    """What the acceptor and the server ask (``Identities``)."""

    def prove(
        self, connection: SSL.Connection, shown: Shown, *, resumed: bool
    ) -> Proof:
        """Return what the handshake of *connection* showed."""

    def now(self, proof: Proof) -> Identity:
        """Return whose *proof* is at the moment."""


class Identities:
    """Judges by *policy*; for one worker and its thread.

    *page* holds the verdicts of all workers.  *stamp* changes whenever an administrator
    blocked something, and perhaps at other times; then *blocks* is asked, which raises
    StoreError while the store is away: nobody has an identity until it is back, for
    somebody's was taken.  *clock* is in seconds since the epoch.
    """

    def __init__(
        self,
        policy: TrustPolicy,
        page: VerdictPage,
        *,
        stamp: Callable[[], int],
        blocks: Callable[[], Blocks],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep the parts; *blocks* is asked before the first verdict."""
        self._policy = policy
        self._page = page
        self._verdicts = Verdicts(policy)
        self._tolerated = policy.tolerated
        self._stamp = stamp
        self._blocks = blocks
        self._clock = clock
        self._seen: tuple[int, int] | None = None  # stamp and second
        self._epoch = 0
        self._unsure = False
        # By leaf, of this epoch and of listeners that are not legacy, and of those that
        # are: a phone makes a connection for each file.
        self._fresh: dict[bytes, Proof] = {}
        self._fresh_legacy: dict[bytes, Proof] = {}

    def prove(
        self, connection: SSL.Connection, shown: Shown, *, resumed: bool
    ) -> Proof:
        """Return what the handshake of *connection*, just done, showed."""
        self._look()
        digest = leaf_digest(connection)
        if digest is None:
            return Proof(None, NOBODY, self._epoch)
        fresh = self._fresh_legacy if shown.legacy else self._fresh
        known = fresh.get(digest)
        fits = shown.asked and shown.errors <= self._tolerated
        if known is not None and (resumed or (fits and known.identity.mac)):
            return known  # the same bytes, under the same policy, in the same second
        certificate = connection.get_peer_certificate()
        assert certificate is not None
        leaf = dump_certificate(FILETYPE_ASN1, certificate)
        if resumed or fits:
            # A leaf that is known was verified with all of its path; so it is not done
            # again, for it takes longer than the rest of the handshake together.
            recalled = self._recalled(leaf, digest)
            if resumed or recalled.mac:
                return self._keep(digest, recalled, legacy=shown.legacy)
        verdict = self._judged(connection, leaf, digest, fits=fits)
        return self._keep(digest, verdict, legacy=shown.legacy)

    def now(self, proof: Proof) -> Identity:
        """Return whose *proof* is at the moment."""
        self._look()
        if proof.epoch != self._epoch:
            proof.epoch = self._epoch
            if proof.verdict is not None:
                proof.verdict = self._policy.again(proof.verdict, self._clock())
                proof.identity = self._identity(proof.verdict, legacy=proof.legacy)
        return proof.identity

    def _judged(
        self, connection: SSL.Connection, leaf: bytes, digest: bytes, *, fits: bool
    ) -> Verdict:
        # Here the chain comes without the leaf (SSL_get_peer_cert_chain).
        chain = [leaf]
        for each in connection.get_peer_cert_chain() or ():
            der = dump_certificate(FILETYPE_ASN1, each)
            if der != leaf:
                chain.append(der)
        verdict = self._policy.judge(chain, self._clock())
        if not fits:
            verdict = verdict.refused_by_tls()
        self._verdicts.remember(verdict)
        self._page.publish(digest, verdict)
        if verdict.expired:
            log.note(log.TLS_EXPIRED, mac=text_from_mac(verdict.mac))
        return verdict

    def _recalled(self, leaf: bytes, digest: bytes) -> Verdict:
        """Return the verdict of the full handshake, perhaps in another worker."""
        at = self._clock()
        found = self._verdicts.recall(leaf, at)
        if found.problem is Problem.NOT_REMEMBERED:
            shared = self._page.find(digest)
            if shared is not None:
                self._verdicts.remember(shared)
                found = self._policy.again(shared, at)
        return found

    def _keep(self, digest: bytes, verdict: Verdict, *, legacy: bool) -> Proof:
        identity = self._identity(verdict, legacy=legacy)
        proof = Proof(verdict, identity, self._epoch, legacy=legacy)
        (self._fresh_legacy if legacy else self._fresh)[digest] = proof
        return proof

    def _identity(self, verdict: Verdict, *, legacy: bool) -> Identity:
        if verdict.denies:
            return Identity(denial=Reason.CERTIFICATE_BLOCKED)
        if self._unsure:
            return _UNSURE
        if verdict.mac and verdict.legacy and not legacy:
            return _nobody_because(Problem.LEGACY_ONLY)
        if verdict.mac:
            return Identity(verdict.mac, serial=verdict.serial, key=verdict.key)
        return _nobody_because(verdict.problem)

    def _look(self) -> None:
        """Begin a new epoch when time or an operator may have changed something."""
        stamp = self._stamp()
        seen = stamp, int(self._clock())
        if seen == self._seen:
            return
        if self._unsure or self._seen is None or stamp != self._seen[0]:
            try:
                self._policy = self._policy.with_blocks(self._blocks())
                self._verdicts.policy = self._policy
                self._unsure = False
            except StoreError as error:
                if not self._unsure:
                    log.note(log.PROVISION_STORE_AWAY, error=str(error))
                self._unsure = True
        self._seen = seen
        self._epoch += 1
        self._fresh.clear()
        self._fresh_legacy.clear()


_UNSURE = Identity(detail="whether its certificate is blocked cannot be found out now")


@cache
def _nobody_because(problem: Problem | None) -> Identity:
    return NOBODY if problem is None else Identity(detail=problem.sentence)
