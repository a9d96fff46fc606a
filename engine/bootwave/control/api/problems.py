"""Why a request failed, as problem+json (RFC 9457) that says what to do.

Each kind has a name, a status and a title that never change; ``detail`` is the sentence
of the error that was raised (``bootwave.errors``), which an administrator can act on.
Nothing of what was sent is quoted but names that the store's own sentences quote.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from starlette.responses import Response

from bootwave.errors import (
    BootwaveError,
    LimitExceeded,
    OperatorError,
    RedirectionError,
    RedirectionRefused,
    StoreConflict,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:bootwave:problem:"
RETRY_SECONDS = 5
_NAME_CHARACTERS = 64


class Kind(NamedTuple):
    """What is the same in every problem of one kind."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = {
    "bad-request": Kind(400, "The request cannot be understood"),
    "signed-out": Kind(401, "Sign in first"),
    "forbidden": Kind(403, "This is not allowed to whoever asks"),
    "csrf": Kind(403, "The request does not prove that a page of this server sent it"),
    "confirmation-required": Kind(403, "Give the password again"),
    "not-found": Kind(404, "There is no such thing"),
    "method-not-allowed": Kind(405, "This cannot be done with it"),
    "conflict": Kind(409, "This contradicts what is stored"),
    "service-refuses": Kind(409, "The redirection service does not accept the account"),
    "answer-lost": Kind(409, "This was done already"),
    "precondition-failed": Kind(412, "It was changed in the meantime"),
    "too-large": Kind(413, "The request is too large"),
    "not-json": Kind(415, "The request must be JSON"),
    "not-form": Kind(415, "The request must be a form"),
    "encoded": Kind(415, "The body must not be compressed"),
    "not-rows": Kind(415, "The request must be CSV or JSON Lines"),
    "misdirected": Kind(421, "The server is not the one that was asked for"),
    "invalid": Kind(422, "The request cannot be carried out as it is"),
    "bad-cursor": Kind(422, "The cursor does not belong to this list"),
    "key-reused": Kind(422, "The idempotency key is of another request"),
    "precondition-required": Kind(428, "Say which state is meant"),
    "too-many": Kind(429, "Too many attempts"),
    "fault": Kind(500, "The server failed"),
    "service-away": Kind(502, "The redirection service does not do what it should"),
    "unavailable": Kind(503, "The store cannot be used now"),
    "busy": Kind(503, "Too much is asked at once"),
    "full": Kind(507, "The disk is full"),
}


class Problem(BootwaveError):
    """Ends a request with the problem of one *kind*; ``detail`` is one sentence."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Keep what is told; *errors* say what is wrong at which place of the body."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = list(errors)
        if self.status == 401:  # RFC 9110 section 15.5.2: not without a challenge
            self.headers.setdefault("WWW-Authenticate", "Bearer")

    @property
    def status(self) -> int:
        """The status of the answer."""
        return KINDS[self.kind].status

    def response(self) -> Response:
        """Return the answer."""
        kind = KINDS[self.kind]
        body: dict[str, Any] = {
            "type": TYPE_PREFIX + self.kind,
            "title": kind.title,
            "status": kind.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(
            orjson.dumps(body), kind.status, self.headers, media_type=MEDIA_TYPE
        )


def shortened_name(name: str) -> str:
    """Return what is told back of the name of a member: no more than its beginning."""
    return name if len(name) <= _NAME_CHARACTERS else f"{name[:_NAME_CHARACTERS]}…"


def problem_from(error: Exception) -> Problem:
    """Return the problem that *error*, one of ``bootwave.errors``, is to who asked."""
    if isinstance(error, Problem):
        return error
    detail = str(error)
    if isinstance(error, StoreNotFound):
        return Problem("not-found", detail)
    if isinstance(error, StoreConflict):
        return Problem("conflict", detail)
    if isinstance(error, OperatorError):
        return Problem("invalid", detail)
    if isinstance(error, RedirectionRefused):
        return Problem("service-refuses", detail)
    if isinstance(error, RedirectionError):
        return Problem("service-away", detail)
    if isinstance(error, LimitExceeded):
        return Problem("too-large", detail)
    if isinstance(error, StoreUnavailable) and _is_full(error.__cause__):
        return Problem("full", detail)
    if isinstance(error, StoreError):
        later = {"Retry-After": str(RETRY_SECONDS)}
        return Problem("unavailable", detail, headers=later)
    return Problem(
        "fault", "The engine failed unexpectedly: its log says more; report it."
    )


def _is_full(cause: BaseException | None) -> bool:
    return (
        isinstance(cause, sqlite3.Error)
        and getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    )
