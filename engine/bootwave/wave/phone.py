"""One simulated phone booting: bytes and time in, effects out, no sockets.

Theory of operation.  The phone sends its SUBSCRIBE and repeats it after 0.5, 1, 2, 4 s
and then every 4 s (RFC 3261 timer E) until the 200 is there.  The 200 and the NOTIFY
may come in either order (RFC 6665 section 4.4.1); the NOTIFY alone starts the fetching,
but only a phone that had both counts as booted.  A second NOTIFY transaction, or
another To tag from the same server, is an error of that server.  The URL of the NOTIFY
becomes one or two requests; lists of files put theirs in front of what still waits, so
that the order is the one the document says; firmware_status comes last.

========  ====================================  =====================================
state     what happens                          next
========  ====================================  =====================================
asking    SUBSCRIBE out, timer E                fetching at NOTIFY, silent at timeout
fetching  one GET at a time                     settled when nothing is left to fetch
settled   the 200 may be missing still          over
over      NOTIFY repeated by the server         answered again, nothing else changes
========  ====================================  =====================================
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bootwave.errors import ServerFault
from bootwave.limits import MAX_WAVE_FILES, MAX_WAVE_LIST_DEPTH
from bootwave.wave import document, fetch, sip
from bootwave.wave.credentials import Credentials, authorization, challenge_from
from bootwave.wave.identity import Identity
from bootwave.wave.subscription import Notification, Subscription
from bootwave.wave.url import Url, first_requests, replaced, url_from

Address = tuple[str, int]

# RFC 3261 section 17.1.2.2, timer E: T1, doubling up to T2.
T1 = 0.5
T2 = 4.0
_REFUSALS = frozenset({401, 403})


class Outcome(StrEnum):
    """How a boot ended."""

    BOOTED = "booted"
    REFUSED = "refused"
    SILENT = "silent"
    FAILED = "failed"


class SendDatagram(NamedTuple):
    """Send *data* to *destination* from the socket that the phone shares."""

    data: bytes
    destination: Address


class Request(NamedTuple):
    """Send *data* to the host of *url*, on the open connection if *reuse*."""

    url: Url
    data: bytes
    reuse: bool


class Finished(NamedTuple):
    """The boot is over; the phone's ``verdict`` says how."""


Effect = SendDatagram | Request | Finished


class Step(NamedTuple):
    """One line of a boot's time-line; ``at`` is seconds after its first datagram."""

    at: float
    what: str


class Verdict(NamedTuple):
    """How a boot ended and why, in words for the operator.

    ``reason`` ends a sentence and names no MAC, so that equal reasons can be counted;
    it is empty for a phone that booted.  ``seconds`` is how long it took.
    """

    outcome: Outcome
    reason: str
    seconds: float
    identities: tuple[str, ...] = ()


class Offer(NamedTuple):
    """The firmware that a phone was told to load, at *url*.

    ``loaded`` is whether it has it, or would have: an image of another server than that
    of its documents is not fetched.
    """

    url: str
    loaded: bool


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a phone waits, in seconds.

    ``notify_seconds`` from the first SUBSCRIBE to the NOTIFY (other vendors' phones
    wait 5, and four repetitions of the SUBSCRIBE need 7.5); ``file_seconds`` for each
    file, from the moment its connection is begun.
    """

    notify_seconds: float = 10.0
    file_seconds: float = 20.0


class _Wanted(NamedTuple):
    url: Url
    depth: int = 0
    optional: bool = False  # one of two names, either of which may be missing
    firmware: bool = False
    image: bool = False
    proofs: int = 0  # how often credentials were shown for it


class Phone:
    """One boot, from SUBSCRIBE (or from a URL given by hand) to the verdict."""

    __slots__ = (
        "_asked_at",
        "_cnonce",
        "_connection_open",
        "_deadline",
        "_fetching",
        "_files",
        "_interval",
        "_keep_alive",
        "_notify_answer",
        "_notify_data",
        "_notify_from",
        "_notify_tag",
        "_notify_transaction",
        "_patience",
        "_queue",
        "_read_paper",
        "_reader",
        "_resend_at",
        "_response",
        "_server",
        "_server_name",
        "_started",
        "_subscription",
        "_to_tag",
        "_unicast",
        "_url",
        "_user_agent",
        "_values",
        "credentials",
        "identity",
        "offer",
        "requests",
        "resends",
        "steps",
        "verdict",
    )

    def __init__(
        self,
        identity: Identity,
        *,
        subscription: Subscription | None = None,
        server: Address | None = None,
        multicast: bool = False,
        url: str = "",
        patience: Patience | None = None,
        keep_alive: bool = False,
        read: Callable[[bytes], document.Paper] = document.read,
        credentials: Credentials | None = None,
        cnonce: str = "0a4f113b",
    ) -> None:
        """Be *identity*, about to ask *server* by *subscription*, or to fetch *url*.

        With *multicast* the answers may come from anybody.  *read* is the reader of
        documents, which the phones of a fleet share.  *credentials* are those of an
        earlier boot, by which it answers a challenge with *cnonce*; afterwards
        ``credentials`` are those that it should show at the next, and ``offer`` is the
        firmware that it was told to load, None for none.
        """
        if (subscription is None or server is None) == (not url):
            raise ValueError("a phone has a subscription and a server, or a URL")
        self.identity = identity
        self.credentials = credentials
        self._cnonce = cnonce
        self.verdict: Verdict | None = None
        self.offer: Offer | None = None
        self.steps: list[Step] = []
        self.requests = 0
        self.resends = 0
        self._subscription = subscription
        self._server = server
        self._server_name = f"{server[0]}:{server[1]}" if server else ""
        self._unicast = not multicast
        self._url = url
        self._patience = patience or Patience()
        self._keep_alive = keep_alive
        self._read_paper = read
        self._user_agent = identity.http_user_agent
        self._started = 0.0
        self._resend_at = 0.0
        self._interval = T1
        self._deadline = 0.0
        self._to_tag = ""
        self._notify_data = b""
        self._notify_answer = b""
        self._notify_tag = ""
        self._notify_transaction: tuple[int, str] | None = None
        self._notify_from: Address | None = None
        self._queue: deque[_Wanted] = deque()
        self._files = 0
        self._fetching: _Wanted | None = None
        self._asked_at = 0.0
        self._reader: fetch.ResponseReader | None = None
        self._response: fetch.Response | None = None
        self._connection_open = False
        self._values: document.Values = {}

    def start(self, now: float) -> list[Effect]:
        """Begin the boot at *now* (seconds of a monotonic clock)."""
        self._started = now
        if self._url:
            self._step(now, f"its settings URL is {self._url}")
            return self._provision(self._url, now)
        assert self._subscription is not None
        assert self._server is not None
        self._resend_at = now + T1
        self._deadline = now + self._patience.notify_seconds
        self._step(now, f"SUBSCRIBE to {self._server_name}")
        return [SendDatagram(self._subscription.data, self._server)]

    def receive_datagram(
        self, data: bytes, source: Address, now: float
    ) -> list[Effect]:
        """Take one datagram from *source*."""
        if self._notify_data and data == self._notify_data:
            # Our 200 was lost: RFC 3261 section 17.2.2 sends it again.
            self._step(now, "the NOTIFY again; confirmed again")
            return [SendDatagram(self._notify_answer, source)]
        if self.verdict is not None:
            return []
        if self._unicast and source != self._server:
            self._step(now, f"ignored a datagram from {source[0]}:{source[1]}")
            return []
        if self._subscription is None:
            return []
        what = "SIP message"
        try:
            message = sip.read(data)
            if message.status:
                what = f"{message.status} to the SUBSCRIBE"
                return self._response_to_subscribe(message, source, now)
            what = message.method
            return self._notified(message, data, source, now)
        except ServerFault as fault:
            return self._fail(f"the {what} is wrong: {fault}", now)

    def request_begun(self, now: float) -> None:
        """Note that the connection for the last Request is begun: its time runs."""
        self._asked_at = now
        self._deadline = now + self._patience.file_seconds

    def receive_data(self, data: bytes, now: float) -> list[Effect]:
        """Take bytes of the answer to the last Request."""
        if self._fetching is None:
            return []
        url = self._fetching.url
        if self._response is not None:
            return self._fail(
                f"the answer to {self._shown(url)} goes on after its end", now
            )
        assert self._reader is not None
        try:
            response = self._reader.receive_data(data)
        except ServerFault as fault:
            return self._fail(
                f"the answer to {self._shown(url)} is wrong: {fault}", now
            )
        if response is None:
            if self._fetching.image:  # it takes minutes, while something comes
                self._deadline = now + self._patience.file_seconds
            return []
        if response.stays_open:
            if not self._keep_alive:
                # RFC 9112 section 9.6: who is asked to close must close, and say so.
                self._response = response
                return []
            self._connection_open = True
            return self._answered(response, now)
        self._response = response
        return []

    def receive_end(self, now: float) -> list[Effect]:
        """Take the end of the connection of the last Request."""
        self._connection_open = False
        if self._fetching is None:
            return []
        if self._response is not None:
            response, self._response = self._response, None
            return self._answered(response, now)
        assert self._reader is not None
        url = self._shown(self._fetching.url)
        return self._fail(f"the server hung up {self._reader.missing()} to {url}", now)

    def receive_failure(self, reason: str, now: float) -> list[Effect]:
        """Take that the last Request could not be sent; *reason* ends a sentence."""
        if self._fetching is None:
            return []
        return self._fail(f"{self._shown(self._fetching.url)}: {reason}", now)

    def next_timer(self) -> float | None:
        """Return when ``handle_timer`` is due, None when nothing is waited for."""
        if self.verdict is not None:
            return None
        if self._resend_at and not self._to_tag:
            return min(self._resend_at, self._deadline or self._resend_at)
        return self._deadline or None

    def handle_timer(self, now: float) -> list[Effect]:
        """Do what is due at *now*: repeat the SUBSCRIBE, or give up."""
        if self.verdict is not None:
            return []
        if self._deadline and now >= self._deadline:
            return self._gave_up(now)
        if not self._resend_at or self._to_tag or now < self._resend_at:
            return []
        assert self._subscription is not None
        assert self._server is not None
        self._interval = min(self._interval * 2, T2)
        self._resend_at = now + self._interval
        self.resends += 1
        self._step(now, "SUBSCRIBE again, no 200 yet")
        return [SendDatagram(self._subscription.data, self._server)]

    # The SIP half.

    def _response_to_subscribe(
        self, message: sip.Message, source: Address, now: float
    ) -> list[Effect]:
        assert self._subscription is not None
        shown = f"{source[0]}:{source[1]}"
        if message.status < 200:
            self._step(now, f"{message.status} from {shown}")
            return []
        if message.status != 200:
            return self._fail(f"the SUBSCRIBE was answered with {message.status}", now)
        tag = self._subscription.check_ok(message)
        if self._to_tag:
            if tag == self._to_tag:
                return []
            if self._unicast:
                raise ServerFault("its To tag differs from that of the 200 before it")
            self._step(now, f"a second server answered too: {shown}")
            return []
        self._step(now, f"200 OK from {shown}")
        if self._notify_tag and tag != self._notify_tag:
            if not self._unicast and source != self._notify_from:
                self._step(now, f"a second server answered too: {shown}")
                return []
            raise ServerFault("its To tag is not the From tag of the NOTIFY before it")
        self._to_tag = tag
        if self._notify_data and self._fetching is None and not self._queue:
            return self._settled(now)
        return []

    def _notified(
        self, message: sip.Message, data: bytes, source: Address, now: float
    ) -> list[Effect]:
        assert self._subscription is not None
        shown = f"{source[0]}:{source[1]}"
        if self._notify_data and source != self._notify_from:
            self._step(now, f"ignored the NOTIFY of a second server, {shown}")
            return []
        notification = self._subscription.check_notify(message, source)
        if self._notify_data:
            if notification.transaction == self._notify_transaction:
                raise ServerFault("it was repeated with other bytes")
            raise ServerFault("it is a second NOTIFY, but a fetch is told once")
        if self._to_tag and notification.from_tag != self._to_tag:
            raise ServerFault("its From tag is not the To tag of the 200")
        return self._told(notification, message, data, source, now)

    def _told(
        self,
        notification: Notification,
        message: sip.Message,
        data: bytes,
        source: Address,
        now: float,
    ) -> list[Effect]:
        assert self._subscription is not None
        self._notify_data = data
        self._notify_from = source
        self._notify_tag = notification.from_tag
        self._notify_transaction = notification.transaction
        self._notify_answer = self._subscription.answer_to(
            message, self.identity.sip_user_agent
        )
        self._deadline = 0.0
        self._step(now, f"NOTIFY: the settings are at {notification.url}; confirmed")
        answer = SendDatagram(self._notify_answer, source)
        return [answer, *self._provision(notification.url, now)]

    # The HTTP half.

    def _provision(self, text: str, now: float) -> list[Effect]:
        try:
            urls = first_requests(text, self.identity)
        except ServerFault as fault:
            return self._fail(f"the settings URL is wrong: {fault}", now)
        optional = len(urls) > 1
        self._queue.extend([_Wanted(url, optional=optional) for url in urls])
        return self._next_request(now)

    def _next_request(self, now: float) -> list[Effect]:
        if not self._queue:
            return self._all_fetched(now)
        wanted = self._queue.popleft()
        url = wanted.url
        if url.scheme not in ("http", "https"):
            return self._fail(
                f"{self._shown(url)} needs {url.scheme}, which this simulated phone "
                "does not speak: give it an http or https URL",
                now,
            )
        self._files += 1
        if self._files > MAX_WAVE_FILES:
            return self._fail(f"it was sent to more than {MAX_WAVE_FILES} files", now)
        return self._ask(wanted, now)

    def _ask(
        self, wanted: _Wanted, now: float, authorization: str = ""
    ) -> list[Effect]:
        """Send the request for *wanted*."""
        url = wanted.url
        reuse = self._connection_open and self._fetching_from(url)
        self._fetching = wanted
        self._reader = fetch.ImageReader() if wanted.image else fetch.ResponseReader()
        self._response = None
        self._connection_open = False
        self._asked_at = now
        self._deadline = 0.0
        self.requests += 1
        data = fetch.request(
            url,
            self._user_agent,
            keep_alive=self._keep_alive,
            authorization=authorization,
        )
        return [Request(url, data, reuse)]

    def _fetching_from(self, url: Url) -> bool:
        before = self._fetching.url if self._fetching else None
        return before is not None and before[:3] == url[:3]

    def _answered(self, response: fetch.Response, now: float) -> list[Effect]:
        wanted = self._fetching
        assert wanted is not None
        status = response.status
        took = (now - self._asked_at) * 1000
        size = len(response.content)
        if isinstance(self._reader, fetch.ImageReader):
            size = self._reader.size
        self._step(now, f"GET {wanted.url}: {status}, {size} bytes in {took:.1f} ms")
        shown = self._shown(wanted.url)
        if status in _REFUSALS:
            if status == 401 and b"www-authenticate" not in response.fields:
                return self._fail(f"the 401 to {shown} has no WWW-Authenticate", now)
            if status == 401 and self.credentials is not None:
                try:
                    again = self._challenged(wanted, response, now)
                except ServerFault as fault:
                    return self._fail(f"the 401 to {shown} is wrong: {fault}", now)
                if again:
                    return again
            return self._end(
                Outcome.REFUSED,
                f"the server answered {status} to {shown}: "
                + (
                    "its credentials were not taken; at Bootwave, bootwave device show "
                    "MAC tells why"
                    if wanted.proofs
                    else "no account is bound to the MAC, no window of it is open, its "
                    "certificate, credentials or token are missing or wrong, or a "
                    "limit was met; at Bootwave, bootwave device show MAC tells which"
                ),
                now,
            )
        if status == 404 and wanted.optional:
            return self._next_request(now)
        if status == 204 or (status == 304 and wanted.firmware):
            return self._next_request(now)
        if status == 503 and wanted.image:
            self._step(now, "the image has to wait; a phone asks again later")
            return self._next_request(now)
        if status != 200:
            return self._fail(f"{shown} was answered with {status}", now)
        try:
            return self._read(wanted, response.content, now)
        except ServerFault as fault:
            return self._fail(f"the document of {shown} is wrong: {fault}", now)

    def _challenged(
        self, wanted: _Wanted, response: fetch.Response, now: float
    ) -> list[Effect]:
        """Return the request that shows the phone's credentials; nothing to give up.

        They are shown once more when only the nonce was too old.
        """
        assert self.credentials is not None
        challenge = challenge_from(response.fields[b"www-authenticate"])
        if wanted.proofs > (1 if challenge.stale else 0):
            return []
        self._step(now, f"shows its credentials, by {challenge.scheme}")
        shown = authorization(
            challenge, self.credentials, wanted.url.target, self._cnonce
        )
        return self._ask(wanted._replace(proofs=wanted.proofs + 1), now, shown)

    def _read(self, wanted: _Wanted, content: bytes, now: float) -> list[Effect]:
        if wanted.firmware:
            firmware = document.read_firmware(content)
            if firmware:
                self._want_image(wanted.url, firmware, now)
            return self._next_request(now)
        if wanted.image:
            self._step(now, "the image is there; a phone restarts with it")
            assert self.offer is not None
            self.offer = self.offer._replace(loaded=True)
            return self._next_request(now)
        paper = self._read_paper(content)
        if paper.files:
            if wanted.depth >= MAX_WAVE_LIST_DEPTH:
                raise ServerFault(
                    f"lists of files are nested more than {MAX_WAVE_LIST_DEPTH} deep"
                )
            self._queue.extendleft(
                _Wanted(url_from(replaced(url, self.identity)), depth=wanted.depth + 1)
                for url in reversed(paper.files)
            )
        if paper.settings:
            self._values.update(paper.settings)
        return self._next_request(now)

    def _want_image(self, asked: Url, firmware: str, now: float) -> None:
        """Fetch the image at *firmware*, unless it is of another server than *asked*.

        A simulated phone burdens nobody else's.
        """
        url = url_from(replaced(firmware, self.identity))
        if url[:3] != asked[:3]:
            self._step(now, f"firmware is offered at {firmware}; not fetched")
            self.offer = Offer(firmware, loaded=True)
            return
        self._step(now, f"firmware is offered at {firmware}")
        self.offer = Offer(firmware, loaded=False)
        self._queue.append(_Wanted(url, image=True))

    def _all_fetched(self, now: float) -> list[Effect]:
        status_url = self._values.get(("firmware_status", ""), "")
        last = self._fetching
        already = last is not None and (last.firmware or last.image)
        if status_url and not already:
            try:
                url = url_from(replaced(status_url, self.identity))
            except ServerFault as fault:
                return self._fail(f"the setting firmware_status is wrong: {fault}", now)
            self._queue.append(_Wanted(url, firmware=True))
            return self._next_request(now)
        self._fetching = None
        unusable = document.why_unusable(self._values)
        if unusable:
            return self._fail(f"the settings {unusable}", now)
        return self._settled(now)

    def _settled(self, now: float) -> list[Effect]:
        if self._subscription is not None and not self._to_tag:
            # All documents are there, the 200 is not: it is still asked for.
            self._deadline = now + self._patience.notify_seconds
            return []
        return self._end(Outcome.BOOTED, "", now)

    # Ends.

    def _gave_up(self, now: float) -> list[Effect]:
        seconds = f"{self._patience.notify_seconds:g} s"
        if self._fetching is not None:
            shown = self._shown(self._fetching.url)
            if self._response is not None:
                return self._fail(
                    f"the server left the connection of {shown} open, although it was "
                    "asked to close it",
                    now,
                )
            return self._fail(
                f"{shown} was not answered within {self._patience.file_seconds:g} s",
                now,
            )
        if self._notify_data:
            return self._fail("a NOTIFY came, but never the 200 to the SUBSCRIBE", now)
        if self._to_tag:
            return self._end(
                Outcome.SILENT,
                f"{self._server_name} accepted the SUBSCRIBE but sent no NOTIFY within "
                f"{seconds}",
                now,
            )
        return self._end(
            Outcome.SILENT,
            f"{self._server_name} did not answer the SUBSCRIBE within {seconds}: no "
            "server listens there, the one that does knows nothing of the MAC, or what "
            "was sent was lost or comes too late",
            now,
        )

    def _fail(self, reason: str, now: float) -> list[Effect]:
        return self._end(Outcome.FAILED, reason, now)

    def _end(self, outcome: Outcome, reason: str, now: float) -> list[Effect]:
        names: tuple[str, ...] = ()
        if outcome is Outcome.BOOTED:
            names = tuple(document.identities(self._values))
        told = document.client_credentials(self._values)
        if told is not None:
            self.credentials = Credentials(*told)
        self._fetching = None
        self._queue.clear()
        self._values = {}  # the passwords are not needed any more
        self.verdict = Verdict(outcome, reason, now - self._started, names)
        self._step(now, outcome.value)
        return [Finished()]

    def _step(self, now: float, what: str) -> None:
        self.steps.append(Step(now - self._started, what))

    def _shown(self, url: Url) -> str:
        return str(url).replace(self.identity.mac_text, "{mac}")
