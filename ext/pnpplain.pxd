# What may be repeated to a phone as it stands: the forms that sip.event, sip.message
# and phone.model take whole.  What is written otherwise stays with them.

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcmp
from sipmessage cimport Bytes, Span, named

cdef enum:
    PLAIN_BYTES = 48  # of a vendor, model or version that is repeated


cdef inline bint is_alphanumeric(uint8_t byte) noexcept nogil:
    return 0x30 <= byte <= 0x39 or 0x61 <= (byte | 0x20) <= 0x7A


cdef inline bint is_plain(Bytes p, Span span) noexcept nogil:
    """Whether sip.event.plain() would repeat it."""
    cdef int i
    cdef uint8_t byte
    if not 1 <= span.end - span.at <= PLAIN_BYTES or not is_alphanumeric(p[span.at]):
        return False
    for i in range(span.at + 1, span.end):
        byte = p[i]
        if not is_alphanumeric(byte) and byte not in (
            0x20, 0x2E, 0x5F, 0x2B, 0x2F, 0x2D  # blank . _ + / -
        ):
            return False
    return True


cdef inline bint is_canonical_model(Bytes p, Span span) noexcept nogil:
    """Whether it is a model as phone.model spells it: snom370, snomD785, snomM700."""
    cdef int at = span.at + 4
    cdef int digits = 0
    if span.end - span.at < 7 or memcmp(p + span.at, <const char*>"snom", 4) != 0:
        return False
    if p[at] in (0x43, 0x44, 0x4D):  # C D M
        at += 1
    while at < span.end and 0x30 <= p[at] <= 0x39:
        at += 1
        digits += 1
    if digits != 3 or span.end - at > 2:
        return False
    while at < span.end and 0x41 <= p[at] <= 0x5A:
        at += 1
    return at == span.end


cdef inline bint is_plain_contact(Bytes p, Span uri) noexcept nogil:
    """Whether it is ``sip:[user@]host[:port]`` as sip.message takes for a target."""
    cdef int at = uri.at + 4
    cdef int start = at
    cdef int i
    cdef uint8_t byte
    if uri.end - uri.at < 5 or not named(p, Span(uri.at, <uint16_t>at), "sip:", 4):
        return False
    for i in range(at, uri.end):
        if p[i] == 0x40:  # @
            if not 1 <= i - at <= 64:
                return False
            start = i + 1
            break
    if start > at:
        for i in range(at, start - 1):
            byte = p[i]
            if not is_alphanumeric(byte) and byte not in (
                # . _ ~ ! $ & * + = % -
                0x2E, 0x5F, 0x7E, 0x21, 0x24, 0x26, 0x2A, 0x2B, 0x3D, 0x25, 0x2D
            ):
                return False
    at = start
    while at < uri.end and (
        is_alphanumeric(p[at]) or p[at] == 0x2E or p[at] == 0x2D
    ):
        at += 1
    if not 1 <= at - start <= 128:
        return False
    if at == uri.end:
        return True
    if p[at] != 0x3A or not 1 <= uri.end - at - 1 <= 5:
        return False
    for i in range(at + 1, uri.end):
        if not 0x30 <= p[i] <= 0x39:
            return False
    return True
