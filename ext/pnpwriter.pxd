# Text written into a buffer of fixed size: what does not fit is left out, and said.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, strlen
from sipmessage cimport Bytes, Span

cdef extern from *:
    """
    #include <stdint.h>

    /* Eight lower-case digits, all at once: a byte for each, to which 0 is added, and
       what lies between 9 and a where it is above 9. */
    static inline void bw_hex8(uint32_t number, uint8_t *out) {
        uint64_t x = number, above;
        x = (x | x << 16) & 0x0000ffff0000ffff;
        x = (x | x << 8) & 0x00ff00ff00ff00ff;
        x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
        above = ((x + 0x0606060606060606) >> 4) & 0x0101010101010101;
        x += 0x3030303030303030 + above * ('a' - '0' - 10);
        for (int i = 0; i < 8; i++)
            out[i] = (uint8_t)(x >> (56 - 8 * i));
    }
    """
    void bw_hex8(uint32_t number, uint8_t* out) noexcept nogil


cdef struct Writer:
    uint8_t* start
    uint8_t* at
    uint8_t* end
    bint full


cdef inline Writer writer(void* at, Py_ssize_t size) noexcept nogil:
    """A writer that fills at[0:size]."""
    return Writer(<uint8_t*>at, <uint8_t*>at, <uint8_t*>at + size, False)


cdef inline void write(Writer* w, const void* data, Py_ssize_t size) noexcept nogil:
    if w.end - w.at < size:
        w.full = True
        return
    memcpy(w.at, data, <size_t>size)
    w.at += size


cdef inline void write_text(Writer* w, const char* text) noexcept nogil:
    write(w, text, <Py_ssize_t>strlen(text))


cdef inline void write_part(Writer* w, Bytes p, int at, int end) noexcept nogil:
    write(w, p + at, end - at)


cdef inline void write_span(Writer* w, Bytes p, Span span) noexcept nogil:
    write(w, p + span.at, span.end - span.at)


cdef inline void write_number(Writer* w, uint32_t number) noexcept nogil:
    cdef uint8_t[10] digits
    cdef int at = 10
    while True:
        at -= 1
        digits[at] = <uint8_t>(0x30 + number % <uint32_t>10)
        number //= <uint32_t>10
        if number == 0:
            break
    write(w, digits + at, 10 - at)


cdef inline void write_ipv4(Writer* w, uint32_t number) noexcept nogil:
    cdef int shift
    for shift in range(24, -1, -8):
        write_number(w, number >> shift & 0xFF)
        if shift:
            write(w, <const char*>".", 1)


cdef inline void hex_digits(uint64_t number, uint8_t* out) noexcept nogil:
    """Spell *number* in 16 lower-case digits."""
    bw_hex8(<uint32_t>(number >> 32), out)
    bw_hex8(<uint32_t>number, out + 8)
