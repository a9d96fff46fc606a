"""Calls of a redirection service over HTTPS.

Its certificate is verified, always.  Redirects are not followed, answers are bounded in
size and time, and the account goes nowhere but to the service's own URL.
"""

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx

from bootwave.errors import (
    OptionError,
    RedirectionRefused,
    RedirectionUnreachable,
    XmlRpcSyntaxError,
)
from bootwave.limits import MAX_REDIRECTION_ANSWER_BYTES
from bootwave.redirection.vendors import Call, Vendor
from bootwave.redirection.xmlrpc import Answer, answer_from, request_body

_SMALL = 65_536  # what is larger is read in a thread, for commands come in between
_HEADERS = {
    "Content-Type": "text/xml",
    "Accept": "text/xml",
    # What it packs could unfold to any size.
    "Accept-Encoding": "identity",
}


class Client:
    """One service, called with one account, from ``__aenter__`` to ``__aexit__``."""

    def __init__(
        self,
        vendor: Vendor,
        user: str,
        password: str,
        *,
        url: str = "",
        cas: Sequence[Path] = (),
        timeout_seconds: float,
    ) -> None:
        """Connect to nothing yet.

        *url* stands for the vendor's, and *cas* are PEM files to trust instead of what
        the system does.  Raises OptionError when one of them cannot be read.
        """
        self._vendor = vendor
        self._url = url or vendor.url
        self._timeout_seconds = timeout_seconds
        # A service may say what it was given.  In no attribute, which would show it.
        self._hidden = _keeping(user, password)
        self._http = httpx.AsyncClient(
            auth=httpx.BasicAuth(user, password),
            headers=_HEADERS,
            verify=_context(cas),
            follow_redirects=False,
            trust_env=False,
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )
        # Of TCP alone: who is interrupted within the handshake leaves it open.
        self._connecting: Any = None

    async def __aenter__(self) -> "Client":
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def call(
        self,
        call: Call,
        *,
        mac: int = 0,
        url: str = "",
        type_: str = "",
        text: str = "",
    ) -> Answer:
        """Return what the service answers.

        Raises RedirectionRefused when it does not accept the account, and
        RedirectionUnreachable when there is no answer that can be understood.
        """
        body = request_body(
            self._vendor, call, mac=mac, url=url, type_=type_, text=text
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                found = await self._posted(body)
        except (TimeoutError, httpx.TimeoutException):
            raise RedirectionUnreachable(
                f"no answer within {self._timeout_seconds:g} seconds"
            ) from None
        except httpx.HTTPError as error:
            raise RedirectionUnreachable(_why(error)) from None
        except httpx.InvalidURL:
            raise RedirectionUnreachable("its URL cannot be used") from None
        finally:
            connecting, self._connecting = self._connecting, None
            if connecting is not None:
                await connecting.aclose()
        try:
            if len(found) <= _SMALL:
                return answer_from(self._vendor, call, found, self._hidden())
            return await asyncio.to_thread(
                answer_from, self._vendor, call, found, self._hidden()
            )
        except XmlRpcSyntaxError as error:
            raise RedirectionUnreachable(
                f"the answer is no result of XML-RPC: {error}"
            ) from None

    async def _look(self, event: str, told: Mapping[str, Any]) -> None:
        """Keep the connection from when it is made until its handshake is done."""
        if event == "connection.connect_tcp.complete":
            self._connecting = told["return_value"]
        elif event == "connection.start_tls.complete":
            self._connecting = None

    async def _posted(self, body: bytes) -> bytes:
        async with self._http.stream(
            "POST", self._url, content=body, extensions={"trace": self._look}
        ) as response:
            status = response.status_code
            if status in (401, 403):
                raise RedirectionRefused(f"HTTP {status}")
            if status != 200:
                why = ", and redirects are not followed" if 300 <= status < 400 else ""
                raise RedirectionUnreachable(
                    f"HTTP {status}{why}", wait_seconds=_asked_wait(response)
                )
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise RedirectionUnreachable("the answer is packed, unasked")
            found = bytearray()
            async for some in response.aiter_raw():
                found += some
                if len(found) > MAX_REDIRECTION_ANSWER_BYTES:
                    most = MAX_REDIRECTION_ANSWER_BYTES >> 20
                    raise RedirectionUnreachable(f"the answer is above {most} MiB")
        return bytes(found)


def _asked_wait(response: httpx.Response) -> float:
    """Return the seconds that a service asks to be left alone for, 0 for none.

    Retry-After (RFC 9110 section 10.2.3) as a number or as a date, which is compared
    with the service's own clock where it tells that.
    """
    if response.status_code not in (429, 503):
        return 0.0
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        return float(text)
    until = _moment(text)
    now = _moment(response.headers.get("Date", "")) or time.time()
    return max(0.0, until - now) if until else 0.0


def _moment(text: str) -> float:
    """Return the wall-clock time that an HTTP date says, 0 for what is none."""
    try:
        found = parsedate_to_datetime(text)
        return found.timestamp() if found.tzinfo else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _keeping(user: str, password: str) -> Callable[[], tuple[str, ...]]:
    """Return what returns the texts that open the account, as they are sent."""
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    return lambda: (basic, password)


def _context(cas: Sequence[Path]) -> ssl.SSLContext:
    if not cas:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in cas:
        try:
            context.load_verify_locations(path)
        except OSError as error:  # ssl.SSLError is one
            what = error.strerror if not isinstance(error, ssl.SSLError) else ""
            raise OptionError(
                f"redirection.cas: {path} holds no certificates that can be read"
                f"{f' ({what})' if what else ''}."
            ) from None
    return context


def _why(error: BaseException) -> str:
    """Return in words why a call failed, without anything of the request."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # OpenSSL's words, of which some end as a sentence.
            words = cause.verify_message.rstrip(".")
            return f"its certificate is not trusted: {words}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    if isinstance(error, httpx.ReadError | httpx.WriteError | httpx.CloseError):
        return "the connection broke"
    if isinstance(error, httpx.RemoteProtocolError):
        return "the answer is no HTTP, or broke off"
    return f"no answer ({type(error).__name__})"
