"""What every answer has, and what becomes of an exception that nobody expected."""

from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bootwave import log
from bootwave.control.api.hosts import Hosts
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import HEAD_ONLY

PIECE_BYTES = 64 * 1024  # of an answer, in the buffers of one connection

# Answers are for whoever asked, at that moment, and for no page of another site.
FIELDS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
# Of which one alone would be looked at, and by a proxy perhaps another one.  Cookies
# stand in one line (RFC 6265 section 5.4).
_ONCE = (b"authorization", b"cookie", b"idempotency-key")


def _is_ambiguous(scope: Scope) -> bool:
    """Whether a proxy in front may have understood the request otherwise.

    Who asks said twice, two lengths, or chunks in a version that has none (RFC 9112
    section 6.1), and versions that h11 lets pass: what follows could be another's
    request.
    """
    names = [name for name, _ in scope["headers"]]
    chunked = b"transfer-encoding" in names
    return (
        scope["http_version"] not in ("1.0", "1.1")
        or (chunked and b"content-length" in names)
        or (chunked and scope["http_version"] == "1.0")
        or any(names.count(name) > 1 for name in _ONCE)
    )


def _pieces(message: Message) -> Iterator[Message]:
    """Yield *message* in parts of some size.

    The server waits between them for a peer that does not read: it would otherwise hold
    the whole for each of them, over TLS a second time.
    """
    body = message.get("body", b"")
    for at in range(0, len(body) - PIECE_BYTES, PIECE_BYTES):
        yield {**message, "body": body[at : at + PIECE_BYTES], "more_body": True}
    rest = (len(body) - 1) // PIECE_BYTES * PIECE_BYTES if body else 0
    yield {**message, "body": body[rest:]} if rest else message


def _host(scope: Scope) -> str | None:
    for name, field_value in scope["headers"]:  # h11 lets one Host pass
        if name == b"host":
            return str(field_value, "latin-1")
    return None


class Outermost:
    """Wraps the whole application *app*, which goes by the names of *hosts*.

    uvicorn never sees an exception of it, and *answered* is told of the status of each
    answer.
    """

    def __init__(
        self, app: ASGIApp, hosts: Hosts, answered: Callable[[int], None]
    ) -> None:
        """Keep them."""
        self._app = app
        self._hosts = hosts
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; HEAD as GET (RFC 9110 section 9.3.2), without content."""
        head_only = scope.get("method") == "HEAD"
        if head_only:
            # The server below, which knows that it is HEAD, leaves the content away.
            scope = {**scope, "method": "GET", HEAD_ONLY: True}

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._answered(message["status"])
                headers: list[Any] = list(message.get("headers", ()))
                there = {name.lower() for name, _ in headers}
                headers += [pair for pair in FIELDS if pair[0] not in there]
                message = {**message, "headers": headers}
            goes_on = head_only and message.get("more_body", False)
            if head_only:
                await send({**message, "more_body": False} if goes_on else message)
            else:
                for piece in _pieces(message):
                    await send(piece)
            if goes_on:
                raise ClientDisconnect  # of what may never end only this was asked

        try:
            if _is_ambiguous(scope):
                refused = Problem(
                    "bad-request",
                    "Say the length of the body, Authorization, Cookie and "
                    "Idempotency-Key once each, in HTTP/1.1 or 1.0.",
                    headers={"Connection": "close"},
                )
                await refused.response()(scope, receive, send_on)
                return
            try:
                self._hosts.require(_host(scope))
            except Problem as misdirected:
                await misdirected.response()(scope, receive, send_on)
                return
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            pass  # nobody is left to be told
        except Exception as error:
            # It was answered with 500 on the way here.
            log.note(log.API_FAULT, path=scope.get("path", ""), exception=error)
