# Byte scanning shared by the parsers.  Inline functions only: a .pxd without a .pyx
# is copied into each module that cimports it, so nothing here is looked up at run
# time and no cdef class may ever be declared in this file.

from libc.stdint cimport int64_t, uint8_t

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

    /* memchr is declared to take a pointer that is valid even for size 0. */
    static inline ptrdiff_t bw_find(const uint8_t *at, ptrdiff_t size, int wanted) {
        const uint8_t *found =
            size > 0 ? (const uint8_t *)memchr(at, wanted, (size_t)size) : 0;
        return found ? found - at : -1;
    }

    /* Sixteen bytes at once; gcc and clang know these on every machine. */
    typedef uint8_t bw_bytes16 __attribute__((vector_size(16)));

    /* Marks the control bytes but HT, LF, and CR before LF.  Reads at[16] too. */
    static inline bw_bytes16 bw_unclean16(const uint8_t *at) {
        bw_bytes16 c, next;
        memcpy(&c, at, sizeof c);
        memcpy(&next, at + 1, sizeof next);
        return (bw_bytes16)(
            ((c < 0x20) & (c != '\\t') & (c != '\\n') & (c != '\\r'))
            | (c == 0x7f) | ((c == '\\r') & (next != '\\n')));
    }

    static inline int bw_is_clean(const uint8_t *at, ptrdiff_t size) {
        ptrdiff_t i = 0;
        if (size >= 17) {
            bw_bytes16 bad = {0};
            uint64_t halves[2];
            for (; i + 17 <= size; i += 16)
                bad |= bw_unclean16(at + i);
            bad |= bw_unclean16(at + size - 17);  /* the rest, and some bytes again */
            i = size - 1;
            memcpy(halves, &bad, sizeof bad);
            if (halves[0] | halves[1])
                return 0;
        }
        for (; i < size; i++) {
            uint8_t c = at[i], next = i + 1 < size ? at[i + 1] : 0;
            if (c == 0x7f || (c == '\\r' && next != '\\n'))
                return 0;
            if (c < 0x20 && c != '\\t' && c != '\\n' && c != '\\r')
                return 0;
        }
        return 1;
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
    bint bw_is_clean(const uint8_t* at, Py_ssize_t size) noexcept nogil
    bint bw_same(const uint8_t* at, const char* lower, Py_ssize_t size) noexcept nogil


cdef inline Py_ssize_t find_byte(
    const uint8_t* at, Py_ssize_t size, uint8_t wanted
) noexcept nogil:
    """Offset of the first *wanted* in at[0:size], or -1."""
    return bw_find(at, size, wanted)


cdef inline bint is_clean(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """Whether at[0:size] has no control byte but HT, LF, and CR before LF."""
    return bw_is_clean(at, size)


cdef inline bint is_sip_token(uint8_t byte) noexcept nogil:
    """Whether *byte* may stand in a token of RFC 3261 section 25.1."""
    return (bw_sip_class[byte] & 1) != 0


cdef inline bint is_sip_blank(uint8_t byte) noexcept nogil:
    """Whether *byte* is SP, HT, or a CR or LF of a fold."""
    return (bw_sip_class[byte] & 2) != 0


cdef inline bint is_sip_token_or_blank(uint8_t byte) noexcept nogil:
    """Whether *byte* is one or the other."""
    return (bw_sip_class[byte] & 3) != 0


cdef inline bint ends_sip_value(uint8_t byte) noexcept nogil:
    """Whether *byte* ends a parameter's value that is not quoted."""
    return (bw_sip_class[byte] & 4) != 0


cdef inline bint ends_sip_uri(uint8_t byte) noexcept nogil:
    """Whether *byte* ends a URI in angle brackets, rightly or wrongly."""
    return (bw_sip_class[byte] & 8) != 0


cdef inline bint is_sip_quote_or_escape(uint8_t byte) noexcept nogil:
    """Whether *byte* ends a quoted-string or makes the next one not end it."""
    return (bw_sip_class[byte] & 16) != 0


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
