"""What the processes and the command line tell each other, as bytes.

One message is one line of JSON.  A request ``{"id": 1, "op": "window.open", "args":
{…}}`` is answered by any number of ``{"id": 1, "progress": [done, total]}`` and then
one ``{"id": 1, "ok": true, "result": …}`` or ``{"id": 1, "ok": false, "error":
"sentence"}``.  JSON escapes line feeds inside texts, so a line feed always ends a
message.

Nothing here reads or writes: ``LineDecoder`` takes bytes as they come and gives whole
lines, the ``…_from_line`` functions give messages, ``encoded`` makes bytes.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from bootwave.errors import LimitExceeded, MessageError


class Request(NamedTuple):
    """Asks for one operation; ``args`` are its named arguments."""

    id: int
    op: str
    args: Mapping[str, Any]

    def __repr__(self) -> str:
        """Return what is asked for without its arguments, which may be passwords."""
        return f"Request({self.id}, {self.op!r})"


class Progress(NamedTuple):
    """Says that *done* of *total* steps of a request are done."""

    id: int
    done: int
    total: int


class Result(NamedTuple):
    """Ends a request that succeeded."""

    id: int
    result: Any

    def __repr__(self) -> str:
        """Return whose result it is without it: it may be a token."""
        return f"Result({self.id})"


class Failure(NamedTuple):
    """Ends a request that failed; ``error`` is one sentence for the operator."""

    id: int
    error: str


Answer = Progress | Result | Failure


def encoded(message: Request | Answer) -> bytes:
    """Return *message* as one line.

    Raises TypeError for values JSON has no form for, among them floats that are not
    finite.
    """
    body: dict[str, Any]
    match message:
        case Request(id=number, op=op, args=args):
            body = {"id": number, "op": op, "args": dict(args)}
        case Progress(id=number, done=done, total=total):
            body = {"id": number, "progress": [done, total]}
        case Result(id=number, result=result):
            body = {"id": number, "ok": True, "result": result}
        case Failure(id=number, error=error):
            body = {"id": number, "ok": False, "error": error}
    line = orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)
    # orjson writes such a float as null, which says something else.
    if b"null" in line and not _is_finite(body):
        raise TypeError("a number of the message is not finite")
    return line


def request_from_line(line: bytes) -> Request:
    """Return the request a line holds; unknown members are ignored.

    Raises MessageError.
    """
    body = _object(line)
    op, args = body.get("op"), body.get("args", {})
    if not isinstance(op, str) or not isinstance(args, dict):
        raise MessageError("the message is not a request")
    return Request(_id(body), op, args)


def answer_from_line(line: bytes) -> Answer:
    """Return the answer a line holds; unknown members are ignored.

    Raises MessageError.
    """
    body = _object(line)
    match body:
        case {"progress": [int(done), int(total)]}:
            return Progress(_id(body), done, total)
        case {"ok": True, "result": result}:
            return Result(_id(body), result)
        case {"ok": False, "error": str(error)}:
            return Failure(_id(body), error)
    raise MessageError("the message is not an answer")


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return True


def _object(line: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise MessageError(f"the message is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise MessageError("the message is not a JSON object")
    return body


def _id(body: dict[str, Any]) -> int:
    number = body.get("id")
    if type(number) is not int:
        raise MessageError("the message has no number")
    return number


class LineDecoder:
    """Cuts a stream of bytes into lines of at most *limit* bytes each."""

    def __init__(self, *, limit: int) -> None:
        """Begin with nothing received."""
        self._limit = limit
        self._parts: list[bytes] = []  # of the line that is not yet complete
        self._size = 0

    def receive_data(self, data: bytes) -> Iterator[bytes]:
        """Yield the lines that *data* completes, without their line feeds.

        Raises LimitExceeded for a line that is or becomes too long; the stream is
        then unusable.  Empty lines are left out.
        """
        while data:
            head, feed, data = data.partition(b"\n")
            self._size += len(head)
            if self._size > self._limit:
                raise LimitExceeded(
                    f"a message is longer than {self._limit} bytes", limit=self._limit
                )
            self._parts.append(head)
            if feed:
                line = b"".join(self._parts)
                self._parts, self._size = [], 0
                if line:
                    yield line
