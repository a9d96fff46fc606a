# What native.sip finds in a datagram, for modules that answer it without Python
# objects.  They reach the parser through the capsule bootwave.native.sip._parser, so
# nothing of it is compiled twice.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset
from scan cimport same

# Mirrors of bootwave.limits (native code imports nothing but the errors); a test
# compares them.
cdef enum:
    DATAGRAM_BYTES = 4096
    HEADERS = 64
    VIAS = 8
    LINE_WORDS = 64  # of 64 bytes of a datagram each

ctypedef const uint8_t* Bytes
ctypedef const char* Reason  # NULL: no reason to refuse


cdef struct Span:  # 16 bits hold every offset of a datagram within the limit
    uint16_t at
    uint16_t end  # exclusive; at == end: absent


cdef struct Fields:
    int status  # 0 for requests
    int refusal_status
    int via_count
    int sent_by_port  # 0: none written
    bint folded
    bint has_rport
    uint32_t seen
    uint32_t cseq_number
    int64_t expires  # -1: none
    int64_t content_length  # -1: none
    Span method
    Span request_uri
    Span vias[VIAS]
    Span transport
    Span sent_by_host
    Span branch
    Span rport  # ";rport=..." whole, for its replacement
    Span received  # ";received=..." whole
    Span from_value
    Span from_uri
    Span from_tag
    Span to_value
    Span to_uri
    Span to_tag
    Span call_id
    Span cseq_method
    Span contact
    Span contact_uri
    Span event
    Span event_package
    Span event_id
    Span profile_type
    Span vendor
    Span model
    Span version
    Span user_agent
    Span body


cdef struct Parser:
    # Fills *f* from p[0:size], made by blank(); or
    # returns why not, with *where* on the byte to blame.
    Reason (*read)(Bytes p, int size, Fields* f, int* where) noexcept nogil
    # The MAC that the addresses of a request name, or 0.
    int64_t (*mac)(Bytes p, const Fields* f) noexcept nogil


cdef inline bint named(
    Bytes p, Span span, const char* lower, int length
) noexcept nogil:
    """Whether *span* holds *lower*, in any letter case."""
    return same(p + span.at, span.end - span.at, lower, length)


cdef inline void blank(Fields* f) noexcept nogil:
    """Make *f* the fields of a message in which all is absent."""
    memset(f, 0, sizeof(Fields))
    f.refusal_status = 400
    f.expires = -1
    f.content_length = -1
