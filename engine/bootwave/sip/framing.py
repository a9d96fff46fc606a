"""SIP messages out of a stream, such as TCP and TLS carry (RFC 3261 section 18.3).

A message ends where its Content-Length says, which a stream cannot do without.  CRLFs
before a message are keep-alives (RFC 5626 section 3.5.1) and are passed over.
"""

import re

from bootwave.errors import LimitExceeded, SipSyntaxError
from bootwave.limits import MAX_SIP_DATAGRAM_BYTES

_GAP = b"\r\n\r\n"
_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*(?=\r\n)", re.I
)


class StreamFramer:
    """Cuts what one peer sends into messages; after it raised there is no more to cut.

    It never holds more than MAX_SIP_DATAGRAM_BYTES, which is what a message may have:
    the parser takes no more either.
    """

    def __init__(self) -> None:
        """Begin where a message may."""
        self._held = bytearray()

    def receive_data(self, data: bytes) -> list[bytes]:
        """Return the messages that *data* completes, whole and in order.

        Raises SipSyntaxError for a message whose end cannot be known, and LimitExceeded
        for one that is too long.
        """
        messages: list[bytes] = []
        self._held += data
        while True:
            del self._held[: len(self._held) - len(self._held.lstrip(b"\r\n"))]
            end = self._end()
            if end is None:
                return messages
            messages.append(bytes(self._held[:end]))
            del self._held[:end]

    def _end(self) -> int | None:
        """Return where the message that stands first ends, None when more must come."""
        head = self._held.find(_GAP, 0, MAX_SIP_DATAGRAM_BYTES)
        if head < 0:
            self._check(len(self._held))
            return None
        lengths = set(_LENGTH.findall(self._held, 0, head + len(_GAP)))
        if len(lengths) != 1:
            raise SipSyntaxError(
                "a message in a stream needs one Content-Length", offset=head
            )
        end = head + len(_GAP) + int(lengths.pop())
        self._check(end)
        return end if end <= len(self._held) else None

    def _check(self, size: int) -> None:
        if size > MAX_SIP_DATAGRAM_BYTES:
            raise LimitExceeded(
                f"a message in a stream has at most {MAX_SIP_DATAGRAM_BYTES} bytes",
                limit=MAX_SIP_DATAGRAM_BYTES,
            )
