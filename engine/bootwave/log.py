"""The events an operator may act on: declared once, written without blocking.

An ``Event`` has an identifier (``package.what``), a level, a template and a sentence
that says what to do about it.  ``note`` logs one through the standard library, by
the logger of its package (``bootwave.server``), so an embedder's own logging works
unchanged.  What happens on each request is counted (``metrics``), not logged.

``start`` is for ``bootwave serve``: it takes over the root logger and writes console
or JSON lines to standard error.  Calls only put a record into a bounded queue, which
a thread empties: a terminal that is stopped or a pipe that is full cost lines, never
the event loop.  Lost lines are counted and announced as soon as there is room.

In a storm each event is written ``BURST`` times in ``PERIOD`` seconds; after that one
line says how many more it stands for.

Everything written may hold text of peers: control characters, line and paragraph
separators and direction overrides are escaped, and values are cut.
"""

import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bootwave.options import LogOptions

BURST = 5
PERIOD = 10.0
MAX_WAITING = 4096
MAX_VALUE_CHARACTERS = 256
MAX_MESSAGE_CHARACTERS = 2048
MAX_TRACEBACK_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of thing worth a line; ``template`` takes ``%(name)s`` values."""

    identifier: str
    level: int
    template: str
    advice: str

    @property
    def logger(self) -> logging.Logger:
        """The logger of the package the event belongs to."""
        return logging.getLogger(f"bootwave.{self.identifier.partition('.')[0]}")


EVENTS: dict[str, Event] = {}


def _event(identifier: str, level: int, template: str, advice: str) -> Event:
    event = Event(identifier, level, template, advice)
    if EVENTS.setdefault(identifier, event) is not event:
        raise ValueError(f"two events are called {identifier}")
    return event


CONTROL_PEER_REFUSED = _event(
    "control.peer_refused",
    logging.WARNING,
    "process %(pid)d of user %(uid)d was refused on the control socket",
    "Run commands as root or as the user the engine runs as.",
)
CONTROL_OPERATION_FAILED = _event(
    "control.operation_failed",
    logging.ERROR,
    "the operation %(op)s failed unexpectedly",
    "This is a fault of the program: report it with the traceback.",
)
CONTROL_ROLLOUTS_HELD_UP = _event(
    "control.rollouts_held_up",
    logging.WARNING,
    "roll-outs could not be carried on: %(error)s",
    "They go on by themselves when that is over; see bootwave rollout list.",
)
CAPACITY_NOT_STORED = _event(
    "control.capacity_not_stored",
    logging.WARNING,
    "what the server can take could not be stored (%(error)s)",
    "Phones are told what they were told before, and it is tried again in minutes; see "
    "that the disk is not full.",
)
CONTACTS_NOT_KEPT = _event(
    "control.contacts_not_kept",
    logging.WARNING,
    "when devices were heard could not be written down: %(error)s",
    "Until it goes on by itself devices cannot be sorted by it, and nothing is lost: "
    "see that the disk is not full and the directory can be written.",
)
CONTROL_REDIRECTION_HELD_UP = _event(
    "control.redirection_held_up",
    logging.WARNING,
    "redirections could not be carried on: %(error)s",
    "They go on by themselves when that is over; see bootwave redirection status.",
)
CONTROL_REDIRECTION_ELSEWHERE = _event(
    "control.redirection_elsewhere",
    logging.WARNING,
    "%(mac)s, which is bound here, was redirected to %(where)s by this account",
    "It is redirected here again; see who else has the account, and change its "
    "password with the vendor if nobody should.",
)
CONTROL_REDIRECTION_OWNED = _event(
    "control.redirection_owned",
    logging.WARNING,
    "%(mac)s, which is bound here, belongs to another user of the redirection service",
    "It does not come here by redirection: ask the vendor, or whoever sold it, to "
    "release it.  It is tried again a few times a day.",
)
CONTROL_REDIRECTION_REFUSED = _event(
    "control.redirection_refused",
    logging.ERROR,
    "the redirection service does not accept the account: %(words)s",
    "Set user name and password again with bootwave redirection set.",
)
CONTROL_REDIRECTION_AWAY = _event(
    "control.redirection_away",
    logging.WARNING,
    "the redirection service does not answer as it should: %(words)s",
    "It is tried again by itself; phones that are known are served all the same.",
)
CONTROL_REDIRECTION_BACK = _event(
    "control.redirection_back",
    logging.INFO,
    "the redirection service answers again",
    "Nothing needs to be done.",
)
CONTROL_REDIRECTION_UNLISTED = _event(
    "control.redirection_unlisted",
    logging.WARNING,
    "the redirection service does not list phones of the type %(type)s: %(words)s",
    "They are looked at one by one instead; those that come here and are bound nowhere "
    "are not found.",
)
CONTROL_REDIRECTION_DRIFT = _event(
    "control.redirection_drift",
    logging.WARNING,
    "the redirection service holds other than what was told to it: %(differing)d "
    "phones are gone or sent elsewhere, %(strays)d come here that are bound nowhere, "
    "of which %(taken)d are taken away",
    "The first are put right; bootwave redirection sync takes the others away.",
)
CONTROL_REDIRECTION_SKIPPED = _event(
    "control.redirection_skipped",
    logging.ERROR,
    "phones of the domain with id %(domain_id)d are not redirected: %(error)s",
    "Make its token anew with bootwave domain token make, or restore the key file.",
)
CONTROL_NOT_TRIMMED = _event(
    "control.not_trimmed",
    logging.WARNING,
    "old rows of the audit log could not be taken away (%(error)s)",
    "It is tried again within an hour; see that the disk is not full.",
)
CONTROL_IMPORT_NOT_NOTED = _event(
    "control.import_not_noted",
    logging.WARNING,
    "the audit log was not told how much an import stored that ended in the middle "
    "(%(error)s)",
    "What it stored is stored; see that the disk is not full.",
)
API_NOT_SERVED = _event(
    "control.api_not_served",
    logging.ERROR,
    "the API of administrators is not served: %(error)s",
    "Phones are served, and commands work; repair it: it is tried again by itself.",
)
API_NOT_ACCEPTED = _event(
    "control.api_not_accepted",
    logging.WARNING,
    "a connection to the API of administrators could not be accepted: %(error)s",
    "It is tried again each second; see what holds so many files open, or raise the "
    "limit (LimitNOFILE= of the unit).",
)
API_FAULT = _event(
    "control.api_fault",
    logging.ERROR,
    "a request of the API for %(path)s failed unexpectedly",
    "This is a fault of the program: report it with the traceback.",
)
API_SIGN_IN_REFUSED = _event(
    "control.api_sign_in_refused",
    logging.WARNING,
    "%(source)s tried to sign in with a wrong name or password",
    "If it happens often, somebody guesses: see that control.listen is reached only by "
    "those who need it.",
)
API_ANSWER_NOT_KEPT = _event(
    "control.api_answer_not_kept",
    logging.WARNING,
    "the answer to a request with an idempotency key could not be kept: %(error)s",
    "The change was made; whoever sends the request again is told so.",
)
API_USE_NOT_NOTED = _event(
    "control.api_use_not_noted",
    logging.WARNING,
    "that a token or session was used could not be written down: %(error)s",
    "It works all the same; see that the disk is not full.",
)
PNP_LISTENING = _event(
    "server.pnp_listening",
    logging.INFO,
    "phones are heard on %(interfaces)s",
    "If one is missing, see that it is up and has an IPv4 address.",
)
PNP_WARNING = _event(
    "server.pnp_warning",
    logging.WARNING,
    "plug and play: %(warning)s",
    "Plug and play works only in part until this is repaired.",
)
PNP_DROPPED = _event(
    "server.pnp_dropped",
    logging.WARNING,
    "%(datagrams)d datagrams of phones were dropped because too many were waiting",
    "The phones ask again; if it happens often, allow a larger net.core.rmem_max.",
)
PNP_STALE = _event(
    "server.pnp_stale",
    logging.WARNING,
    "%(datagrams)d datagrams of phones had waited for more than %(seconds)g seconds "
    "and were dropped unread",
    "Whoever still waited has asked again and was answered first; if it happens often, "
    "see what keeps the program from running.",
)
PNP_FAULT = _event(
    "server.pnp_fault",
    logging.ERROR,
    "plug and play did not finish %(work)s",
    "This is a fault of the program: report it with the traceback.",
)
TLS_EXPIRED = _event(
    "server.tls_expired",
    logging.WARNING,
    "the certificate of %(mac)s has expired and was accepted (https.expired)",
    "It proves the phone all the same; https.expired = refuse ends that.",
)
CERTIFICATE_WARNING = _event(
    "control.certificate_warning",
    logging.WARNING,
    "certificates: %(warning)s",
    "bootwave tls check shows all of them; send HUP after a file was replaced.",
)
TLS_KEPT = _event(
    "server.tls_kept",
    logging.ERROR,
    "the certificates stay as they were: %(error)s",
    "Repair the file and send HUP again.",
)
SERVER_REQUEST_FAILED = _event(
    "server.request_failed",
    logging.ERROR,
    "a request from %(source)s could not be answered",
    "This is a fault of the program: report it with the traceback.",
)
SERVER_CONNECTION_FAILED = _event(
    "server.connection_failed",
    logging.ERROR,
    "a connection from %(source)s was dropped because of an unexpected error",
    "This is a fault of the program: report it with the traceback.",
)
SERVER_OUT_OF_DESCRIPTORS = _event(
    "server.out_of_descriptors",
    logging.WARNING,
    "no connection can be accepted for now: %(error)s",
    "Raise the limit of open files (LimitNOFILE) above http.connections.",
)
WORKER_STOOD_STILL = _event(
    "control.worker_stood_still",
    logging.WARNING,
    "worker process %(pid)s stood still with a document in hand that was closed, and "
    "was killed",
    "Another is started; see what stopped it (SIGSTOP, a debugger, a starved core).",
)
STORE_IMAGE_LEFT = _event(
    "store.image_left",
    logging.WARNING,
    "the file %(sha256)s, which no image has any more, is left in the directory of "
    "images: %(error)s",
    "No phone is told of it; delete it in store.images while no image is uploaded.",
)
PROVISION_STORE_AWAY = _event(
    "provision.store_away",
    logging.ERROR,
    "phones are refused because the store does not answer: %(error)s",
    "Look at the disk and the permissions of the database.",
)
PROVISION_NOT_MADE = _event(
    "provision.not_made",
    logging.ERROR,
    "the document of %(mac)s cannot be made: %(error)s",
    "Set again what the message names.",
)
PROVISION_ENUMERATION = _event(
    "provision.enumeration",
    logging.WARNING,
    "some %(misses)d MACs were asked for in %(seconds)d seconds by who proved to be "
    "none of them, lately %(mac)s by %(source)s",
    "Somebody may be finding out which phones exist: see who asks from there.  What is "
    "refused is slowed; limits.misses and limits.run_misses say from when on.",
)
SIGHTINGS_NOT_WRITTEN = _event(
    "store.sightings_not_written",
    logging.WARNING,
    "what phones do is not written down: %(error)s",
    "Repair what it says; a while of it waits in memory, then it is lost and counted.",
)
SIGHTINGS_PUT_ASIDE = _event(
    "store.sightings_put_aside",
    logging.WARNING,
    "the sightings file %(path)s %(why)s: it is %(aside)s now, and a new one begins",
    "Delete the old one when nobody wants to look at it.",
)
SIGHTINGS_NOT_RESIZED = _event(
    "store.sightings_not_resized",
    logging.WARNING,
    "the sightings file %(path)s keeps its former bounds: %(error)s",
    "Make room on the disk; the next start tries again.",
)
START_WARNING = _event(
    "server.start_warning",
    logging.WARNING,
    "%(warning)s",
    "The engine runs, but not all of what the options ask for works.",
)
KEY_MISSING = _event(
    "server.key_missing",
    logging.ERROR,
    "secrets are sealed with %(keys)s, which store.key does not hold",
    "Phones are refused what they are in: put the line of that key back.",
)
TOO_FEW_DESCRIPTORS = _event(
    "server.too_few_descriptors",
    logging.WARNING,
    "a worker holds %(fit)d connections at most, not the %(wanted)d of "
    "http.connections, because it may open no more files",
    "Raise the hard limit of open files (LimitNOFILE in systemd).",
)
RELOADED = _event(
    "server.reloaded",
    logging.INFO,
    "the options were read again and every process replaced",
    "Nothing is to be done.",
)
NEXT_START = _event(
    "server.next_start",
    logging.WARNING,
    "%(key)s was changed, which a running engine cannot follow",
    "Restart the engine; until then it keeps what it started with.",
)
START_FAILED = _event(
    "server.start_failed",
    logging.ERROR,
    "a process of the engine cannot start: %(error)s",
    "Repair what the message names; the engine tries again.",
)
CHILD = _event(
    "server.child",
    logging.WARNING,
    "%(what)s",
    "Phones go on being served; if it happens often, report it with the log.",
)
RELOAD_REFUSED = _event(
    "server.reload_refused",
    logging.ERROR,
    "the options were not read again: %(error)s",
    "The engine goes on with the options it has; repair the file and send HUP again.",
)
LOG_DROPPED = _event(
    "log.dropped",
    logging.WARNING,
    "%(lines)d log lines were lost because they could not be written in time",
    "Look at what reads the log: it is too slow or was stopped.",
)


class _Limiter:
    """Decides which notes are written and how many others each stands for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Per event: when its period began, written in it, held back, last values.
        self._state: dict[Event, tuple[float, int, int, dict[str, Any]]] = {}

    def admit(self, event: Event, values: dict[str, Any], now: float) -> int | None:
        """Return how many more this note stands for, or None to hold it back."""
        with self._lock:
            began, written, held, _ = self._state.get(event, (now, 0, 0, values))
            if now - began >= PERIOD:
                self._state[event] = (now, 1, 0, values)
                return held
            if written < BURST:
                self._state[event] = (began, written + 1, held, values)
                return 0
            self._state[event] = (began, written, held + 1, values)
            return None

    def overdue(self, now: float) -> Iterator[tuple[Event, dict[str, Any], int]]:
        """Yield what was held back in periods that are over: event, values, more."""
        with self._lock:
            over = [
                (event, values, held)
                for event, (began, _, held, values) in self._state.items()
                if held and now - began >= PERIOD
            ]
            for event, _, _ in over:
                del self._state[event]
        # The line itself is one of those it speaks for.
        yield from ((event, values, held - 1) for event, values, held in over)


_limiter = _Limiter()


def note(
    event: Event, *, exception: BaseException | None = None, **values: Any
) -> None:
    """Log *event* with the *values* of its template; *exception* adds a traceback.

    Values must be plain (texts, numbers): they are formatted later, by a thread.
    """
    if event.logger.isEnabledFor(event.level):
        more = _limiter.admit(event, values, time.monotonic())
        if more is not None:
            _log(event, values, more, exception)


def _log(
    event: Event,
    values: dict[str, Any],
    more: int,
    exception: BaseException | None = None,
) -> None:
    # A mapping as the only argument is what "%(name)s" templates are filled from.
    arguments = (values,) if values else ()
    told = {"bootwave": (event, values, more)}
    event.logger.log(
        event.level, event.template, *arguments, exc_info=exception, extra=told
    )


_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff]"
)


def escaped(text: str, limit: int = MAX_VALUE_CHARACTERS) -> str:
    """Return *text* as one line without characters that could forge or hide one.

    They are spelled as ``\\x1b`` or ``\\u2028``; the result is cut to *limit*.
    """
    if len(text) > limit:
        text = text[:limit] + "…"
    return _UNSAFE.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class _Handler(logging.Handler):
    """Puts records into a bounded queue and writes them from a thread."""

    def __init__(
        self, descriptor: int, threaded: bool, dropped: Callable[[int], None]
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(MAX_WAITING)
        self._count_dropped = dropped
        self._dropped = 0  # by any thread, under the lock of logging.Handler
        self._told = 0  # of those, how many were announced
        self._stopping = False
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(
                target=self._run, name="bootwave-log", daemon=True
            )
            self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue *record*, or count it as lost."""
        if self._thread is None:
            self._write(record)
            return
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1
            self._count_dropped(1)

    def stop(self, seconds: float) -> None:
        """Write what waits, for at most *seconds*."""
        if self._thread is not None:
            self._stopping = True
            try:
                self._queue.put_nowait(None)  # wakes the thread if it sleeps
            except queue.Full:
                pass
            self._thread.join(seconds)

    def _run(self) -> None:
        while not (self._stopping and self._queue.empty()):
            try:
                record = self._queue.get(timeout=1.0)
            except queue.Empty:
                record = None
            if record is not None:
                self._write(record)
            lines = self._dropped - self._told
            if lines and self._queue.empty():
                self._told += lines
                _log(LOG_DROPPED, {"lines": lines}, 0)
            for event, values, more in _limiter.overdue(time.monotonic()):
                _log(event, values, more)

    def _write(self, record: logging.LogRecord) -> None:
        try:
            data = (self.format(record) + "\n").encode(errors="backslashreplace")
            while data:  # whole lines, so that processes do not mix within one
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._count_dropped(1)  # standard error is gone: nobody can be told
        except Exception:
            self.handleError(record)


_handler: _Handler | None = None


def start(
    options: LogOptions,
    *,
    process: str = "",
    threaded: bool = True,
    descriptor: int = 2,
    dropped: Callable[[int], None] = lambda lines: None,
) -> None:
    """Send every log record of this process to *descriptor*, named *process*.

    Call it once in each process, after fork, since threads do not survive one; with
    *threaded* off (a supervisor must not have threads) lines are written at once.
    *dropped* is told how many lines were lost.
    """
    global _handler
    _handler = _Handler(descriptor, threaded, dropped)
    _handler.setFormatter(_formatter(options, process, os.isatty(descriptor)))
    root = logging.getLogger()
    root.handlers[:] = [_handler]
    root.setLevel(logging.WARNING)  # what libraries say
    logging.getLogger("bootwave").setLevel(options.level.upper())


def stop(seconds: float = 2.0) -> None:
    """Write what waits, for at most *seconds*, and log no more."""
    global _handler
    if _handler is not None:
        _handler.stop(seconds)
        logging.getLogger().removeHandler(_handler)
        _handler = None


def _formatter(options: LogOptions, process: str, colors: bool) -> logging.Formatter:
    # Here and not above: structlog takes 130 ms to import, and only serve needs it.
    import structlog

    renderer: structlog.typing.Processor
    if options.format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json)
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=colors,
            exception_formatter=structlog.dev.plain_traceback,
            sort_keys=False,
            pad_event_to=0,
        )

    def facts(
        _logger: Any, _method: str, found: MutableMapping[str, Any]
    ) -> dict[str, Any]:
        # The formatter has taken message and exception out of its record.
        return _facts(
            found["_record"],
            found["event"],
            found.get("exc_info"),
            process,
            as_json=options.format == "json",
        )

    return structlog.stdlib.ProcessorFormatter(processors=[facts, renderer])


def _json(value: Any, **_: Any) -> str:
    import orjson

    return orjson.dumps(value).decode()


def _facts(
    record: logging.LogRecord,
    message: str,
    exc_info: Any,
    process: str,
    *,
    as_json: bool,
) -> dict[str, Any]:
    """Return what is written of *record*, everything escaped and cut."""
    at = datetime.fromtimestamp(record.created, UTC)
    found: dict[str, Any] = {
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": escaped(message, MAX_MESSAGE_CHARACTERS),
    }
    if process:
        found["process"] = process
    event, values, more = getattr(record, "bootwave", (None, {}, 0))
    if event is not None:
        # Sentences of errors end with a full stop, to which more is added here.
        found["event"] = found["event"].removesuffix(".")
        if more:
            found["event"] += f" (stands for {more} more)"
        if as_json:
            found["id"] = event.identifier
            found["advice"] = event.advice
            found["more"] = more
            for name, value in values.items():
                plain = isinstance(value, int | float)
                found.setdefault(name, value if plain else escaped(str(value)))
        elif event.level >= logging.WARNING:
            # Some end with a question: did you mean ...?
            stop = "" if found["event"].endswith("?") else "."
            found["event"] += f"{stop} {event.advice}"
    if exc_info and exc_info[0] is not None:
        text = logging.Formatter().formatException(exc_info)
        lines = text[-MAX_TRACEBACK_CHARACTERS:].splitlines()
        clean = [escaped(line, MAX_MESSAGE_CHARACTERS) for line in lines]
        # On the console each is indented: none can look like a line of the log.
        found["exception"] = "\n".join(
            clean if as_json else [f"    {line}" for line in clean]
        )
    return found
