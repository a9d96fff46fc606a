"""Transactions of the SUBSCRIBE and of the NOTIFY (RFC 3261 section 17)."""

from typing import NamedTuple

from bootwave.native.pnp import names
from bootwave.native.sip import Message
from bootwave.sip.effects import Endpoint

T1_SECONDS = 0.5  # section 17.1.1.1: estimate of the round trip
T2_SECONDS = 4.0  # longest interval between retransmissions
T4_SECONDS = 5.0  # how long the network may keep a datagram
# Timer E: T1, then twice as long each time up to T2 (section 17.1.2.2).
TIMER_E_SECONDS = (T1_SECONDS, 2 * T1_SECONDS, 4 * T1_SECONDS, T2_SECONDS)
TIMER_F_SECONDS = 64 * T1_SECONDS  # the NOTIFY is given up
TIMER_J_SECONDS = 64 * T1_SECONDS  # the 200 is repeated for retransmissions
TIMER_K_SECONDS = T4_SECONDS  # repeated answers to the NOTIFY are absorbed


class Names(NamedTuple):
    """What one SUBSCRIBE transaction is called, inside and on the wire."""

    key: bytes
    to_tag: bytes
    branch: bytes


def names_from_subscribe(message: Message, source: Endpoint, key: bytes) -> Names:
    """Return the names of the transaction that *message* from *source* belongs to.

    They are one hash under *key* (native.pnp.names_key), so a retransmission finds the
    same tag and branch without anything having been stored, and nobody else can guess
    them: 64 bits each of SipHash-2-4, which is pseudo-random to whoever lacks the key.

    Section 17.2.3 matches by branch, sent-by and method, or without the magic cookie by
    Request-URI, From tag, Call-ID, CSeq and topmost Via.  A retransmission is the same
    datagram, so everything of both rules is hashed, with the source: then a phone that
    uses one branch for two requests still gets two answers.
    """
    fields = (
        source.host.encode(),
        b"%d" % source.port,
        message.request_uri,
        message.vias[0],
        message.from_tag,
        message.call_id,
        b"%d" % message.cseq_number,
    )
    # No field holds a line feed, so joined fields cannot be mistaken for others.
    found = names(key, b"\n".join(fields))
    text = found.hex().encode()
    # Section 8.1.1.7: the cookie says that the branch is unique.
    return Names(found, text[:16], b"z9hG4bK" + text[16:])


def reply_destination(message: Message, source: Endpoint) -> Endpoint:
    """Return where answers to the request *message* from *source* go.

    Always to the address it came from, never to maddr, sent-by or Contact, which a
    liar would fill with a victim's.  The port is the source's when rport asks for it
    (RFC 3581 section 4), else that of sent-by (RFC 3261 section 18.2.2).
    """
    if message.has_rport:
        return source
    return Endpoint(source.host, message.sent_by_port or 5060)


def is_notify_answer(
    response: Message, source: Endpoint, host: str, call_id: bytes
) -> bool:
    """Whether *response*, found by its branch, answers our NOTIFY.

    Section 17.1.3 asks for branch and method.  *call_id*, and the *host* the NOTIFY
    went to, keep others from speaking for the phone; more than one Via means that it
    was meant for somebody else (section 8.1.3.3).
    """
    return (
        response.cseq_method == b"NOTIFY"
        and response.cseq_number == 1
        and response.call_id == call_id
        and source.host == host
        and len(response.vias) == 1
    )
