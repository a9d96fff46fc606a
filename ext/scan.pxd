# Byte scanning shared by the parsers.  Inline functions only: a .pxd without a .pyx
# is copied into each module that cimports it, so nothing here is looked up at run
# time and no cdef class may ever be declared in this file.

from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* One byte's classes in SIP, for one look-up where a chain of comparisons would
       be.  Bytes from 0x80 are in none of them.
         1  token           RFC 3261 section 25.1
         2  blank           SP HT, and CR LF as the marks of a fold
         4  ends a value    blank ; , "
         8  ends a URI      blank < > "
        16  in a quote      ends it, or escapes the next: " \\  */
    __attribute__((unused)) static const uint8_t bw_sip_class[256] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 14, 0, 0, 14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        14, 1, 28, 0, 0, 1, 0, 1, 0, 0, 1, 1, 4, 1, 1, 0,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 4, 8, 0, 8, 0,
        0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 16, 0, 0, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0,
    };

    /* Offset, *at* to *end*, of the first byte that is in one of *classes*; or, with
       *within*, that is in none.  Four at a time: the loop costs more than the look. */
    static inline ptrdiff_t bw_span(
        const uint8_t *p, ptrdiff_t at, ptrdiff_t end, uint8_t classes, int within
    ) {
    #define BW_STEP(k)                                                              \\
        if (((bw_sip_class[p[at + k]] & classes) == 0) == within)                   \\
            return at + k;
        for (; end - at >= 4; at += 4) {
            BW_STEP(0)
            BW_STEP(1)
            BW_STEP(2)
            BW_STEP(3)
        }
        for (; at < end; at++)
            BW_STEP(0)
    #undef BW_STEP
        return at;
    }

    /* memchr is declared to take a pointer that is valid even for size 0. */
    static inline ptrdiff_t bw_find(const uint8_t *at, ptrdiff_t size, int wanted) {
        const uint8_t *found =
            size > 0 ? (const uint8_t *)memchr(at, wanted, (size_t)size) : 0;
        return found ? found - at : -1;
    }

    /* Sixteen bytes at once; gcc and clang know these on every machine. */
    typedef uint8_t bw_bytes16 __attribute__((vector_size(16)));

    /* One bit per byte of a comparison's result. */
    static inline uint64_t bw_bits16(bw_bytes16 marks) {
    #ifdef __SSE2__
        typedef char bw_chars16 __attribute__((vector_size(16)));
        return (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128((bw_chars16)marks);
    #else
        uint64_t halves[2];
        memcpy(halves, &marks, sizeof marks);
        /* Gathers the lowest bit of each byte in the highest byte. */
        for (int i = 0; i < 2; i++)
            halves[i] =
                ((halves[i] & 0x0101010101010101) * 0x0102040810204080) >> 56;
        return halves[0] | halves[1] << 8;
    #endif
    }

    /* Sets one bit in lines[i / 64] per LF of at[0:size], and returns whether there is
       no control byte but HT, LF, and CR before LF.  Sixteen bytes at a time, the last
       ones from a copy with zeros behind them taken for blanks. */
    static inline int bw_mark_lines(
        const uint8_t *at, ptrdiff_t size, uint64_t *lines
    ) {
        bw_bytes16 bad = {0};
        uint64_t bare = 0, carry = 0, halves[2];
        for (ptrdiff_t i = 0; i < size; i += 64) {
            uint64_t lf = 0, cr = 0;
            for (int k = 0; k < 64 && i + k < size; k += 16) {
                bw_bytes16 c, is_lf, is_cr;
                if (size - i - k >= 16) {
                    memcpy(&c, at + i + k, sizeof c);
                } else {
                    memset(&c, ' ', sizeof c);
                    memcpy(&c, at + i + k, (size_t)(size - i - k));
                }
                is_lf = (bw_bytes16)(c == '\\n');
                is_cr = (bw_bytes16)(c == '\\r');
                bad |= (bw_bytes16)(c == 0x7f)
                    | ((bw_bytes16)(c < 0x20)
                       ^ (is_lf | is_cr | (bw_bytes16)(c == '\\t')));
                lf |= bw_bits16(is_lf) << k;
                cr |= bw_bits16(is_cr) << k;
            }
            bare |= (cr << 1 | carry) & ~lf;  /* a byte behind a CR, and no LF */
            carry = cr >> 63;
            lines[i / 64] = lf;
        }
        memcpy(halves, &bad, sizeof bad);
        /* A CR that ends the datagram leaves a mark behind its end, or a carry. */
        return !(halves[0] | halves[1] | bare | carry);
    }

    /* Offset of the first bit from *at* on, below *size*, or -1. */
    static inline ptrdiff_t bw_next_line(
        const uint64_t *lines, ptrdiff_t at, ptrdiff_t size
    ) {
        ptrdiff_t word = at / 64;
        uint64_t bits;
        if (at >= size)
            return -1;
        bits = lines[word] >> (at % 64);
        if (bits)
            return at + __builtin_ctzll(bits);
        while (++word * 64 < size)
            if (lines[word])
                return word * 64 + __builtin_ctzll(lines[word]);
        return -1;
    }

    static inline uint64_t bw_controls16(const uint8_t *at) {
        bw_bytes16 c;
        memcpy(&c, at, sizeof c);
        return bw_bits16((bw_bytes16)((c < 0x20) | (c == 0x7f)));
    }

    /* Sets one bit in marks[i / 64] per control byte of at[0:size], DEL among them. */
    static inline void bw_mark_controls(
        const uint8_t *at, ptrdiff_t size, uint64_t *marks
    ) {
        uint8_t rest[64];
        for (; size >= 64; at += 64, size -= 64)
            *marks++ = bw_controls16(at) | bw_controls16(at + 16) << 16
                | bw_controls16(at + 32) << 32 | bw_controls16(at + 48) << 48;
        if (size > 0) {
            memset(rest, ' ', sizeof rest);
            memcpy(rest, at, (size_t)size);
            *marks = bw_controls16(rest) | bw_controls16(rest + 16) << 16
                | bw_controls16(rest + 32) << 32 | bw_controls16(rest + 48) << 48;
        }
    }

    /* Offset of the first byte that is below *below*, or *one*, *two* or *three*; or
       *size*.  Sixteen at a time as long as there are as many: *size* may go far beyond
       what is looked for. */
    static inline ptrdiff_t bw_stop(
        const uint8_t *at, ptrdiff_t size, uint8_t below, uint8_t one, uint8_t two,
        uint8_t three
    ) {
        ptrdiff_t i = 0;
        for (; i + 16 <= size; i += 16) {
            bw_bytes16 c;
            uint64_t found;
            memcpy(&c, at + i, sizeof c);
            found = bw_bits16((bw_bytes16)(
                (c < below) | (c == one) | (c == two) | (c == three)));
            if (found)
                return i + __builtin_ctzll(found);
        }
        for (; i < size; i++)
            if (at[i] < below || at[i] == one || at[i] == two || at[i] == three)
                return i;
        return size;
    }

    /* Offset of the first byte that may end a URI, at or below the blank or one of
       < > ", or of the last fifteen; the caller looks at what it finds. */
    static inline ptrdiff_t bw_uri_end_near(const uint8_t *at, ptrdiff_t size) {
        ptrdiff_t i = 0;
        for (; i + 16 <= size; i += 16) {
            bw_bytes16 c, marks;
            uint64_t halves[2];
            memcpy(&c, at + i, sizeof c);
            marks = (bw_bytes16)((c <= 0x20) | (c == '<') | (c == '>') | (c == '"'));
            memcpy(halves, &marks, sizeof marks);
            if (halves[0] | halves[1])
                return i + (halves[0] ? 0 : 8);
        }
        return i;
    }

    /* *lower* holds lower-case letters, digits and % : = - / and dot.  Only letters
       have bit 6; setting their bit 5 makes either case lower and nothing else so.
       With a constant size the loads and masks of *lower* are constants. */
    #define BW_SAME(type)                                                           \\
        {                                                                           \\
            type have, want, mask = (type)0x4040404040404040;                       \\
            memcpy(&have, at, sizeof have);                                         \\
            memcpy(&want, lower, sizeof want);                                      \\
            if ((type)(have | ((want & mask) >> 1)) != want)                        \\
                return 0;                                                           \\
            at += sizeof have;                                                      \\
            lower += sizeof want;                                                   \\
        }
    static inline int bw_same(const uint8_t *at, const char *lower, ptrdiff_t size) {
        for (; size >= 8; size -= 8)
            BW_SAME(uint64_t)
        if (size & 4)
            BW_SAME(uint32_t)
        if (size & 2)
            BW_SAME(uint16_t)
        if (size & 1)
            BW_SAME(uint8_t)
        return 1;
    }
    """
    const uint8_t* bw_sip_class
    Py_ssize_t bw_find(const uint8_t* at, Py_ssize_t size, int wanted) noexcept nogil
    Py_ssize_t bw_span(
        const uint8_t* p, Py_ssize_t at, Py_ssize_t end, uint8_t classes, bint within
    ) noexcept nogil
    Py_ssize_t bw_uri_end_near(const uint8_t* at, Py_ssize_t size) noexcept nogil
    bint bw_mark_lines(
        const uint8_t* at, Py_ssize_t size, uint64_t* lines
    ) noexcept nogil
    Py_ssize_t bw_next_line(
        const uint64_t* lines, Py_ssize_t at, Py_ssize_t size
    ) noexcept nogil
    void bw_mark_controls(
        const uint8_t* at, Py_ssize_t size, uint64_t* marks
    ) noexcept nogil
    Py_ssize_t bw_stop(
        const uint8_t* at,
        Py_ssize_t size,
        uint8_t below,
        uint8_t one,
        uint8_t two,
        uint8_t three,
    ) noexcept nogil
    bint bw_same(const uint8_t* at, const char* lower, Py_ssize_t size) noexcept nogil


cdef inline Py_ssize_t find_byte(
    const uint8_t* at, Py_ssize_t size, uint8_t wanted
) noexcept nogil:
    """Offset of the first *wanted* in at[0:size], or -1."""
    return bw_find(at, size, wanted)


cdef inline bint mark_lines(
    const uint8_t* at, Py_ssize_t size, uint64_t* lines
) noexcept nogil:
    """Set a bit of *lines*, of one word per 64 bytes, for each LF in at[0:size].

    Return whether there is no control byte but HT, LF, and CR before LF.
    """
    return bw_mark_lines(at, size, lines)


cdef inline Py_ssize_t next_line_end(
    const uint64_t* lines, Py_ssize_t at, Py_ssize_t size
) noexcept nogil:
    """Offset of the first LF from *at* on that mark_lines() found, or -1."""
    return bw_next_line(lines, at, size)


cdef inline void mark_controls(
    const uint8_t* at, Py_ssize_t size, uint64_t* marks
) noexcept nogil:
    """Set a bit of *marks*, of one word per 64 bytes, for each control byte."""
    bw_mark_controls(at, size, marks)


cdef inline Py_ssize_t next_mark(
    const uint64_t* marks, Py_ssize_t at, Py_ssize_t size
) noexcept nogil:
    """Offset of the first mark from *at* on, or -1."""
    return bw_next_line(marks, at, size)


cdef inline bint is_sip_token(uint8_t byte) noexcept nogil:
    """Whether *byte* may stand in a token of RFC 3261 section 25.1."""
    return (bw_sip_class[byte] & 1) != 0


cdef inline bint is_sip_blank(uint8_t byte) noexcept nogil:
    """Whether *byte* is SP, HT, or a CR or LF of a fold."""
    return (bw_sip_class[byte] & 2) != 0


cdef inline Py_ssize_t sip_token_end(
    const uint8_t* p, Py_ssize_t at, Py_ssize_t end
) noexcept nogil:
    """Offset of the first byte of p[at:end] that is not of a token, or *end*."""
    return bw_span(p, at, end, 1, True)


cdef inline Py_ssize_t sip_display_end(
    const uint8_t* p, Py_ssize_t at, Py_ssize_t end
) noexcept nogil:
    """Offset of the first byte of p[at:end] neither of a token nor blank, or *end*."""
    return bw_span(p, at, end, 3, True)


cdef inline Py_ssize_t sip_value_end(
    const uint8_t* p, Py_ssize_t at, Py_ssize_t end
) noexcept nogil:
    """Offset of the first byte of p[at:end] that ends an unquoted value, or *end*."""
    return bw_span(p, at, end, 4, False)


cdef inline Py_ssize_t sip_quote_or_escape(
    const uint8_t* p, Py_ssize_t at, Py_ssize_t end
) noexcept nogil:
    """Offset of the first quote or backslash of p[at:end], or *end*."""
    return bw_span(p, at, end, 16, False)


cdef inline bint ends_sip_uri(uint8_t byte) noexcept nogil:
    """Whether *byte* ends a URI in angle brackets, rightly or wrongly."""
    return (bw_sip_class[byte] & 8) != 0


cdef inline Py_ssize_t sip_uri_size(
    const uint8_t* at, Py_ssize_t size
) noexcept nogil:
    """Offset of the first byte of at[0:size] that ends a URI, or *size*."""
    return bw_span(at, bw_uri_end_near(at, size), size, 8, False)


cdef inline bint same(
    const uint8_t* at, Py_ssize_t size, const char* lower, Py_ssize_t length
) noexcept nogil:
    """Whether at[0:size] is lower[0:length] in any letter case (ASCII only)."""
    return size == length and bw_same(at, lower, length)


cdef inline int hex_value(uint8_t byte) noexcept nogil:
    """Value of one hex digit in either case, or -1."""
    if 0x30 <= byte <= 0x39:
        return byte - 0x30
    byte |= 0x20
    if 0x61 <= byte <= 0x66:
        return byte - 0x61 + 10
    return -1


cdef inline int64_t mac_from_hex(const uint8_t* at) noexcept nogil:
    """The MAC spelt by the twelve hex digits at[0:12], or -1 if one is no digit."""
    cdef int64_t mac = 0
    cdef int i, digit
    for i in range(12):
        digit = hex_value(at[i])
        if digit < 0:
            return -1
        mac = mac << 4 | digit
    return mac
