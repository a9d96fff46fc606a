# What a phone is sent: the 200 to its SUBSCRIBE and the NOTIFY, with the bytes of
# sip.message.  What is the same for all phones heard on one address of ours is written
# once, in pieces that are copied.

from libc.stdint cimport uint8_t, uint32_t
from pnpplain cimport is_plain
from pnpwriter cimport (
    Writer,
    write,
    write_ipv4,
    write_number,
    write_part,
    write_span,
    write_text,
    writer,
)
from sipmessage cimport Bytes, Fields, Span

cdef enum:
    URL_BYTES = 512
    TOLD_BYTES = 1024  # all pieces of one address, the URL in the last one


cdef struct Told:  # what phones heard on one address of ours are told
    uint32_t local
    bint certified  # for phones that own a certificate
    # Each piece begins where the one before it ends.
    int ok_end  # of a 200, behind the number of CSeq
    int via_end  # of a NOTIFY, behind the Request-URI and before the branch
    int event_end  # behind the Call-ID and before the vendor
    int end  # behind the version
    uint8_t[TOLD_BYTES] text


cdef inline bint tell(
    Told* told, uint32_t local, uint32_t port, const uint8_t* url, Py_ssize_t size
) noexcept nogil:
    """Prepare what is told on address *local*; False when there is no room for it."""
    cdef Writer w = writer(told.text, TOLD_BYTES)
    told.local = local
    write_text(&w, " SUBSCRIBE\r\n")
    write_contact(&w, local, port)
    write_text(&w, "Expires: 0\r\nContent-Length: 0\r\n\r\n")
    told.ok_end = <int>(w.at - told.text)
    write_text(&w, " SIP/2.0\r\nVia: SIP/2.0/UDP ")
    write_ipv4(&w, local)
    write_text(&w, ":")
    write_number(&w, port)
    write_text(&w, ";branch=z9hG4bK")
    told.via_end = <int>(w.at - told.text)
    write_text(&w, "\r\nCSeq: 1 NOTIFY\r\n")
    write_contact(&w, local, port)
    write_text(&w, 'Event: ua-profile;profile-type="device"')
    told.event_end = <int>(w.at - told.text)
    write_text(&w, '"\r\nSubscription-State: terminated;reason=timeout\r\n')
    write_text(&w, "Content-Type: application/url\r\nContent-Length: ")
    write_number(&w, <uint32_t>size)
    write_text(&w, "\r\n\r\n")
    write(&w, url, size)
    told.end = <int>(w.at - told.text)
    return not w.full


cdef inline void write_contact(Writer* w, uint32_t local, uint32_t port) noexcept nogil:
    """sip.message.contact_header"""
    write_text(w, "Contact: <sip:")
    write_ipv4(w, local)
    write_text(w, ":")
    write_number(w, port)
    write_text(w, ">\r\n")


cdef inline void write_piece(
    Writer* w, const Told* told, int at, int end
) noexcept nogil:
    write(w, told.text + at, end - at)


cdef struct Names:  # of one transaction, as they stand on the wire
    uint8_t[32] text  # the tag in To, then the branch behind its cookie


cdef inline bint write_ok(
    Writer* w,
    Bytes p,
    const Fields* f,
    const Told* told,
    const Names* names,
    const Writer* source,
    uint32_t port,
) noexcept nogil:
    """sip.message.ok"""
    cdef Span via = f.vias[0]
    write_text(w, "SIP/2.0 200 OK\r\nVia: ")
    if f.has_rport:
        write_part(w, p, via.at, f.rport.at)
        write_text(w, ";rport=")
        write_number(w, port)
        write_part(w, p, f.rport.end, via.end)
    else:
        write_span(w, p, via)
    write_text(w, ";received=")
    write(w, source.start, source.at - source.start)
    write_text(w, "\r\nFrom: ")
    write_span(w, p, f.from_value)
    write_text(w, "\r\nTo: ")
    write_span(w, p, f.to_value)
    write_text(w, ";tag=")
    write(w, names.text, 16)
    write_text(w, "\r\nCall-ID: ")
    write_span(w, p, f.call_id)
    write_text(w, "\r\nCSeq: ")
    write_number(w, f.cseq_number)
    write_piece(w, told, 0, told.ok_end)
    return not w.full


cdef inline bint write_notify(
    Writer* w, Bytes p, const Fields* f, const Told* told, const Names* names
) noexcept nogil:
    """sip.message.notify"""
    write_text(w, "NOTIFY ")
    write_span(w, p, f.contact_uri)
    write_piece(w, told, told.ok_end, told.via_end)
    write(w, names.text + 16, 16)
    write_text(w, ";rport\r\nMax-Forwards: 70\r\nFrom: ")
    write_span(w, p, f.to_value)
    write_text(w, ";tag=")
    write(w, names.text, 16)
    write_text(w, "\r\nTo: ")
    write_span(w, p, f.from_value)
    write_text(w, "\r\nCall-ID: ")
    write_span(w, p, f.call_id)
    write_piece(w, told, told.via_end, told.event_end)
    if is_plain(p, f.vendor):
        write_text(w, ';vendor="')
        write_span(w, p, f.vendor)
        write_text(w, '"')
    write_text(w, ';model="')
    write_span(w, p, f.model)
    write_text(w, '";version="')
    write_span(w, p, f.version)
    write_piece(w, told, told.event_end, told.end)
    return not w.full
