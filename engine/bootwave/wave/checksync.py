"""The NOTIFY that has a live phone fetch again, judged and answered, without sockets.

RFC 6665 section 4.2.2 and what snom phones take: outside of any dialog, Event
``check-sync`` with ``reboot``, no body.  As strict as everything here: each check
raises ServerFault, whose text ends a sentence that begins with the message.
"""

from typing import NamedTuple

from bootwave.errors import ServerFault
from bootwave.wave import sip

PACKAGE = "check-sync"
_COOKIE = "z9hG4bK"


class CheckSync(NamedTuple):
    """What a NOTIFY asked for, which call it is of, and the 200 that confirms it."""

    reboot: bool
    call_id: str
    answer: bytes


def check_sync_from(
    data: bytes, source: tuple[str, int], local: tuple[str, int]
) -> CheckSync:
    """Return what the NOTIFY *data* from *source*, heard at *local*, asks for.

    Raises ServerFault with the first thing that is wrong.
    """
    message = sip.read(data)
    if message.method != "NOTIFY":
        raise ServerFault(f"it is a {message.method or 'response'}, not a NOTIFY")
    _scheme, _, where = message.request_uri.partition(":")
    if where.rpartition("@")[2] != f"{local[0]}:{local[1]}":
        raise ServerFault(
            f"its Request-URI is {message.request_uri[:80]!r}, not the phone's address"
        )
    via = message.one("via")
    protocol, _, rest = via.partition(" ")
    sent_by, _, parameters = rest.partition(";")
    branch = sip.parameters_of(f";{parameters}").get("branch", "")
    if protocol != "SIP/2.0/UDP" or sent_by != f"{source[0]}:{source[1]}":
        raise ServerFault(
            f"its Via is {via[:80]!r}, but it came from {source[0]}:{source[1]}"
        )
    if not branch.startswith(_COOKIE) or not sip.is_token(branch):
        raise ServerFault(f"its Via has the branch {branch[:40]!r}")
    if not 0 < sip.number_of(message.one("max-forwards"), "Max-Forwards") < 256:
        raise ServerFault(f"its Max-Forwards is {message.one('max-forwards')}")
    if not sip.address_of(message.one("from"))[1].get("tag"):
        raise ServerFault("its From has no tag")
    if sip.address_of(message.one("to"))[1]:
        raise ServerFault("its To has parameters, but it begins no dialog")
    if sip.cseq_of(message.one("cseq"))[1] != "NOTIFY":
        raise ServerFault(f"its CSeq is {message.one('cseq')[:40]!r}")
    sip.address_of(message.one("contact"))
    if message.one("subscription-state").partition(";")[0] != "terminated":
        raise ServerFault("its Subscription-State is not terminated")
    if message.body:
        raise ServerFault("it has a body")
    package, _, more = message.one("event").partition(";")
    reboot = sip.parameters_of(f";{more}").get("reboot") if more else None
    if package != PACKAGE or reboot not in ("true", "false"):
        raise ServerFault(f"its Event is {message.one('event')[:40]!r}")
    call_id = message.one("call-id")
    received = f"{via};received={source[0]}".replace(";rport", f";rport={source[1]}", 1)
    answer = (
        f"SIP/2.0 200 OK\r\nVia: {received}\r\n"
        f"From: {message.one('from')}\r\n"
        f"To: {message.one('to')};tag=phone\r\n"
        f"Call-ID: {call_id}\r\nCSeq: {message.one('cseq')}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()
    return CheckSync(reboot == "true", call_id, answer)
