"""SIP messages in one datagram: RFC 3261 sections 7, 20 and 25, RFC 3581, RFC 6665.

One pass over the datagram fills a table of offsets; bytes objects are made when they
are asked for.  What real phones leave out (branch, Max-Forwards, Content-Length, the
From tag) may be missing; what would make two readers see two messages (a second
Call-ID, a bare CR, a Content-Length past the end) is refused.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp
from scan cimport (
    ends_sip_uri,
    find_byte,
    is_sip_blank,
    is_sip_token,
    mac_from_hex,
    mark_lines,
    next_line_end,
    same,
    sip_display_end,
    sip_quote_or_escape,
    sip_token_end,
    sip_uri_size,
    sip_value_end,
)
from sipmessage cimport (
    DATAGRAM_BYTES,
    HEADERS,
    VIAS,
    Bytes,
    Fields,
    Parser,
    Reason,
    Span,
    blank,
    named,
)

from bootwave.errors import SipSyntaxError

MAX_DATAGRAM_BYTES = DATAGRAM_BYTES
MAX_HEADERS = HEADERS
MAX_VIAS = VIAS

cdef enum:
    LINE_WORDS = 64  # of 64 bytes of a datagram each

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

# Single-value headers, by the index of their bit in Fields.seen.
cdef enum Header:
    OTHER
    VIA
    FROM
    TO
    CALL_ID
    CSEQ
    CONTACT
    EVENT
    EXPIRES
    USER_AGENT
    CONTENT_LENGTH


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


cdef int after_quoted(Bytes p, int at, int end) noexcept nogil:
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


cdef int next_parameter(Bytes p, int* at, int end, Parameter* out) noexcept nogil:
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


cdef Reason read_address(Bytes p, Span value, Span* uri, int* at) noexcept nogil:
    """Find the URI of a name-addr or addr-spec (RFC 3261 section 20.10).

    *at* is left behind it, where parameters begin, or on the byte to blame.
    """
    cdef int i = value.at
    cdef int stop
    if i < value.end and p[i] == QUOTE:
        stop = after_quoted(p, i, value.end)
        if stop < 0:
            at[0] = i
            return "the display name has no closing quote"
        i = after_lws(p, stop, value.end)
        if i == value.end or p[i] != LESS:
            at[0] = i
            return "a quoted display name is not followed by <"
    else:
        # A display name of tokens; phones also write bare UTF-8 there.
        i = <int>sip_display_end(p, i, value.end)
        while i < value.end and p[i] >= 0x80:
            i = <int>sip_display_end(p, i + 1, value.end)
        if i == value.end or (p[i] != LESS and p[i] != COLON):
            at[0] = i
            return "the address has no URI"
    if p[i] == LESS:
        i += 1
        uri.at = i
        i += <int>sip_uri_size(p + i, value.end - i)
        uri.end = i
        if i == value.end or p[i] != GREATER:
            at[0] = i
            return "the URI is not closed by >"
        i += 1
    else:
        uri.at = value.at
        while (
            i < value.end and not ends_sip_uri(p[i])
            and p[i] != SEMICOLON and p[i] != COMMA
        ):
            i += 1
        uri.end = i
    at[0] = i
    stop = scheme_end(p, uri[0])
    if stop < 0 or stop == uri.end:
        at[0] = uri.at
        return "the URI has no scheme"
    return NULL


cdef int scheme_end(Bytes p, Span uri) noexcept nogil:
    """Offset behind the colon of the scheme of *uri* (RFC 3986 section 3.1), or -1."""
    cdef int i = uri.at
    cdef uint8_t lower
    if uri.end - i >= 4 and same(p + i, 4, "sip:", 4):
        return i + 4
    while i < uri.end:
        lower = p[i] | 0x20
        if p[i] == COLON:
            return i + 1 if i > uri.at else -1
        if not (0x61 <= lower <= 0x7A):
            if i == uri.at:
                return -1
            if not (is_digit(p[i]) or p[i] == 0x2B or p[i] == 0x2D or p[i] == 0x2E):
                return -1
        i += 1
    return -1


cdef Reason read_party(
    Bytes p, Span value, Span* uri, Span* tag, int* where
) noexcept nogil:
    """From or To: an address and at most one tag."""
    cdef Parameter parameter
    cdef int more
    cdef Reason reason = read_address(p, value, uri, where)
    if reason != NULL:
        return reason
    while True:
        more = next_parameter(p, where, value.end, &parameter)
        if more < 0:
            return "a parameter of From or To cannot be read"
        if more == 0:
            break
        if named(p, parameter.name, "tag", 3):
            where[0] = parameter.whole.at
            if tag.at != tag.end:
                return "a second tag"
            tag[0] = parameter.value
            if tag.at == tag.end or after_token(p, tag.at, tag.end) != tag.end:
                return "the tag is not a token"
            where[0] = parameter.whole.end
    if where[0] != value.end:
        return "a second address in From or To"
    return NULL


cdef Reason read_via(Bytes p, Span value, Fields* f, int* where) noexcept nogil:
    """The topmost Via (RFC 3261 section 20.42, RFC 3581)."""
    cdef int i = value.at
    cdef int stop, more
    cdef int64_t port
    cdef Parameter parameter
    cdef Span* seen

    if value.end - i > 12 and memcmp(p + i, <const char*>"SIP/2.0/UDP ", 12) == 0:
        # As nearly everybody writes it.
        stop = i + 11
        i += 8
    else:
        stop = after_token(p, i, value.end)
        where[0] = i
        if not same(p + i, stop - i, "sip", 3):
            return "the protocol of Via is not SIP"
        for more in range(2):
            i = after_lws(p, stop, value.end)
            where[0] = i
            if i == value.end or p[i] != SLASH:
                return "the protocol of Via has no slash"
            i = after_lws(p, i + 1, value.end)
            where[0] = i
            stop = after_token(p, i, value.end)
            if more == 0 and not same(p + i, stop - i, "2.0", 3):
                return "the version of Via is not 2.0"
        if i == stop:
            return "Via has no transport"
    f.transport = span(i, stop)

    i = after_lws(p, stop, value.end)
    where[0] = i
    if i == stop or i == value.end:
        return "Via has no sent-by"
    if p[i] == 0x5B:  # [
        stop = <int>find_byte(p + i, value.end - i, 0x5D)
        if stop < 0:
            return "the address of sent-by is not closed"
        stop += i + 1
        for more in range(i + 1, stop - 1):
            if not (is_sip_token(p[more]) or p[more] == COLON):
                where[0] = more
                return "sent-by is not a host"
    else:
        stop = after_token(p, i, value.end)
    if stop - i < 1 or (p[i] == 0x5B and stop - i < 4):
        return "sent-by is not a host"
    f.sent_by_host = span(i, stop)
    i = after_lws(p, stop, value.end)
    if i < value.end and p[i] == COLON:
        i = after_lws(p, i + 1, value.end)
        where[0] = i
        stop = i
        while stop < value.end and is_digit(p[stop]):
            stop += 1
        if number(p, span(i, stop), &port) < 0 or not 1 <= port <= 65535:
            return "the port of sent-by is not 1 to 65535"
        f.sent_by_port = <int>port
        i = stop
    where[0] = i

    while True:
        more = next_parameter(p, where, value.end, &parameter)
        if more < 0:
            return "a parameter of Via cannot be read"
        if more == 0:
            return NULL
        if named(p, parameter.name, "branch", 6):
            if f.branch.at != 0:
                where[0] = parameter.whole.at
                return "a second branch"
            f.branch = parameter.value
        elif named(p, parameter.name, "rport", 5):
            f.has_rport = True
            seen = &f.rport
            if seen.at != 0:
                where[0] = parameter.whole.at
                return "a second rport"
            seen[0] = parameter.whole
        elif named(p, parameter.name, "received", 8):
            seen = &f.received
            if seen.at != 0:
                where[0] = parameter.whole.at
                return "a second received"
            seen[0] = parameter.whole


cdef Reason add_vias(Bytes p, Span value, Fields* f, int* where) noexcept nogil:
    """Split a Via header at its commas and keep each part."""
    cdef int i = value.at
    cdef int start = value.at
    cdef int end
    if find_byte(p + i, value.end - i, COMMA) < 0:
        i = value.end  # nothing to split, so quotes do not matter
    while True:
        if i < value.end and p[i] == QUOTE:
            where[0] = i
            i = after_quoted(p, i, value.end)
            if i < 0:
                return "a quote in Via is not closed"
            continue
        if i == value.end or p[i] == COMMA:
            end = i
            start = after_lws(p, start, end)
            while end > start and is_sip_blank(p[end - 1]):
                end -= 1
            where[0] = start
            if start == end:
                return "an empty Via"
            if f.via_count == VIAS:
                return "too many Vias"
            f.vias[f.via_count] = span(start, end)
            f.via_count += 1
            if i == value.end:
                return NULL
            start = i + 1
        i += 1


cdef Reason read_cseq(Bytes p, Span value, Fields* f, int* where) noexcept nogil:
    cdef int stop = value.at
    cdef int64_t sequence
    where[0] = value.at
    while stop < value.end and is_digit(p[stop]):
        stop += 1
    # Section 8.1.1.5: "MUST be less than 2**31".
    if number(p, span(value.at, stop), &sequence) < 0 or sequence > 0x7FFFFFFF:
        return "the number of CSeq is not below 2**31"
    f.cseq_number = <uint32_t>sequence
    value.at = after_lws(p, stop, value.end)
    where[0] = value.at
    if value.at == stop or value.at == value.end:
        return "CSeq has no method"
    if after_token(p, value.at, value.end) != value.end:
        return "the method of CSeq is not a token"
    f.cseq_method = value
    return NULL


cdef void read_event(Bytes p, Span value, Fields* f) noexcept nogil:
    """Event and its parameters (RFC 6665 section 8.2.1, RFC 6080 section 5.7).

    What cannot be read leaves the rest absent: then it is not the event of a phone
    that boots, which is for the caller to say.
    """
    cdef int i = after_token(p, value.at, value.end)
    cdef Parameter parameter
    f.event_package = span(value.at, i)
    while next_parameter(p, &i, value.end, &parameter) > 0:
        if named(p, parameter.name, "profile-type", 12):
            f.profile_type = parameter.value
        elif named(p, parameter.name, "vendor", 6):
            f.vendor = parameter.value
        elif named(p, parameter.name, "model", 5):
            f.model = parameter.value
        elif named(p, parameter.name, "version", 7):
            f.version = parameter.value
        elif named(p, parameter.name, "id", 2):
            f.event_id = parameter.value


cdef inline bint begins(
    Bytes p, int size, const char* lower, int length
) noexcept nogil:
    """Whether p[0:size] begins with the name *lower* and a colon."""
    return size > length and p[length] == COLON and same(p, length, lower, length)


cdef inline Header header_at(Bytes p, int size, int* length) noexcept nogil:
    """Which header p[0:size] begins with, its name right before a colon.

    Sets *length* to that of the name.  OTHER says nothing about the name: it may be
    malformed, or have blanks behind it.
    """
    cdef uint8_t letter = p[0] | 0x20
    if letter == 0x63:  # c
        length[0] = 4
        if begins(p, size, "cseq", 4):
            return CSEQ
        length[0] = 7
        if begins(p, size, "call-id", 7):
            return CALL_ID
        if begins(p, size, "contact", 7):
            return CONTACT
        length[0] = 14
        if begins(p, size, "content-length", 14):
            return CONTENT_LENGTH
    elif letter == 0x65:  # e
        length[0] = 5
        if begins(p, size, "event", 5):
            return EVENT
        length[0] = 7
        if begins(p, size, "expires", 7):
            return EXPIRES
    elif letter == 0x66:  # f
        length[0] = 4
        if begins(p, size, "from", 4):
            return FROM
    elif letter == 0x74:  # t
        length[0] = 2
        if begins(p, size, "to", 2):
            return TO
    elif letter == 0x75:  # u
        length[0] = 10
        if begins(p, size, "user-agent", 10):
            return USER_AGENT
    elif letter == 0x76:  # v
        length[0] = 3
        if begins(p, size, "via", 3):
            return VIA
    return OTHER


cdef Header header_from_name(Bytes at, Py_ssize_t size) noexcept nogil:
    """Which header at[0:size] names, in full or in its compact form (section 7.3.3)."""
    cdef uint8_t letter
    if size == 1:
        letter = at[0] | 0x20
        if letter == 0x76:
            return VIA  # v
        if letter == 0x66:
            return FROM  # f
        if letter == 0x74:
            return TO  # t
        if letter == 0x69:
            return CALL_ID  # i
        if letter == 0x6D:
            return CONTACT  # m
        if letter == 0x6F:
            return EVENT  # o
        if letter == 0x6C:
            return CONTENT_LENGTH  # l
    elif size == 2:
        if same(at, size, "to", 2):
            return TO
    elif size == 3:
        if same(at, size, "via", 3):
            return VIA
    elif size == 4:
        if same(at, size, "from", 4):
            return FROM
        if same(at, size, "cseq", 4):
            return CSEQ
    elif size == 5:
        if same(at, size, "event", 5):
            return EVENT
    elif size == 7:
        if same(at, size, "call-id", 7):
            return CALL_ID
        if same(at, size, "contact", 7):
            return CONTACT
        if same(at, size, "expires", 7):
            return EXPIRES
    elif size == 10:
        if same(at, size, "user-agent", 10):
            return USER_AGENT
    elif size == 14:
        if same(at, size, "content-length", 14):
            return CONTENT_LENGTH
    return OTHER


cdef Reason read_header(
    Bytes p, Header header, Span value, Fields* f, int* where
) noexcept nogil:
    """Keep one header; *value* is trimmed and may hold folds."""
    cdef Span ignored
    cdef int at
    where[0] = value.at
    if header == VIA:
        return add_vias(p, value, f, where)
    if f.seen & (1u << header):
        if header == USER_AGENT or header == CONTACT:
            return NULL  # the first one counts
        return "a second header of which there is one"
    f.seen |= 1u << header
    if header == FROM:
        f.from_value = value
        return read_party(p, value, &f.from_uri, &f.from_tag, where)
    if header == TO:
        f.to_value = value
        return read_party(p, value, &f.to_uri, &f.to_tag, where)
    if header == CALL_ID:
        f.call_id = value
        for at in range(value.at, value.end):
            if p[at] <= SP and is_sip_blank(p[at]):
                where[0] = at
                return "Call-ID holds a blank"
        if value.at == value.end:
            return "Call-ID is empty"
    elif header == CSEQ:
        return read_cseq(p, value, f, where)
    elif header == CONTACT:
        f.contact = value
        if read_address(p, value, &f.contact_uri, &at) != NULL:
            f.contact_uri = span(0, 0)  # "*", or nothing one can send to
    elif header == EVENT:
        f.event = value
        read_event(p, value, f)
    elif header == EXPIRES:
        # Section 20.19: a malformed value is treated as if it were not there.
        ignored = value
        if number(p, ignored, &f.expires) < 0:
            f.expires = -1
        elif f.expires > 0xFFFFFFFFLL:
            f.expires = 0xFFFFFFFFLL
    elif header == USER_AGENT:
        f.user_agent = value
    elif header == CONTENT_LENGTH:
        if number(p, value, &f.content_length) < 0:
            return "Content-Length is not a number"
    return NULL


cdef int first_control(Bytes p, int at, int end) noexcept nogil:
    """Offset of the first control byte no quoted-pair excuses, or -1."""
    cdef int i
    for i in range(at, end):
        if (p[i] < 0x20 and p[i] != HT) or p[i] == 0x7F:
            if p[i] == CR or p[i] == LF or i == at or p[i - 1] != BACKSLASH:
                return i
    return -1


cdef inline Reason read_line(
    Bytes p,
    int size,
    const uint64_t* lines,
    bint clean,
    int at,
    int* end,
    int* next_line,
    int* where,
) noexcept nogil:
    """Find where the line at *at* ends, before its CRLF or bare LF.

    Its bytes are looked at one by one only when the datagram is not *clean*.
    """
    cdef int stop = <int>next_line_end(lines, at, size)
    where[0] = at
    if stop < 0:
        where[0] = size
        return "the datagram ends before the empty line that ends the headers"
    next_line[0] = stop + 1
    if stop > at and p[stop - 1] == CR:
        stop -= 1
    end[0] = stop
    if not clean:
        stop = first_control(p, at, stop)
        if stop >= 0:
            where[0] = stop
            return "a control byte"
    return NULL


cdef Reason read_start(Bytes p, int at, int end, Fields* f, int* where) noexcept nogil:
    """Request-Line or Status-Line (RFC 3261 sections 7.1 and 7.2)."""
    cdef int stop = after_token(p, at, end)
    cdef int i
    where[0] = at
    if end - at >= 4 and same(p + at, 4, "sip/", 4):
        if end - at < 11 or not same(p + at, 8, "sip/2.0 ", 8):
            f.refusal_status = 505
            where[0] = at + 4
            return "the version is not SIP/2.0"
        where[0] = at + 8
        for i in range(at + 8, at + 11):
            if not is_digit(p[i]):
                return "the status is not three digits"
            f.status = f.status * 10 + (p[i] - 0x30)
        if not 100 <= f.status <= 699 or (end > at + 11 and p[at + 11] != SP):
            return "the status is not 100 to 699"
        return NULL
    if stop == at:
        return "no method"
    f.method = span(at, stop)
    where[0] = stop
    if stop == end or p[stop] != SP:
        return "the method is not followed by one blank"
    at = stop + 1
    stop = at + <int>sip_uri_size(p + at, end - at)
    f.request_uri = span(at, stop)
    where[0] = at
    i = scheme_end(p, f.request_uri)
    if i < 0 or i == stop:
        return "the Request-URI has no scheme"
    where[0] = stop
    if stop == end or p[stop] != SP:
        return "the Request-URI is not followed by one blank"
    where[0] = stop + 1
    if not same(p + stop + 1, end - stop - 1, "sip/2.0", 7):
        if end - stop - 1 >= 4 and same(p + stop + 1, 4, "sip/", 4):
            f.refusal_status = 505
        return "the version is not SIP/2.0"
    return NULL


cdef Reason read_message(Bytes p, int size, Fields* f, int* where) noexcept nogil:
    """Fill *f*; or return why not, with *where* on the byte to blame."""
    cdef int at = 0
    cdef int end, next_line, name_end
    cdef int stop = 0
    cdef int headers = 0
    cdef uint64_t lines[LINE_WORDS]
    cdef bint clean = mark_lines(p, size, lines)
    cdef Span value
    cdef Header header
    cdef Reason reason

    # Section 7.5: "MUST ignore any CRLF appearing before the start-line".
    while at < size and (p[at] == CR or p[at] == LF):
        at += 1
    where[0] = at
    if at == size:
        return "the datagram is empty"
    reason = read_line(p, size, lines, clean, at, &end, &next_line, where)
    if reason != NULL:
        return reason
    reason = read_start(p, at, end, f, where)
    if reason != NULL:
        return reason

    while True:
        at = next_line
        reason = read_line(p, size, lines, clean, at, &end, &next_line, where)
        if reason != NULL:
            return reason
        if at == end:
            break
        headers += 1
        if headers > HEADERS:
            return "too many headers"
        header = header_at(p + at, end - at, &stop)
        name_end = at
        stop += at
        if header == OTHER:
            name_end = after_token(p, at, end)
            stop = name_end
            while stop < end and (p[stop] == SP or p[stop] == HT):
                stop += 1
            if name_end == at or stop == end or p[stop] != COLON:
                where[0] = stop
                return "the header has no name and colon"
        value = span(stop + 1, end)
        while next_line < size and (p[next_line] == SP or p[next_line] == HT):
            f.folded = True
            stop = next_line
            reason = read_line(p, size, lines, clean, stop, &end, &next_line, where)
            if reason != NULL:
                return reason
            value.end = end
        if header == OTHER:
            header = header_from_name(p + at, name_end - at)
            if header == OTHER:
                continue
        value.at = after_lws(p, value.at, value.end)
        while value.end > value.at and is_sip_blank(p[value.end - 1]):
            value.end -= 1
        reason = read_header(p, header, value, f, where)
        if reason != NULL:
            return reason

    where[0] = at
    if f.via_count == 0:
        return "no Via"
    if not f.seen & (1u << FROM):
        return "no From"
    if not f.seen & (1u << TO):
        return "no To"
    if not f.seen & (1u << CALL_ID):
        return "no Call-ID"
    if not f.seen & (1u << CSEQ):
        return "no CSeq"
    reason = read_via(p, f.vias[0], f, where)
    if reason != NULL:
        return reason
    if f.status == 0 and not same_span(p, f.method, f.cseq_method):
        where[0] = f.cseq_method.at
        return "the method of CSeq is not that of the request"
    # Section 18.3: bytes past Content-Length are discarded, too few are an error.
    f.body = span(next_line, size)
    if f.content_length >= 0:
        if f.content_length > size - next_line:
            where[0] = next_line
            return "Content-Length is larger than the datagram"
        f.body.end = next_line + <int>f.content_length
    return NULL


cdef bint same_span(Bytes p, Span one, Span other) noexcept nogil:
    """Whether two spans hold the same bytes; methods are case-sensitive."""
    cdef int i
    if one.end - one.at != other.end - other.at:
        return False
    for i in range(one.end - one.at):
        if p[one.at + i] != p[other.at + i]:
            return False
    return True


cdef int64_t mac_from_uri(Bytes p, Span uri) noexcept nogil:
    """MAC in the user part of *uri*, or 0: ``sip:MAC%3a<12 hex>@host``.

    Between MAC and its digits stands ``%3a``, ``:``, ``=`` or nothing, in any case;
    behind them the user part must end.
    """
    cdef int at = scheme_end(p, uri)
    cdef Py_ssize_t size
    cdef int64_t mac
    if at < 0 or not (
        same(p + uri.at, at - uri.at, "sip:", 4)
        or same(p + uri.at, at - uri.at, "sips:", 5)
    ):
        return 0
    size = find_byte(p + at, uri.end - at, AT)
    if size < 15 or not same(p + at, 3, "mac", 3):
        return 0
    at += 3
    size -= 3
    if size == 15 and same(p + at, 3, "%3a", 3):
        at += 3
    elif size == 13 and (p[at] == COLON or p[at] == EQUALS):
        at += 1
    elif size != 12:
        return 0
    mac = mac_from_hex(p + at)
    return mac if mac > 0 else 0


@cython.final
@cython.freelist(128)
@cython.auto_pickle(False)
cdef class Message:
    """One SIP message, made by parse(); by itself one in which all is absent.

    Header values come as the bytes on the wire without surrounding blanks, folds made
    one blank; what is absent is empty, 0 or None as its property says.
    """

    cdef bytes data
    cdef Fields f

    def __cinit__(self):
        self.data = b""  # and all offsets 0
        blank(&self.f)

    cdef bytes cut(self, Span span):
        cdef bytes piece = self.data[span.at:span.end]
        if self.f.folded and b"\n" in piece:
            return unfolded(piece)
        return piece

    @property
    def is_request(self):
        """Whether it is a request."""
        return self.f.status == 0

    @property
    def status(self):
        """Status of a response, 0 for a request."""
        return self.f.status

    @property
    def method(self):
        """Method of a request, empty for a response."""
        return self.cut(self.f.method)

    @property
    def request_uri(self):
        """Request-URI, empty for a response."""
        return self.cut(self.f.request_uri)

    @property
    def vias(self):
        """Every Via, the topmost first, split where commas join them."""
        cdef int i
        return [self.cut(self.f.vias[i]) for i in range(self.f.via_count)]

    @property
    def transport(self):
        """Transport of the topmost Via."""
        return self.cut(self.f.transport)

    @property
    def sent_by_host(self):
        """Host of the topmost Via, an IPv6 address in its brackets."""
        return self.cut(self.f.sent_by_host)

    @property
    def sent_by_port(self):
        """Port of the topmost Via, 0 when none is written."""
        return self.f.sent_by_port

    @property
    def has_rport(self):
        """Whether the topmost Via asks for symmetric routing (RFC 3581)."""
        return self.f.has_rport

    @property
    def top_via_branch(self):
        """Branch of the topmost Via, empty when absent."""
        return self.cut(self.f.branch)

    @property
    def from_(self):
        """From, whole."""
        return self.cut(self.f.from_value)

    @property
    def from_uri(self):
        """URI of From."""
        return self.cut(self.f.from_uri)

    @property
    def from_tag(self):
        """Tag of From, empty when absent (RFC 2543 phones)."""
        return self.cut(self.f.from_tag)

    @property
    def to(self):
        """To, whole."""
        return self.cut(self.f.to_value)

    @property
    def to_uri(self):
        """URI of To."""
        return self.cut(self.f.to_uri)

    @property
    def to_tag(self):
        """Tag of To, empty outside a dialog."""
        return self.cut(self.f.to_tag)

    @property
    def call_id(self):
        """Call-ID."""
        return self.cut(self.f.call_id)

    @property
    def cseq_number(self):
        """Number of CSeq, below 2**31."""
        return self.f.cseq_number

    @property
    def cseq_method(self):
        """Method of CSeq."""
        return self.cut(self.f.cseq_method)

    @property
    def contact(self):
        """First Contact header, whole; empty when absent."""
        return self.cut(self.f.contact)

    @property
    def contact_uri(self):
        """First URI of the first Contact; empty when it cannot be read."""
        return self.cut(self.f.contact_uri)

    @property
    def event(self):
        """Event, whole; empty when absent."""
        return self.cut(self.f.event)

    @property
    def event_package(self):
        """Event package, such as ``ua-profile``."""
        return self.cut(self.f.event_package)

    @property
    def event_id(self):
        """Event parameter ``id``."""
        return self.cut(self.f.event_id)

    @property
    def profile_type(self):
        """Event parameter ``profile-type`` without quotes (RFC 6080)."""
        return self.cut(self.f.profile_type)

    @property
    def vendor(self):
        """Event parameter ``vendor`` without quotes."""
        return self.cut(self.f.vendor)

    @property
    def model(self):
        """Event parameter ``model`` without quotes."""
        return self.cut(self.f.model)

    @property
    def version(self):
        """Event parameter ``version`` without quotes."""
        return self.cut(self.f.version)

    @property
    def expires(self):
        """Expires in seconds, at most 2**32 - 1; None when absent or malformed."""
        return None if self.f.expires < 0 else self.f.expires

    @property
    def user_agent(self):
        """First User-Agent header, empty when absent."""
        return self.cut(self.f.user_agent)

    @property
    def content_length(self):
        """Content-Length; None when absent."""
        return None if self.f.content_length < 0 else self.f.content_length

    @property
    def body(self):
        """Body: Content-Length bytes, or all there is when that is absent."""
        return self.data[self.f.body.at:self.f.body.end]

    def answered_via(self, bytes received not None, int rport):
        """Return the topmost Via with ``received`` and, if asked for, ``rport`` filled.

        RFC 3261 section 18.2.1 and RFC 3581 section 4.  Values that the sender put
        there itself are replaced.
        """
        cdef Span first = self.f.received
        cdef Span second = self.f.rport
        cdef Span via = self.f.vias[0]
        cdef bytes first_text = b""
        cdef bytes second_text = b""
        if self.f.has_rport:
            second_text = b";rport=%d" % rport
        else:
            second = span(via.end, via.end)
        if first.at == first.end:
            first = span(via.end, via.end)
        if second.at < first.at:
            first, second = second, first
            first_text, second_text = second_text, first_text
        return b"".join((
            self.cut(span(via.at, first.at)),
            first_text,
            self.cut(span(first.end, second.at)),
            second_text,
            self.cut(span(second.end, via.end)),
            b";received=",
            received,
        ))


cdef bytes unfolded(bytes piece):
    """Make each fold, with the blanks around it, one blank (section 7.3.1)."""
    return b" ".join([line.strip(b" \t\r") for line in piece.split(b"\n")])


def parse(data):
    """Return the Message in *data*, one whole datagram in any bytes-like object.

    The bytes are copied unless they are bytes already.  Raises SipSyntaxError, and
    nothing else, for what is not a SIP/2.0 message within the limits; its ``offset``
    is the byte to blame and its ``status`` what a server may answer (400, 505, 513).
    """
    cdef Py_buffer view
    cdef Message message
    cdef Reason reason
    cdef int where = 0
    cdef bint held = False
    if PyBytes_CheckExact(data):
        view.buf = PyBytes_AS_STRING(data)
        view.len = PyBytes_GET_SIZE(data)
    else:
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        held = True
    try:
        if view.len > DATAGRAM_BYTES:
            raise SipSyntaxError(
                "the datagram is too large", offset=DATAGRAM_BYTES, status=513
            )
        message = Message.__new__(Message)
        reason = read_message(<Bytes>view.buf, <int>view.len, &message.f, &where)
        if reason != NULL:
            raise SipSyntaxError(
                (<bytes>reason).decode(),
                offset=where,
                status=message.f.refusal_status,
            )
        if PyBytes_CheckExact(data):
            message.data = data
        else:
            message.data = PyBytes_FromStringAndSize(<char*>view.buf, view.len)
        return message
    finally:
        if held:
            PyBuffer_Release(&view)


cdef int64_t mac_from_fields(Bytes p, const Fields* f) noexcept nogil:
    """MAC in the Request-URI, else in To, else in From; 0 when in none."""
    cdef int64_t mac = mac_from_uri(p, f.request_uri)
    if mac == 0:
        mac = mac_from_uri(p, f.to_uri)
    if mac == 0:
        mac = mac_from_uri(p, f.from_uri)
    return mac


def mac_from_pnp(Message message not None):
    """Return the MAC in the Request-URI, else in To, else in From; 0 when in none."""
    return mac_from_fields(<Bytes>PyBytes_AS_STRING(message.data), &message.f)


cdef Parser parser
parser.read = read_message
parser.mac = mac_from_fields
_parser = PyCapsule_New(&parser, "bootwave.native.sip._parser", NULL)
