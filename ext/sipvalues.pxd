# The start line, and the values of the headers that are looked into, in every form that
# the standard allows.

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp
from scan cimport (
    ends_sip_uri,
    find_byte,
    is_sip_blank,
    is_sip_token,
    same,
    sip_display_end,
    sip_uri_size,
)
from sipmessage cimport VIAS, Bytes, Fields, Reason, Span, named
from siptokens cimport (
    COLON,
    COMMA,
    GREATER,
    LESS,
    QUOTE,
    SEMICOLON,
    SLASH,
    SP,
    Parameter,
    after_lws,
    after_quoted,
    after_token,
    is_digit,
    next_parameter,
    number,
    span,
)


cdef inline Reason read_address(Bytes p, Span value, Span* uri, int* at) noexcept nogil:
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


cdef inline int scheme_end(Bytes p, Span uri) noexcept nogil:
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


cdef inline Reason read_party(
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


cdef inline Reason read_via(Bytes p, Span value, Fields* f, int* where) noexcept nogil:
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


cdef inline Reason add_vias(Bytes p, Span value, Fields* f, int* where) noexcept nogil:
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


cdef inline Reason read_cseq(Bytes p, Span value, Fields* f, int* where) noexcept nogil:
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


cdef inline void read_event(Bytes p, Span value, Fields* f) noexcept nogil:
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


cdef inline Reason read_start(
    Bytes p, int at, int end, Fields* f, int* where
) noexcept nogil:
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
