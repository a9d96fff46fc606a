"""The body of a request, read to its end, or refused: too long, or no JSON."""

from collections.abc import AsyncGenerator
from typing import Any

import orjson
from starlette.requests import Request

from bootwave.control.api.problems import Problem, shortened_name
from bootwave.control.jsonmembers import repeated_member
from bootwave.limits import API_BODY_BYTES_A_VALUE

_JSON = "application/json"


class BoundedRequest(Request):
    """A request whose body ends, with Problem 413, where it is longer than *most*."""

    def __init__(self, request: Request, most: int) -> None:
        """Stand for *request*, of which nothing was read."""
        super().__init__(request.scope, request.receive)
        self._most = most
        self._parsed: Any = None

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes."""
        length = self.headers.get("content-length", "0")
        size = int(length) if length.isdecimal() else 0
        if size <= self._most:
            size = 0
            async for some in super().stream():
                size += len(some)
                if size > self._most:
                    break
                yield some
            else:
                return
        raise Problem(
            "too-large",
            f"A request here has at most {self._most} bytes: send it in parts.",
        )

    def parse(self, body: bytes) -> None:
        """Read *body* as JSON, where there is one.

        Raises Problem 400, 413, 415 or 422.
        """
        if not body:
            return
        media_type = self.headers.get("content-type", "").partition(";")[0]
        if media_type.strip().lower() != _JSON:
            raise Problem("not-json", f"Send the body as Content-Type: {_JSON}.")
        # No other request is heeded until it is read and refused, which takes as long
        # as there are values and not as there are bytes.  At least as many are counted.
        most_values = self._most // API_BODY_BYTES_A_VALUE
        if sum(body.count(mark) for mark in (b",", b"[", b"{")) > most_values:
            raise Problem(
                "too-large",
                f"A request here has at most {most_values} values, commas in texts "
                "counted: send it in parts.",
            )
        try:
            self._parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            # Without its own words, which quote some of it.
            raise Problem(
                "bad-request", f"The body is not JSON at character {error.pos}."
            ) from None
        _require_heeded(body.decode())

    async def json(self) -> Any:
        """Return the body as JSON, this once; None for an empty one."""
        # What it was made into waits for its turn, and this need not.
        parsed, self._parsed = self._parsed, None
        return parsed


def _require_heeded(body: str) -> None:
    """Raise Problem where a member of *body* stands for nothing."""
    try:
        name = repeated_member(body)
    except RecursionError:
        detail = "It is nested too deeply"
    else:
        if name is None:
            return
        detail = f"The member {shortened_name(name)} is there twice in one object"
    raise Problem(
        "invalid", f"body: {detail}.", errors=[{"at": "body", "detail": detail}]
    ) from None
