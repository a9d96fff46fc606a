# The smallest parts of a SIP header value: RFC 3261 section 25.1.

from libc.stdint cimport int64_t, uint8_t, uint16_t
from scan cimport (
    is_sip_blank,
    sip_quote_or_escape,
    sip_token_end,
    sip_value_end,
)
from sipmessage cimport Bytes, Span

cdef enum:
    HT = 0x09
    LF = 0x0A
    CR = 0x0D
    SP = 0x20
    QUOTE = 0x22  # "
    COMMA = 0x2C
    SLASH = 0x2F
    COLON = 0x3A
    SEMICOLON = 0x3B
    LESS = 0x3C
    EQUALS = 0x3D
    GREATER = 0x3E
    AT = 0x40
    BACKSLASH = 0x5C


cdef inline Span span(int at, int end) noexcept nogil:
    return Span(<uint16_t>at, <uint16_t>end)


cdef struct Parameter:
    Span whole  # from its semicolon to the end of its value
    Span name
    Span value  # without quotes
    bint has_value


cdef inline bint is_digit(uint8_t byte) noexcept nogil:
    return 0x30 <= byte <= 0x39


cdef inline int after_lws(Bytes p, int at, int end) noexcept nogil:
    while at < end and is_sip_blank(p[at]):
        at += 1
    return at


cdef inline int after_token(Bytes p, int at, int end) noexcept nogil:
    return <int>sip_token_end(p, at, end)


cdef inline int after_quoted(Bytes p, int at, int end) noexcept nogil:
    """Offset behind the quoted-string that begins at *at*, or -1: no closing quote."""
    at += 1
    while at < end:
        at = <int>sip_quote_or_escape(p, at, end)
        if at < end and p[at] == QUOTE:
            return at + 1
        at += 2
    return -1


cdef inline int number(Bytes p, Span span, int64_t* value) noexcept nogil:
    """Set *value* to the decimal number in *span*; -1 when it is none.

    Larger numbers than fit 32 bits come out as 2**32, whatever their length.
    """
    cdef int at
    cdef int64_t total = 0
    if span.at == span.end:
        return -1
    for at in range(span.at, span.end):
        if not is_digit(p[at]):
            return -1
        total = total * 10 + (p[at] - 0x30)
        if total > 0xFFFFFFFFLL:
            total = 0x100000000LL
    value[0] = total
    return 0


cdef inline int next_parameter(
    Bytes p, int* at, int end, Parameter* out
) noexcept nogil:
    """Read ``;name[=value]`` (RFC 3261 generic-param) and LWS around its parts.

    Return 1 and move *at* behind it, 0 at the end or at a comma, -1 with *at* on the
    first byte that cannot be.
    """
    cdef int i = after_lws(p, at[0], end)
    cdef int stop
    if i == end or p[i] == COMMA:
        at[0] = i
        return 0
    if p[i] != SEMICOLON:
        at[0] = i
        return -1
    out.whole.at = i
    i = after_lws(p, i + 1, end)
    stop = after_token(p, i, end)
    out.name = span(i, stop)
    if i == stop:
        at[0] = i
        return -1
    out.whole.end = stop
    out.value = span(stop, stop)
    out.has_value = False
    i = after_lws(p, stop, end)
    if i < end and p[i] == EQUALS:
        out.has_value = True
        i = after_lws(p, i + 1, end)
        if i < end and p[i] == QUOTE:
            stop = after_quoted(p, i, end)
            if stop < 0:
                at[0] = i
                return -1
            out.value = span(i + 1, stop - 1)
        else:
            # Wider than a token: addresses of IPv6 and what phones make up.
            stop = <int>sip_value_end(p, i, end)
            out.value = span(i, stop)
        out.whole.end = stop
        i = stop
    at[0] = i
    return 1
