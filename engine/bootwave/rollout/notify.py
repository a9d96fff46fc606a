"""The NOTIFY that has a phone fetch its settings again, outside of any dialog.

``Event: check-sync;reboot=false`` reads settings again, and reboots only where a
changed setting needs it; ``reboot=true`` reboots.  Phones take it without having
subscribed (RFC 6665 section 4.4.4 frowns on that; every PBX does it).  It has no body.
``Event: reboot`` is what firmware knows that has no check-sync.
"""

from dataclasses import dataclass
from typing import NamedTuple

from bootwave.rollout.plan import Action
from bootwave.rollout.resolving import Target
from bootwave.sip.effects import Endpoint
from bootwave.sip.message import host_in_uri

METHOD = b"NOTIFY"
# In the order in which they are tried: the next for a phone that knows no such event.
EVENTS: dict[Action, tuple[str, ...]] = {
    "resync": ("check-sync;reboot=false",),
    "reboot": ("check-sync;reboot=true", "reboot"),
    # A phone asks for its firmware when it starts.
    "firmware": ("check-sync;reboot=true", "reboot"),
}


class Attempt(NamedTuple):
    """Which NOTIFY to a phone: the roll-out, and the wall-clock second it was told.

    A phone that is told once more has an answer to each, and only one counts.
    """

    rollout: int
    told_at: float


class Addressee(NamedTuple):
    """Whom a NOTIFY is for, and where it goes.

    ``number`` is an account of the phone ("" for none) in ``domain``.  ``target`` is
    the phone itself, or the proxy that knows where it is.
    """

    mac: int
    action: Action
    number: str
    domain: str
    target: Target
    is_proxy: bool
    attempt: Attempt

    @property
    def request_uri(self) -> str:
        """The Request-URI: the phone at its address, or as the proxy knows it."""
        if self.is_proxy:
            return f"sip:{self.number}@{self.domain}"
        user = f"{self.number}@" if self.number else ""
        return f"sip:{user}{host_in_uri(self.target.host)}:{self.target.port}"


@dataclass(frozen=True, slots=True)
class Names:
    """What one NOTIFY is called: fresh and not to be guessed."""

    branch: str
    tag: str
    call_id: str


def notify(
    to: Addressee,
    names: Names,
    cseq: int,
    sent_by: Endpoint,
    event: str,
    authorization: tuple[bytes, bytes] | None = None,
) -> bytes:
    """Return the NOTIFY of *event* to *to*, answers to which come to *sent_by*.

    In a stream they come back in it, and *sent_by* only says who we are.
    *authorization* is name and value of the field that answers a challenge.
    """
    transport = to.target.transport
    parameter = "" if transport == "udp" else f";transport={transport}"
    uri = to.request_uri
    address = f"{host_in_uri(sent_by.host)}:{sent_by.port}"
    domain = to.domain or host_in_uri(sent_by.host)
    about = f"sip:{to.number}@{domain}" if to.number else uri
    head = (
        f"NOTIFY {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/{transport.upper()} {address};branch={names.branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:bootwave@{domain}>;tag={names.tag}\r\n"
        f"To: <{about}>\r\n"
        f"Call-ID: {names.call_id}\r\n"
        f"CSeq: {cseq} NOTIFY\r\n"
        f"Contact: <sip:bootwave@{address}{parameter}>\r\n"
        f"Event: {event}\r\n"
        "Subscription-State: terminated\r\n"
    ).encode("ascii")
    proof = b"%b: %b\r\n" % authorization if authorization else b""
    return head + proof + b"Content-Length: 0\r\n\r\n"
