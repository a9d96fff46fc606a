"""What a request's way through provisioning waits for, step by step.

The way is a generator: it yields a MAC to look at, or a write, is sent the result, and
returns the outcome.  Whoever drives it decides how to wait.
"""

from collections.abc import Generator, Sequence
from typing import NamedTuple

from bootwave.directory.records import Device, WildcardAccount
from bootwave.errors import StoreError
from bootwave.http.response import Response
from bootwave.pairing.decisions import Claim, Consume
from bootwave.provision.cache import Document, GeneralDocument
from bootwave.provision.revocations import Mark


class Look(NamedTuple):
    """What the store said of one MAC, and the state before it was asked."""

    device: Device | None
    wildcards: Sequence[WildcardAccount]
    mark: Mark
    applied: int


class Write(NamedTuple):
    """A decision to be stored, and the model that the phone says it is."""

    decision: Consume | Claim
    model: str


class Ready(NamedTuple):
    """A document that may leave now, and was put where what is ready is kept."""

    document: Document | GeneralDocument
    wall: float


Step = int | Write
Result = Look | bool | StoreError
Outcome = Response | Ready
# Sent a look for a MAC, and for a write whether it was won; StoreError is thrown in.
Steps = Generator[Step, Look | bool, Outcome]


def advanced(steps: Steps, result: Result | None) -> Step | Outcome:
    """Return what *steps* need after *result* of the last step, or the outcome."""
    try:
        if isinstance(result, StoreError):
            return steps.throw(result)
        return steps.send(result)  # type: ignore[arg-type]  # None begins
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
