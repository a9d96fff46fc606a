# The bytes of an answer with a document, the same as http.response writes.

from httprequest cimport Request
from httpsockets cimport bw_date, snprintf
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcmp, memcpy
from tables cimport Document, assemble_into, packed_of, tag_of

cdef enum:
    MAX_ANSWER_HEAD = 640
    HEAD_ROOM = 160

# How the answers of one second begin.
cdef struct Beginnings:
    int64_t second
    char[HEAD_ROOM] ok
    char[HEAD_ROOM] same
    Py_ssize_t ok_size
    Py_ssize_t same_size


cdef inline void begin_second(Beginnings* beginnings, int64_t second) noexcept nogil:
    cdef char text[64]
    bw_date(second, text, sizeof(text))
    beginnings.ok_size = snprintf(
        beginnings.ok,
        HEAD_ROOM,
        b"HTTP/1.1 200 OK\r\nDate: %s\r\nServer: bootwave\r\n"
        b"Content-Type: application/xml\r\n",
        text,
    )
    beginnings.same_size = snprintf(
        beginnings.same,
        HEAD_ROOM,
        b"HTTP/1.1 304 Not Modified\r\nDate: %s\r\nServer: bootwave\r\n",
        text,
    )
    beginnings.second = second


cdef inline char* put(char* out, const void* at, Py_ssize_t size) noexcept nogil:
    memcpy(out, at, <size_t>size)
    return out + size


cdef inline char* put_number(char* out, uint32_t number) noexcept nogil:
    cdef char digits[10]
    cdef int at = 10
    while True:
        at -= 1
        digits[at] = <char>(c"0" + number % 10)
        number //= 10
        if not number:
            return put(out, digits + at, 10 - at)


cdef inline bint is_current(
    const Request* request, const Document* document
) noexcept nogil:
    """Whether the phone has *document* already."""
    return request.tag is not NULL and (
        request.tag_size == document.tag_size
        and memcmp(request.tag, tag_of(document), request.tag_size) == 0
    )


cdef inline Py_ssize_t write_answer(
    const Beginnings* beginnings,
    const Request* request,
    const Document* document,
    bint current,
    char* out,
) noexcept nogil:
    """Write *document*, or that it is *current*; the size.

    There is room for MAX_ANSWER_HEAD bytes and the content.
    """
    cdef char* begin = out
    if current:
        out = put(out, beginnings.same, beginnings.same_size)
    else:
        out = put(out, beginnings.ok, beginnings.ok_size)
    # A 304 tells the length, too, except of nothing.
    if not current or document.content_size:
        out = put(out, b"Content-Length: ", 16)
        out = put_number(out, document.content_size)
        out = put(out, b"\r\n", 2)
    out = put(out, b"ETag: ", 6)
    out = put(out, tag_of(document), document.tag_size)
    out = put(out, b"\r\nCache-Control: private, no-cache\r\n", 36)
    if not request.keep_alive:
        out = put(out, b"Connection: close\r\n", 19)
    elif request.is_1_0:
        out = put(out, b"Connection: keep-alive\r\n", 24)
    out = put(out, b"\r\n", 2)
    if not current and not request.head:
        if document.blueprint is NULL:
            memcpy(out, packed_of(document), document.packed_size)
        else:
            assemble_into(document.blueprint, packed_of(document), out)
        out += document.content_size
    return out - begin
