"""What must happen after bytes or time went into a connection."""

from dataclasses import dataclass, field

from bootwave.http.proxyprotocol import Proxied
from bootwave.http.request import Request
from bootwave.http.response import FileContent
from bootwave.sightings import Reason


@dataclass(frozen=True, slots=True)
class SendBytes:
    """Send *data*, all of it, then tell the connection how much is still unsent."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Decide on *request* and give the answer to ``HttpConnection.respond``."""

    request: Request


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Send no more, but go on reading: everything before this has been sent."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection; with *abort* also forget what the kernel still holds."""

    abort: bool = False


@dataclass(frozen=True, slots=True)
class SendFile:
    """Let others send *head* and behind it *file*, and close: nothing follows here."""

    head: bytes
    file: FileContent


@dataclass(frozen=True, slots=True)
class Note:
    """The peer broke a rule or a deadline.

    ``detail`` is a sentence of ours: it repeats nothing the peer sent, because a query
    or a header may hold a secret.
    """

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Introduce:
    """What follows is of the phone that *proxied* names, not of who connected."""

    proxied: Proxied


Effect = SendBytes | Deliver | HalfClose | Close | SendFile | Note | Introduce
