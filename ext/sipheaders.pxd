# The headers of a message: which one a line is, by its name, and what is kept of it.

from libc.stdint cimport uint8_t
from libc.string cimport memcmp
from scan cimport is_sip_blank, same
from sipmessage cimport Bytes, Fields, Reason, Span
from siptokens cimport COLON, SP, number, span
from sipvalues cimport (
    add_vias,
    read_address,
    read_cseq,
    read_event,
    read_party,
    read_via,
)

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


cdef inline Header header_from_name(Bytes at, Py_ssize_t size) noexcept nogil:
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


cdef inline Reason read_header(
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


cdef inline Reason finish(
    Bytes p, int size, int at, int body, Fields* f, int* where
) noexcept nogil:
    """Look at the whole behind its last header; *at* is the empty line."""
    cdef Reason reason
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
    f.body = span(body, size)
    if f.content_length >= 0:
        if f.content_length > size - body:
            where[0] = body
            return "Content-Length is larger than the datagram"
        f.body.end = body + <int>f.content_length
    return NULL


cdef inline bint same_span(Bytes p, Span one, Span other) noexcept nogil:
    """Whether two spans hold the same bytes; methods are case-sensitive."""
    return one.end - one.at == other.end - other.at and memcmp(
        p + one.at, p + other.at, <size_t>(one.end - one.at)
    ) == 0
