"""What can be decided about a request for a phone's own document."""

from typing import Literal

from bootwave.directory.record import record
from bootwave.pairing.instant import Instant
from bootwave.sightings import Reason


@record
class Policy:
    """The options that decide: on which way secrets leave, to whom, for how long.

    ``pairing_seconds`` is how long the phone that used a window may fetch again;
    ``temporary_seconds`` how long a phone keeps a ``?`` account.  ``any_vendor`` is
    whether MACs of others than snom may claim a wildcard account.
    ``certificate_claims`` is whether a certificate claims one that is not open.
    ``passwords_seconds`` is how long after it was provisioned a phone's document still
    holds its SIP passwords, 0 for ever.
    """

    clear_secrets: bool = True
    pairing_seconds: float = 300.0
    temporary_seconds: float = 28_800.0
    any_vendor: bool = False
    certificate_claims: bool = False
    passwords_seconds: float = 0.0


@record
class Proofs:
    """What a request shows beside its MAC and where it comes from.

    ``certificate`` is the MAC that a verified client certificate names, 0 without one;
    ``denial`` why the certificate denies everything, if it does.  ``credentials`` is
    whether user name and password are right, None when none were given.
    """

    certificate: int = 0
    denial: Reason | None = None
    credentials: bool | None = None


NO_PROOFS = Proofs()

# What stands in a grant for the source key where the proof is in each request: no
# address has these keys, so whatever compares sources grants nothing.
PROVEN = "proven by each request"


@record
class Grant:
    """Why a phone's own document may leave: *kind* is the proof that it rests on.

    To the source key *source* only, before *until* (boottime), in one boot.  Where the
    proof is in each request (all but "window"), *source* is ``PROVEN``, and *until*
    says how long its bindings last.
    """

    kind: Literal["window", "certificate", "credentials"]
    until: float
    boot_id: str
    source: str

    def covers(self, source: str, at: Instant) -> bool:
        """Whether a request from the source key *source* is granted at *at*."""
        return (
            at.boottime < self.until
            and at.boot_id == self.boot_id
            and source == self.source
        )


@record
class Serve:
    """The document may leave under *grant*."""

    grant: Grant


@record
class Consume:
    """Every window of *windows* (ids) must be taken, all or none; then decide again.

    The write is conditional: a window that is consumed, closed, past its deadline or of
    another boot by then fails all.  ``pairing_end`` is the boottime until which the
    taker may fetch again at least.
    """

    windows: tuple[int, ...]
    mac: int
    source: str
    at: float
    boot_id: str
    pairing_end: float


@record
class Candidate:
    """A wildcard account that is free; *expires* is None for ``*``.

    *window_id* is that of its open window, None where a certificate stands for one.
    """

    account_id: int
    window_id: int | None
    domain_id: int
    expires: float | None


@record
class Claim:
    """The first of *candidates* that is still free must be bound to *mac*.

    The same conditional write consumes its window, if it has one; then the device is
    looked at again.
    *address* and *model* are looked at by it, too: an opening may be for others.
    """

    candidates: tuple[Candidate, ...]
    mac: int
    address: str
    model: str
    source: str
    at: float
    boot_id: str
    pairing_end: float


@record
class Refuse:
    """Nothing secret may leave; *reason* is for the operator, never for the phone."""

    reason: Reason


Decision = Serve | Consume | Claim | Refuse
