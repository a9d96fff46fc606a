"""Idempotency keys: a request that is sent again is carried out once.

``Idempotency-Key`` of a POST names it for 24 hours: the same request with the same key
is given the same answer, another one 422 (draft-ietf-httpapi-idempotency-key-header).
Keys are of whoever sends them: two principals may use the same.  Who does not reach all
domains has so much kept in a day and no more, whatever the number of his tokens.
"""

import math
import time
from collections.abc import Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.principals import Principal
from bootwave.control.api.problems import Problem
from bootwave.limits import MAX_API_DOMAIN_KEPT_BYTES
from bootwave.store.access.idempotency import MAX_KEY_CHARACTERS, Kept, Once
from bootwave.store.secrets import KeyRing

HEADER = "Idempotency-Key"
KEY_BYTES = 1_024  # at most, of a key with all but the answer
_PURPOSE = "idempotency"
_DAY_SECONDS = 86_400.0
# Of an answer; others are made anew each time.
_KEPT_HEADERS = ("content-type", "location", "etag")


class Allowances:
    """How much more is kept for each who does not reach all domains.

    What was used up comes back within a day, at an even pace: in any 24 hours no more
    than twice *most* bytes are kept.  *clock* gives seconds that never jump.  One
    thread at a time may use it.
    """

    def __init__(
        self,
        most: int = MAX_API_DOMAIN_KEPT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with everything left for everybody."""
        self._most = most
        self._clock = clock
        self._used: dict[str, tuple[float, float]] = {}  # bytes, and at which second

    def require_key(self, principal: Principal) -> None:
        """Raise Problem 429 where no key of *principal* is kept now."""
        missing = KEY_BYTES - self._left(principal)
        if missing > 0:
            seconds = math.ceil(missing * _DAY_SECONDS / self._most)
            raise Problem(
                "too-many",
                f"So many keys came within a day that none is kept now: leave {HEADER} "
                "out, or come back.",
                headers={"Retry-After": str(seconds)},
            )

    def take(self, principal: Principal, size: int) -> bool:
        """Use *size* bytes up and return True, or False where less is left."""
        left = self._left(principal)
        if size > left:
            return False
        if principal.domains is None:
            return True
        used = self._most - left + size
        self._used[principal.whose] = used, self._clock()
        return True

    def _left(self, principal: Principal) -> float:
        if principal.domains is None:
            return math.inf
        used, at = self._used.get(principal.whose, (0.0, 0.0))
        used -= (self._clock() - at) * self._most / _DAY_SECONDS
        if used <= 0:
            self._used.pop(principal.whose, None)
            return self._most
        return self._most - used


def key_of(request: Request) -> str:
    """Return the key that *request* carries, "" for none; raises Problem 400."""
    key: str = request.headers.get(HEADER, "").strip().strip('"')
    if not key.isascii() or not key.isprintable() or len(key) > MAX_KEY_CHARACTERS:
        raise Problem(
            "bad-request",
            f"{HEADER} is at most {MAX_KEY_CHARACTERS} plain characters.",
        )
    return key


async def once(request: Request, principal: Principal, keyring: KeyRing) -> Once | None:
    """Return the request as it is known by its key, None when it carries none.

    Raises Problem 400 where the body is not read at once: a stream is not remembered.
    """
    key = key_of(request)
    if not key:
        return None
    if request.state.declared.streams:
        raise Problem("bad-request", f"{HEADER} is not for what is sent as a stream.")
    said = _said(request, await request.body())
    return Once(principal.identity, key, keyring.tag(said, purpose=_PURPOSE))


def _said(request: Request, body: bytes) -> bytes:
    target = f"{request.method} {request.url.path}?{request.url.query}".encode()
    return b"%d %b %b" % (len(target), target, body)


def is_same(kept: Kept, said: bytes, keyring: KeyRing) -> bool:
    """Whether *kept* was made for the request that *said* is of."""
    return keyring.is_tag(kept.request, said, purpose=_PURPOSE)


async def replayed(request: Request, kept: Kept, keyring: KeyRing) -> Response:
    """Return the answer that *request* was given before.

    Raises Problem 422 when its key is of another request, and 409 when the answer is
    not known any more.
    """
    if not is_same(kept, _said(request, await request.body()), keyring):
        raise Problem(
            "key-reused",
            f"This {HEADER} was used for another request within 24 hours: take a new "
            "one for each.",
        )
    if not kept.status:
        raise Problem(
            "answer-lost",
            "This request was carried out, and its answer was not kept (it was long, "
            "held a secret, or the engine ended in that moment): look with a GET.",
        )
    headers: Mapping[str, str] = orjson.loads(kept.headers)
    return Response(kept.body, kept.status, headers)


def headers_to_keep(response: Response) -> str:
    """Return the headers of *response* that a repetition of it has, too, as JSON."""
    kept = {
        name: response.headers[name]
        for name in _KEPT_HEADERS
        if name in response.headers
    }
    return orjson.dumps(kept).decode()
