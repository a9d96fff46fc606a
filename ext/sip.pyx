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
from libc.stdint cimport int64_t, uint64_t
from scan cimport find_byte, is_sip_blank, mac_from_hex, mark_lines, next_line_end, same
from sipheaders cimport (
    OTHER,
    Header,
    finish,
    header_at,
    header_from_name,
    read_header,
)
from sipmessage cimport (
    DATAGRAM_BYTES,
    HEADERS,
    LINE_WORDS,
    VIAS,
    Bytes,
    Fields,
    Parser,
    Reason,
    Span,
    blank,
)
from sipplain cimport read_plain
from siptokens cimport (
    AT,
    BACKSLASH,
    COLON,
    CR,
    EQUALS,
    HT,
    LF,
    SP,
    after_lws,
    after_token,
    span,
)
from sipvalues cimport read_start, scheme_end

from bootwave.errors import SipSyntaxError

MAX_DATAGRAM_BYTES = DATAGRAM_BYTES
MAX_HEADERS = HEADERS
MAX_VIAS = VIAS


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


cdef Reason read_any(Bytes p, int size, Fields* f, int* where) noexcept nogil:
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

    return finish(p, size, at, next_line, f, where)


cdef Reason read_message(Bytes p, int size, Fields* f, int* where) noexcept nogil:
    """Fill *f*, made by blank(); or return why not, *where* on the byte to blame."""
    if read_plain(p, size, f):
        return NULL
    blank(f)
    return read_any(p, size, f, where)


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

    cdef bytes cut(self, Span part):
        cdef bytes piece = self.data[part.at:part.end]
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
