"""Whom a client certificate proves a phone to be: the policy that options make.

``judge`` verifies what a phone presented in a full handshake, completely and by itself:
what TLS found is not asked, because a verify callback that lets handshakes go on makes
OpenSSL forget what was wrong, and at security level 0 it calls weak algorithms right.
The order is: the path (``path``), the issuer, the MAC; these hold for ever and are kept
as ``proven``.  Then what time and operators change: blocks, CRLs, dates (``again``).

A certificate that is blocked or revoked denies every request; one that proves nothing
for another reason is as good as none.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509

from bootwave.certificates.blocks import NO_BLOCKS, Blocks
from bootwave.certificates.names import name_from_text
from bootwave.certificates.parsed import Parsed
from bootwave.certificates.path import Authorities, Found
from bootwave.certificates.path import Path as CertificatePath
from bootwave.certificates.revocation import NO_REVOCATIONS, Revocations
from bootwave.certificates.snom import ISSUERS
from bootwave.certificates.strength import LEGACY, MODERN, Strength
from bootwave.certificates.subject import mac_from_subject
from bootwave.certificates.verdict import Link, Problem, Verdict
from bootwave.limits import (
    MAX_TLS_CERTIFICATE_BYTES,
    MAX_TLS_CHAIN_CERTIFICATES,
)

# Errors of OpenSSL's verification (X509_V_ERR_..., openssl/x509_vfy.h) about what this
# policy judges itself.
CERT_HAS_EXPIRED = 10
EE_KEY_TOO_SMALL = 66
CA_KEY_TOO_SMALL = 67
CA_MD_TOO_WEAK = 68

_MAX_ISSUER_CHARACTERS = 200
_SNOM_ISSUERS = {
    root: frozenset(map(name_from_text, texts)) for root, texts in ISSUERS.items()
}


@dataclass(frozen=True, slots=True, eq=False)
class TrustPolicy:
    """Which certificates prove what; immutable, and cheap to share between threads.

    *authorities* are the factory CAs, *issuers* the names that may issue leaves (empty:
    below snom's roots snom's issuing CAs, below others any CA), *legacy* the SHA-256 of
    the keys of roots below which SHA-1 and RSA-1024 are accepted, *accept_expired*
    whether certificates prove something after their time, *trust_unlisted* whether they
    do while all revocation lists of their CA are out of date.
    """

    authorities: Authorities
    issuers: frozenset[x509.Name] = frozenset()
    legacy: frozenset[bytes] = frozenset()
    accept_expired: bool = False
    trust_unlisted: bool = False
    revocations: Revocations = NO_REVOCATIONS
    blocks: Blocks = NO_BLOCKS
    generation: bytes = b""

    def __post_init__(self) -> None:
        """Name the generation after what verdicts rest on for ever."""
        object.__setattr__(self, "generation", self._digest())

    @property
    def trusted(self) -> tuple[bytes, ...]:
        """The DER of every factory CA, for OpenSSL's store."""
        known = self.authorities
        return tuple(ca.der for ca in (*known.roots, *known.issuing))

    @property
    def tolerated(self) -> frozenset[int]:
        """The errors of OpenSSL's verification that this policy judges itself.

        A handshake with any other error gives no identity.
        """
        found = {CERT_HAS_EXPIRED} if self.accept_expired else set()
        if any(root.key in self.legacy for root in self.authorities.roots):
            found |= {EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK}
        return frozenset(found)

    def with_blocks(self, blocks: Blocks) -> "TrustPolicy":
        """Return this policy with other *blocks*; its verdicts stay known."""
        return replace(self, blocks=blocks)

    def judge(self, chain: Sequence[bytes], at: float) -> Verdict:
        """Return what the certificates *chain* prove at *at*.

        *chain* is DER as presented in the handshake, the leaf first, the others in any
        order and with anything among them; *at* is seconds since the epoch.  Whatever
        the bytes are, the result is a verdict: nothing is raised.
        """
        if not chain:
            return Verdict(problem=Problem.NO_PATH, fault=Problem.NO_PATH)
        leaf_digest = hashlib.sha256(chain[0]).digest()
        if len(chain) > MAX_TLS_CHAIN_CERTIFICATES or any(
            len(der) > MAX_TLS_CERTIFICATE_BYTES for der in chain
        ):
            return self._unread(leaf_digest, Problem.TOO_MUCH)
        try:
            leaf = Parsed(chain[0])
        except ValueError:
            return self._unread(leaf_digest, Problem.NOT_DER)
        presented = []
        for der in chain[1:]:
            try:
                presented.append(self.authorities.parsed(der))
            except ValueError:
                continue  # if it is needed, the path lacks it
        return self._best(leaf, presented, at)

    def again(self, verdict: Verdict, at: float) -> Verdict:
        """Return *verdict* as it stands at *at*: blocks, CRLs and dates anew.

        A verdict of another generation proves nothing any more.
        """
        problem = verdict.fault
        if verdict.generation != self.generation:
            problem = Problem.OUTDATED
        denied = self._denied(verdict)
        expired = any(link.not_after < at for link in verdict.links)
        # That TLS refused it says least: a date or a list may be why it did.
        is_sound = problem is None or problem is Problem.TLS_REFUSED
        if denied is not None:
            problem = denied
        elif is_sound and any(at < link.not_before for link in verdict.links):
            problem = Problem.NOT_YET_VALID
        elif is_sound and expired and not self.accept_expired:
            problem = Problem.EXPIRED
        elif is_sound and self._is_unlisted(verdict, at):
            problem = Problem.CRL_OUTDATED
        return replace(
            verdict,
            mac=verdict.proven if problem is None else 0,
            problem=problem,
            denies=denied is not None,
            expired=expired and problem is None,
        )

    def unknown(self, leaf: bytes, at: float) -> Verdict:
        """Return the verdict on the DER *leaf* of a session that nobody knows.

        It proves nothing; it denies if it is blocked.
        """
        missing = Problem.NOT_REMEMBERED
        try:
            parsed = Parsed(leaf)
        except ValueError:
            return self._unread(hashlib.sha256(leaf).digest(), missing)
        links = (_link(parsed, None),)
        verdict = self._verdict(parsed, missing, 0, links, parsed.issuer_text)
        return self.again(verdict, at)

    def strength_below(self, root: Parsed) -> Strength:
        """Return which algorithms are strong enough below *root*."""
        return LEGACY if root.key in self.legacy else MODERN

    def issuers_below(self, root: Parsed) -> frozenset[x509.Name]:
        """Return the names that may issue leaves below *root*; empty: any CA."""
        if self.issuers:
            return self.issuers
        return _SNOM_ISSUERS.get(root.key, frozenset())

    def _best(self, leaf: Parsed, presented: Sequence[Parsed], at: float) -> Verdict:
        """Return the first verdict over a path that proves something, else the best."""
        best: tuple[int, Verdict] | None = None
        paths = self.authorities.paths(leaf, presented, self.strength_below)
        for found in paths:
            verdict = self.again(self._over(leaf, found), at)
            if verdict.mac or verdict.denies:
                return verdict
            rank = found.is_signed + (found.problem is None)
            if best is None or rank > best[0]:
                best = rank, verdict
        if best is not None:
            return best[1]
        none = Problem.NO_PATH if self.authorities.roots else Problem.NO_AUTHORITIES
        links = (_link(leaf, None),)
        return self.again(self._verdict(leaf, none, 0, links, leaf.issuer_text), at)

    def _over(self, leaf: Parsed, found: Found) -> Verdict:
        path, problem, is_signed = found
        mac = 0
        if problem is None:
            try:
                if not self._may_issue(path[1], path[-1]):
                    problem = Problem.OTHER_ISSUER
                else:
                    mac = mac_from_subject(leaf.subject)
                    problem = None if mac else Problem.NO_MAC
            except ValueError:
                problem = Problem.NOT_DER
        links = _links(path) if is_signed else (_link(leaf, None),)
        legacy = problem is None and not _is_modern(path)
        return self._verdict(
            leaf, problem, mac, links, path[1].subject_text, legacy=legacy
        )

    def _may_issue(self, issuer: Parsed, root: Parsed) -> bool:
        allowed = self.issuers_below(root)
        return not allowed or issuer.name in allowed

    def _verdict(
        self,
        leaf: Parsed,
        fault: Problem | None,
        mac: int,
        links: tuple[Link, ...],
        issuer: str,
        *,
        legacy: bool = False,
    ) -> Verdict:
        return Verdict(
            legacy=legacy,
            leaf=leaf.digest,
            serial=leaf.serial,
            key=leaf.key,
            issuer=issuer[:_MAX_ISSUER_CHARACTERS],
            not_after=leaf.not_after,
            proven=mac,
            fault=fault,
            links=links,
            generation=self.generation,
        )

    def _unread(self, leaf: bytes, problem: Problem) -> Verdict:
        return Verdict(
            problem=problem, leaf=leaf, fault=problem, generation=self.generation
        )

    def _denied(self, verdict: Verdict) -> Problem | None:
        for link in verdict.links:
            if link.serial in self.blocks.serials or link.key in self.blocks.keys:
                return Problem.BLOCKED
            if link.issuer_key and self.revocations.has(
                link.issuer, link.issuer_key, link.serial
            ):
                return Problem.REVOKED
        return None

    def _is_unlisted(self, verdict: Verdict, at: float) -> bool:
        """Whether what was revoked of *verdict*'s path is not known any more."""
        return not self.trust_unlisted and any(
            link.issuer_key
            and self.revocations.are_outdated(link.issuer, link.issuer_key, at)
            for link in verdict.links
        )

    def _digest(self) -> bytes:
        known = self.authorities
        parts = [
            *sorted(b"root" + ca.digest for ca in known.roots),
            *sorted(b"issuing" + ca.digest for ca in known.issuing),
            *sorted(b"issuer" + name.public_bytes() for name in self.issuers),
            *sorted(b"legacy" + key for key in self.legacy),
        ]
        return hashlib.sha256(
            b"".join(hashlib.sha256(part).digest() for part in parts)
        ).digest()


def _links(path: CertificatePath) -> tuple[Link, ...]:
    """Return what can end the validity of a path; the root's blocks and dates, too."""
    parents = (*path[1:], None)
    return tuple(map(_link, path, parents))


def _link(certificate: Parsed, issuer: Parsed | None) -> Link:
    return Link(
        certificate.serial,
        certificate.key,
        certificate.not_before,
        certificate.not_after,
        certificate.issuer,
        b"" if issuer is None else issuer.key_der,
    )


def _is_modern(path: CertificatePath) -> bool:
    return all(MODERN.allows_key(each.public_key) for each in path) and all(
        MODERN.allows_signature(each.x509.signature_algorithm_oid) for each in path[:-1]
    )
