"""What a client certificate proves, and if nothing, why."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple


class Problem(Enum):
    """Why a certificate proves nothing; the value is one sentence for the sightings."""

    NOT_DER = "its certificate is malformed"
    TOO_MUCH = "its certificate or chain is too long"
    NO_AUTHORITIES = "no factory CA is configured, so no certificate proves anything"
    NO_PATH = "no configured factory CA issued its certificate, or a link is missing"
    WEAK_SIGNATURE = "its certificate or chain is signed with too weak an algorithm"
    WEAK_KEY = "its certificate or chain has too weak a key"
    BAD_SIGNATURE = "a signature in its certificate's chain is wrong"
    NOT_A_CA = "what issued its certificate is no CA"
    PATH_TOO_LONG = "its certificate's chain is longer than one of its CAs allows"
    WRONG_USAGE = "its certificate or chain is not for TLS clients"
    LEAF_IS_CA = "its certificate is one of a CA"
    UNKNOWN_EXTENSION = "its certificate or chain has an unknown critical extension"
    OTHER_ISSUER = "its certificate's issuer is not one of https.factory_issuers"
    NO_MAC = "its certificate does not name exactly one MAC as its common name"
    NOT_YET_VALID = "its certificate or chain is not valid yet"
    EXPIRED = "its certificate or chain has expired"
    CRL_OUTDATED = "a revocation list of its certificate's CAs is out of date"
    REVOKED = "its certificate was revoked by its CA"
    BLOCKED = "its certificate is blocked here"
    NOT_REMEMBERED = "it resumed a session whose certificate is not known here"
    OUTDATED = "its certificate was verified before the factory CAs changed"
    LEGACY_ONLY = "its certificate is weak, so it counts on https.legacy.listen only"
    TLS_REFUSED = "its certificate or chain was refused by TLS itself"

    @property
    def sentence(self) -> str:
        """What an operator reads."""
        return self.value


class Link(NamedTuple):
    """What can end the validity of one certificate of a path.

    ``issuer`` is the DER of the issuer's name and ``issuer_key`` the issuer's
    SubjectPublicKeyInfo (DER), by which a CRL is found and verified.  Dates are
    seconds since the epoch, ``key`` is the SHA-256 of the SubjectPublicKeyInfo.
    """

    serial: int
    key: bytes
    not_before: float
    not_after: float
    issuer: bytes
    issuer_key: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about one leaf.

    ``mac`` is the MAC it proves, 0 for none, and then ``problem`` says why.
    ``denies`` is set when it was revoked or blocked: every request on that connection
    is denied, whatever else is open.  ``expired`` is set when it proves a MAC although
    something in its path has expired (https.expired = accept): that is to be logged.
    ``legacy`` tells that the proof rests on SHA-1 or RSA-1024 of a pinned root, which
    counts on the legacy listener only.

    ``leaf`` is the SHA-256 of the leaf's DER and ``key`` that of its
    SubjectPublicKeyInfo; ``issuer`` is the issuer's name as in RFC 4514, cut to 200
    characters, and ``not_after`` seconds since the epoch.  All are empty where the
    leaf could not be read.

    ``proven`` and ``fault`` are what holds whatever the date, CRLs and blocks are, and
    ``links`` what these are compared with: ``TrustPolicy.again`` makes ``mac``,
    ``problem``, ``denies`` and ``expired`` of them.  ``generation`` is the policy's.
    """

    mac: int = 0
    problem: Problem | None = None
    denies: bool = False
    expired: bool = False
    legacy: bool = False
    leaf: bytes = b""
    serial: int = 0
    key: bytes = b""
    issuer: str = ""
    not_after: float = 0.0
    proven: int = 0
    fault: Problem | None = None
    links: tuple[Link, ...] = field(default=(), repr=False)
    generation: bytes = field(default=b"", repr=False)

    @property
    def is_signed(self) -> bool:
        """Whether a factory CA signed it, whatever else is wrong."""
        return len(self.links) > 1

    def with_links(self, links: tuple[Link, ...]) -> "Verdict":
        """Return the same verdict with *links*."""
        return replace(self, links=links)

    def refused_by_tls(self) -> "Verdict":
        """Return the same verdict without identity, now and when it is recalled.

        For handshakes in which the verify callback reported an error that
        ``TrustPolicy.tolerated`` does not name.
        """
        fault = self.fault or Problem.TLS_REFUSED
        return replace(
            self,
            mac=0,
            problem=self.problem or fault,
            proven=0,
            fault=fault,
            expired=False,
        )
