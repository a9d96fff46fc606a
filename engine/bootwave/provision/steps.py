"""What a request's way through provisioning waits for, step by step.

The way itself is ``provision.way``'s; whoever drives it decides how to wait.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bootwave.directory.records import Device, Token, WildcardAccount
from bootwave.errors import StoreError
from bootwave.http.response import Response
from bootwave.pairing.decisions import Claim, Consume
from bootwave.pairing.instant import Instant
from bootwave.provision.asked import Asked
from bootwave.provision.cache import Document, GeneralDocument
from bootwave.provision.credentials import Verified
from bootwave.provision.revocations import Mark
from bootwave.sightings import Reason


class Course:
    """How far one request has come.

    ``looks`` counts the looks that were asked for; ``lost_claim`` is whether the write
    before the last one was a claim that others won.  ``issued`` is whether the device
    was to be given credentials, and ``issuing`` that it waits for that.  ``verified``
    is what the last look said of the credentials shown.
    """

    __slots__ = (
        "asked",
        "claiming",
        "issued",
        "issuing",
        "looks",
        "lost_claim",
        "verified",
    )

    def __init__(self, asked: Asked) -> None:
        """Begin."""
        self.asked = asked
        self.looks = 0
        self.claiming = False
        self.lost_claim = False
        self.issued = False
        self.issuing = False
        self.verified: Verified | None = None


class Look(NamedTuple):
    """What the store said of one MAC, the state before it was asked, and when.

    ``device`` has bindings that live only.  ``decoy`` is another phone's: time is spent
    on it where the MAC is bound to nothing, and nothing of it may get any further.
    ``overtaken`` is what ``Looks.overtake`` counted until then.
    """

    device: Device | None
    decoy: Device | None
    wildcards: Sequence[WildcardAccount]
    tokens: Mapping[int, Token]
    mark: Mark
    overtaken: int
    at: Instant


class GiveToken(NamedTuple):
    """That the device *mac* needs a token, of which *sealed* is one."""

    mac: int
    sealed: bytes


class Issue(NamedTuple):
    """The device *mac* must be given credentials, if it has none."""

    mac: int


class Write(NamedTuple):
    """A decision to be stored, and the model that the phone says it is."""

    decision: Consume | Claim | GiveToken | Issue
    model: str


class Ready(NamedTuple):
    """A document that may leave now, and was put where what is ready is kept.

    *reason* is why it may, for the sighting.
    """

    document: Document | GeneralDocument
    wall: float
    reason: Reason


class Slowed(NamedTuple):
    """An answer that is held back for *seconds*; *over* must be called then."""

    response: Response
    seconds: float
    over: Callable[[], None]


# What a request waits for: a look at this MAC, or a write.
Step = int | Write
# Of a look, or of a write whether it was won; or what either failed with.
Result = Look | bool | StoreError
Outcome = Response | Ready | Slowed
