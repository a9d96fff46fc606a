"""What is counted, named once, in memory that all processes share.

The supervisor makes one ``CounterPage`` before it forks; each process counts in its
own row, so that processes do not fight for a cache line, and anybody may read the sum.
Counters only grow and survive the process that counted: a worker that is replaced
goes on in the row of its slot.
"""

import mmap
from enum import UNIQUE, IntEnum, verify

from bootwave.native.counters import Counters

_LINE = 8  # counters in one cache line of 64 bytes


@verify(UNIQUE)
class Counter(IntEnum):
    """One thing counted; ``help`` says what one is."""

    help: str

    def __new__(cls, number: int, help: str) -> "Counter":
        """Make the member *number* with its sentence."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.help = help
        return member

    SIP_DATAGRAMS = 0, "SIP datagrams received"
    SIP_REFUSED = 1, "SIP datagrams that were not for this server or not SIP"
    SIP_ANSWERS = 2, "SIP responses sent"
    SIP_NOTIFIES = 3, "NOTIFYs sent, with their retransmissions"
    SIP_DROPPED = 4, "SIP datagrams dropped because too much was waiting"
    HTTP_CONNECTIONS = 5, "HTTP connections accepted"
    HTTP_CROWDED_OUT = 6, "HTTP connections closed because the table was full"
    HTTP_TIMEOUTS = 7, "HTTP connections closed because a deadline passed"
    HTTP_REQUESTS = 8, "HTTP requests answered"
    HTTP_REFUSED = 9, "HTTP requests that were not HTTP this server accepts"
    DOCUMENTS = 10, "documents given, of every kind"
    DOCUMENTS_SECRET = 11, "documents with secrets given"
    DOCUMENTS_REFUSED = 12, "requests for documents answered with 401"
    CACHE_HITS = 13, "documents found in the cache"
    CACHE_MISSES = 14, "documents fetched from the store"
    CACHE_EVICTIONS = 15, "documents dropped from the cache to keep its bound"
    STORE_FAILURES = 16, "reads or writes of the store that failed"
    SIGHTINGS_DROPPED = 17, "sightings dropped because too many were waiting"
    LOG_DROPPED = 18, "log lines dropped because too many were waiting"
    HTTP_FAILED = 19, "HTTP requests answered with 500 or 503 because of an error here"
    HTTP_ACCEPT_PAUSES = 20, "pauses in accepting because descriptors or places ran out"
    SIP_UNSENT = 21, "SIP datagrams that the kernel refused to send"
    SIP_FAULTS = 22, "pieces of SIP work given up because of a fault"
    SIP_STALE = 23, "SIP datagrams dropped unread because they had waited for too long"
    HTTP_PROXY_REFUSED = 24, "connections of load balancers without a PROXY header"
    TLS_FULL = 25, "TLS handshakes that began a session"
    TLS_RESUMED = 26, "TLS handshakes that resumed a session"
    TLS_FAILED = 27, "TLS handshakes that failed"
    TLS_TICKETS_LOST = 28, "tickets and sessions offered that could not be resumed"
    TLS_CLEAR = 29, "requests in clear HTTP where TLS was expected"
    AUDIT_LOST = 30, "documents given to phones that the audit log could not be told of"
    CREDENTIALS_WRONG = 31, "requests with a wrong user name or password"
    CREDENTIALS_LIMITED = 32, "requests whose password was not compared for the limits"
    MISSES = 33, "MACs asked for by who did not prove to be one of them"
    MISSES_SLOWED = 34, "refusals held back because of limits.misses or run_misses"
    MISSES_SHED = 35, "refusals put off with 503 because of limits.misses"
    ENUMERATIONS = 36, "alarms that somebody asks for many MACs"
    FIRMWARE_TOLD = 37, "phones told to load another firmware"
    IMAGES = 38, "firmware images, or parts of one, sent to their end"
    IMAGE_BYTES = 39, "bytes of firmware images sent"
    IMAGES_REFUSED = 40, "requests for firmware images put off with 503"
    IMAGES_STALLED = 41, "downloads of firmware images cut off for want of progress"
    REDIRECTION_CALLS = 42, "calls of the redirection service"
    REDIRECTION_FAILURES = 43, "of those, how many had no answer that can be understood"
    REDIRECTION_ALARMS = 44, "alarms that a phone is redirected elsewhere"


class CounterRow:
    """The counters of one process: *counters* from index *offset* on."""

    __slots__ = ("counters", "offset")

    def __init__(self, counters: Counters, offset: int) -> None:
        """Count in *counters* from index *offset* on."""
        self.counters = counters
        self.offset = offset

    def add(self, counter: Counter, by: int = 1) -> None:
        """Count *by* more."""
        self.counters.add(self.offset + counter, by)

    def load(self, counter: Counter) -> int:
        """Return what this process counted."""
        return self.counters.load(self.offset + counter)


class CounterPage:
    """The counters of all processes: an anonymous shared mapping, made before fork.

    *slots* is how many rows there are: one for each worker and one for whatever else
    counts.
    """

    def __init__(self, slots: int) -> None:
        """Map *slots* rows of zeros."""
        self._stride = -(-len(Counter) // _LINE) * _LINE
        self._slots = slots
        # Counters keeps the mapping alive.
        self._counters = Counters(mmap.mmap(-1, slots * self._stride * 8))

    def row(self, slot: int) -> CounterRow:
        """Return the row of *slot*, counted from 0; raises IndexError beyond."""
        if not 0 <= slot < self._slots:
            raise IndexError("no such slot")
        return CounterRow(self._counters, slot * self._stride)

    def total(self, counter: Counter) -> int:
        """Return the sum of *counter* over all rows."""
        offsets = range(counter, self._slots * self._stride, self._stride)
        return sum(map(self._counters.load, offsets))

    def other_row(self) -> CounterRow:
        """Return the row of what is no worker, the last one."""
        return self.row(self._slots - 1)

    def totals(self) -> dict[str, int]:
        """Return the sum over all rows for each counter, by its name in lower case."""
        offsets = range(0, self._slots * self._stride, self._stride)
        return {
            counter.name.lower(): sum(
                self._counters.load(offset + counter) for offset in offsets
            )
            for counter in Counter
        }
