"""Builders of what is sent: the 200 to a SUBSCRIBE, and the NOTIFY."""

import re

from bootwave.native.sip import Message
from bootwave.sip.effects import Endpoint, Local
from bootwave.sip.event import echoed_event

# RFC 3261 section 19.1.1 without what a Request-URI must not hold: a password, which
# would be a secret repeated in clear, and headers.
_CONTACT = re.compile(
    rb"sip:(?:[A-Za-z0-9._~!$&*+=%-]{1,64}@)?"
    rb"(?:[A-Za-z0-9.-]{1,128}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?"
    rb"(?:;[A-Za-z0-9._+%-]{1,32}(?:=[A-Za-z0-9._+%:-]{1,64})?){0,8}",
    re.IGNORECASE,
)
# The bytes an absolute URI consists of (RFC 3986), and the braces of {mac}.
_URL = re.compile(r"[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%{}-]+")


def host_in_uri(address: str) -> str:
    """Return *address* as the host of a URI: IPv6 in brackets, without its zone.

    RFC 3261 section 25.1 has no zone: it means nothing on another machine.
    """
    return f"[{address.partition('%')[0]}]" if ":" in address else address


def checked_url(url: str) -> bytes:
    """Return *url* as the body of a NOTIFY; raises ValueError for what is no URL."""
    if not _URL.fullmatch(url):
        raise ValueError(f"not a URL that a phone can be told: {url!r}")
    return url.encode("ascii")


def contact_header(local: Local, port: int) -> bytes:
    """Return our Contact for a dialog heard at *local*."""
    return f"Contact: <sip:{host_in_uri(local.address)}:{port}>\r\n".encode("ascii")


def echoed_bytes(request: Message) -> int:
    """Return how many bytes of *request* its answers repeat: Vias, dialog, Call-ID."""
    dialog = len(request.from_) + len(request.to) + len(request.call_id)
    return dialog + sum(len(via) for via in request.vias)


def ok(
    request: Message, to_tag: bytes, source: Endpoint, local: Local, port: int
) -> bytes:
    """Return the 200 to the SUBSCRIBE *request*.

    The subscription is over with its one NOTIFY, so ``Expires`` is 0, which is never
    above what was asked (RFC 6665 section 4.2.1.1).  *port* is ours.
    """
    first, *others = request.vias
    first = request.answered_via(source.host.encode("ascii"), source.port)
    return b"".join(
        (
            b"SIP/2.0 200 OK\r\n",
            *(b"Via: %s\r\n" % via for via in (first, *others)),
            b"From: %s\r\n" % request.from_,
            b"To: %s;tag=%s\r\n" % (request.to, to_tag),
            b"Call-ID: %s\r\n" % request.call_id,
            b"CSeq: %d SUBSCRIBE\r\n" % request.cseq_number,
            contact_header(local, port),
            b"Expires: 0\r\nContent-Length: 0\r\n\r\n",
        )
    )


def notify(
    request: Message,
    *,
    from_tag: bytes,
    branch: bytes,
    url: str,
    destination: Endpoint,
    local: Local,
    port: int,
) -> bytes:
    """Return the NOTIFY that ends the subscription *request* and carries *url*.

    RFC 6665 section 4.2.2: the dialog seen from our side, so From is the phone's To
    with our tag and To is its From.  The Request-URI is the phone's Contact when that
    is one, else its *destination*.  Raises ValueError when *url* is none.
    """
    body = checked_url(url)
    target = request.contact_uri
    if not _CONTACT.fullmatch(target):
        host = host_in_uri(destination.host)
        target = f"sip:{host}:{destination.port}".encode("ascii")
    via = f"SIP/2.0/UDP {host_in_uri(local.address)}:{port}".encode("ascii")
    return b"".join(
        (
            b"NOTIFY %s SIP/2.0\r\n" % target,
            b"Via: %s;branch=%s;rport\r\n" % (via, branch),
            b"Max-Forwards: 70\r\n",
            b"From: %s;tag=%s\r\n" % (request.to, from_tag),
            b"To: %s\r\n" % request.from_,
            b"Call-ID: %s\r\n" % request.call_id,
            b"CSeq: 1 NOTIFY\r\n",
            contact_header(local, port),
            b"Event: %s\r\n" % echoed_event(request),
            b"Subscription-State: terminated;reason=timeout\r\n",
            b"Content-Type: application/url\r\n",
            b"Content-Length: %d\r\n\r\n" % len(body),
            body,
        )
    )
