# A message as nearly every phone writes it, in one pass: no fold, no control byte but
# the line ends, and the headers that are looked into in their shortest form.  What is
# written otherwise is left to the readers of sipvalues.pxd, header by header or whole,
# which also know how to blame it.  This one only ever agrees with them; a property test
# holds both to a third.
#
# Each line ends with a control byte inside the datagram, and no control byte is part of
# a token, a value or a URI.  So a loop over one of those needs no other bound.

from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memcmp
from scan cimport (
    bw_sip_class,
    bw_stop,
    is_sip_token,
    mark_controls,
    next_mark,
    same,
)
from sipheaders cimport (
    CALL_ID,
    CONTACT,
    CSEQ,
    EVENT,
    FROM,
    OTHER,
    TO,
    USER_AGENT,
    VIA,
    Header,
    finish,
    header_at,
    header_from_name,
    read_header,
)
from sipmessage cimport HEADERS, LINE_WORDS, Bytes, Fields, Span
from siptokens cimport (
    BACKSLASH,
    COLON,
    COMMA,
    CR,
    GREATER,
    LESS,
    LF,
    QUOTE,
    SEMICOLON,
    SP,
    is_digit,
    span,
)
from sipvalues cimport read_start


cdef inline bint read_plain(Bytes p, int size, Fields* f) noexcept nogil:
    """Fill *f* from a plain message; False leaves it half filled."""
    cdef uint64_t[LINE_WORDS] controls
    cdef int at = 0
    cdef int headers = 0
    cdef int end, next_line, stop, where
    cdef Header header
    cdef Span value

    mark_controls(p, size, controls)
    end = <int>next_mark(controls, 0, size)
    next_line = line_after(p, size, end)
    if next_line < 0 or read_start(p, 0, end, f, &where) != NULL:
        return False
    while True:
        at = next_line
        end = <int>next_mark(controls, at, size)
        next_line = line_after(p, size, end)
        if next_line < 0:
            return False
        if at == end:
            return finish(p, size, at, next_line, f, &where) == NULL
        headers += 1
        if headers > HEADERS or p[at] == SP:
            return False
        stop = 0
        header = header_at(p + at, end - at, &stop)
        stop += at
        if header == OTHER:
            stop = token_end(p, at)
            if stop == at or p[stop] != COLON:
                return False
            header = header_from_name(p + at, stop - at)
            if header == OTHER:
                continue
        stop += 1
        while p[stop] == SP:
            stop += 1
        value = span(stop, end)
        while value.end > stop and p[value.end - 1] == SP:
            value.end -= 1
        if not keep(p, size, header, value, f) and (
            read_header(p, header, value, f, &where) != NULL
        ):
            return False


cdef inline int line_after(Bytes p, int size, int end) noexcept nogil:
    """Where the line behind the one that ends at *end* begins; -1: it is not plain."""
    if end < 0:
        return -1
    if p[end] == CR:
        end += 1
        if end == size:
            return -1
    return end + 1 if p[end] == LF else -1


cdef inline int token_end(Bytes p, int at) noexcept nogil:
    while bw_sip_class[p[at]] & 1:
        at += 1
    return at


cdef inline bint keep(
    Bytes p, int size, Header header, Span value, Fields* f
) noexcept nogil:
    """Keep a header in its shortest form; False, and nothing happened, for others."""
    if f.seen & (1u << header):
        return False
    if header == FROM:
        if not plain_party(p, size, value, &f.from_uri, &f.from_tag):
            return False
        f.from_value = value
    elif header == TO:
        if not plain_party(p, size, value, &f.to_uri, &f.to_tag):
            return False
        f.to_value = value
    elif header == CALL_ID:
        if value.at == value.end or not is_one_word(p, size, value):
            return False
        f.call_id = value
    elif header == CONTACT:
        if not plain_contact(p, size, value, &f.contact_uri):
            return False
        f.contact = value
    elif header == EVENT:
        if not plain_event(p, size, value, f):
            return False
        f.event = value
    elif header == USER_AGENT:
        f.user_agent = value
    else:
        return False
    f.seen |= 1u << header
    return True


cdef inline bint is_one_word(Bytes p, int size, Span value) noexcept nogil:
    """Whether *value*, which is trimmed, holds no blank."""
    return bw_stop(p + value.at, size - value.at, SP + 1, SP, SP, SP) == (
        value.end - value.at
    )


cdef inline int plain_uri(Bytes p, int size, Span value, Span* uri) noexcept nogil:
    """Offset behind ``<sip:...>``, at which *value* begins, or -1."""
    cdef int at = value.at
    cdef int stop
    if value.end - at < 7 or p[at] != LESS or not same(p + at + 1, 4, "sip:", 4):
        return -1
    at += 1
    stop = at + <int>bw_stop(p + at, size - at, SP + 1, GREATER, LESS, QUOTE)
    if stop >= value.end or p[stop] != GREATER or stop == at + 4:
        return -1
    uri[0] = span(at, stop)
    return stop + 1


cdef inline bint plain_party(
    Bytes p, int size, Span value, Span* uri, Span* tag
) noexcept nogil:
    """``<sip:...>``, with ``;tag=...`` behind it or nothing."""
    cdef Span found
    cdef int at = plain_uri(p, size, value, &found)
    if at < 0:
        return False
    if at != value.end:
        if value.end - at < 6 or not (
            p[at] == SEMICOLON and same(p + at + 1, 4, "tag=", 4)
        ):
            return False
        at += 5
        if token_end(p, at) != value.end:
            return False
        tag[0] = span(at, value.end)
    uri[0] = found
    return True


cdef inline bint plain_contact(
    Bytes p, int size, Span value, Span* uri
) noexcept nogil:
    """An address in angle brackets; what is behind it does not matter."""
    cdef Span found
    if plain_uri(p, size, value, &found) < 0:
        return False
    uri[0] = found
    return True


cdef inline bint plain_event(Bytes p, int size, Span value, Fields* f) noexcept nogil:
    """``ua-profile`` and parameters of snom phones, each with a quoted value."""
    cdef int at = value.at + 10
    cdef int stop
    cdef Span type_, vendor, model, version
    cdef Span* found
    if value.end < at or not same(p + value.at, 10, "ua-profile", 10):
        return False
    type_ = vendor = model = version = span(0, 0)
    while at < value.end:
        # Long enough for the longest name below, or it is left to others.
        if p[at] != SEMICOLON or size - at < 16:
            return False
        if same(p + at + 1, 13, "profile-type=", 13):
            found = &type_
            at += 14
        elif same(p + at + 1, 8, "version=", 8):
            found = &version
            at += 9
        elif same(p + at + 1, 7, "vendor=", 7):
            found = &vendor
            at += 8
        elif same(p + at + 1, 6, "model=", 6):
            found = &model
            at += 7
        else:
            return False
        if p[at] != QUOTE:
            return False
        at += 1
        stop = at + <int>bw_stop(p + at, size - at, SP, QUOTE, BACKSLASH, QUOTE)
        if stop >= value.end or p[stop] != QUOTE:
            return False
        found[0] = span(at, stop)
        at = stop + 1
    f.event_package = span(value.at, value.at + 10)
    f.profile_type = type_
    f.vendor = vendor
    f.model = model
    f.version = version
    return True
