# Recognising a plain GET or HEAD of a phone (RFC 9112): what is not surely one is left
# to others.  Inline functions only.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from scan cimport hex_value, mac_from_hex, same

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char* text, void* address)
    enum: AF_INET6, INET6_ADDRSTRLEN

cdef extern from *:
    """
    /* What stands where in a request, one look-up for each byte.
         1  in a path, as far as the lane reads them: letters digits - . _ /
         2  in a field's name: letters and -
         4  in a field's value: SP and visible ASCII
         8  in a Host that is a name or an IPv4 address, and perhaps a port
        16  letters and digits  */
    #define BW_L 31
    static const uint8_t bw_http_class[256] = {
        [' '] = 4, ['!'] = 4, ['"'] = 4, ['#'] = 4, ['$'] = 4, ['%'] = 4, ['&'] = 4,
        ['\\''] = 4, ['('] = 4, [')'] = 4, ['*'] = 4, ['+'] = 4, [','] = 4,
        ['-'] = 1 | 2 | 4 | 8, ['.'] = 1 | 4 | 8, ['/'] = 1 | 4,
        ['0'] = 29, ['1'] = 29, ['2'] = 29, ['3'] = 29, ['4'] = 29,
        ['5'] = 29, ['6'] = 29, ['7'] = 29, ['8'] = 29, ['9'] = 29,
        [':'] = 4 | 8, [';'] = 4, ['<'] = 4, ['='] = 4, ['>'] = 4, ['?'] = 4,
        ['@'] = 4,
        ['A'] = 31, ['B'] = 31, ['C'] = 31, ['D'] = 31, ['E'] = 31, ['F'] = 31,
        ['G'] = 31, ['H'] = 31, ['I'] = 31, ['J'] = 31, ['K'] = 31, ['L'] = 31,
        ['M'] = 31, ['N'] = 31, ['O'] = 31, ['P'] = 31, ['Q'] = 31, ['R'] = 31,
        ['S'] = 31, ['T'] = 31, ['U'] = 31, ['V'] = 31, ['W'] = 31, ['X'] = 31,
        ['Y'] = 31, ['Z'] = 31,
        ['['] = 4, ['\\\\'] = 4, [']'] = 4, ['^'] = 4, ['_'] = 1 | 4 | 8, ['`'] = 4,
        ['a'] = 31, ['b'] = 31, ['c'] = 31, ['d'] = 31, ['e'] = 31, ['f'] = 31,
        ['g'] = 31, ['h'] = 31, ['i'] = 31, ['j'] = 31, ['k'] = 31, ['l'] = 31,
        ['m'] = 31, ['n'] = 31, ['o'] = 31, ['p'] = 31, ['q'] = 31, ['r'] = 31,
        ['s'] = 31, ['t'] = 31, ['u'] = 31, ['v'] = 31, ['w'] = 31, ['x'] = 31,
        ['y'] = 31, ['z'] = 31,
        ['{'] = 4, ['|'] = 4, ['}'] = 4, ['~'] = 4,
    };
    """
    const uint8_t* bw_http_class

cdef enum:
    # http.target.DocumentKind
    GENERAL_FILES = 1
    GENERAL_SETTINGS = 2
    FILES = 3
    SETTINGS = 4
    FIRMWARE = 5

cdef enum:
    IN_PATH = 1
    IN_NAME = 2
    IN_VALUE = 4
    IN_HOST = 8
    ALPHANUMERIC = 16

cdef enum:
    # What is longer is read by others; phones stay far below.
    MAX_HEAD = 2048
    MAX_TARGET = 256
    MAX_FIELDS = 24
    MAX_HOST = 255
    MAX_AGENT = 256
    MAX_TYPE = 32
    TOKEN_BYTES = 27  # http.target.TOKEN

cdef struct Request:
    const uint8_t* agent  # the User-Agent, NULL without one
    const uint8_t* tag  # the one strong tag of If-None-Match, NULL without
    const uint8_t* type  # a phone type in the URL, NULL without
    const uint8_t* token  # TOKEN_BYTES of a folder in the URL, NULL without
    uint64_t mac
    uint32_t consumed
    uint16_t agent_size
    uint16_t tag_size
    uint16_t type_size
    uint8_t kind
    bint head
    bint is_1_0
    bint keep_alive


cdef inline bint all_of(
    const uint8_t* at, Py_ssize_t size, uint8_t wanted
) noexcept nogil:
    """Whether each byte of at[0:size] is of the class *wanted*."""
    cdef Py_ssize_t i
    for i in range(size):
        if not bw_http_class[at[i]] & wanted:
            return False
    return True


cdef inline int extension_of(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """How a name ends: 0 with nothing at all, 1 .htm or .html, 2 .xml or .cfg.

    -1 for whatever else at[0:size] is.
    """
    if size == 0:
        return 0
    if same(at, size, ".htm", 4) or same(at, size, ".html", 5):
        return 1
    if same(at, size, ".xml", 4) or same(at, size, ".cfg", 4):
        return 2
    return -1


cdef inline bint is_token(const uint8_t* at) noexcept nogil:
    """Whether at[0:TOKEN_BYTES] is of the form of a token (http.target)."""
    cdef Py_ssize_t i
    if at[0] != c"t":
        return False
    for i in range(1, TOKEN_BYTES):
        if not (c"a" <= at[i] <= c"z" or c"2" <= at[i] <= c"7"):
            return False
    return True


cdef inline bint read_target(
    const uint8_t* at, Py_ssize_t size, Request* request
) noexcept nogil:
    """Find what at[0:size], in origin-form, asks for; False when in doubt.

    The forms are those of http.target without escapes and placeholders.
    """
    cdef Py_ssize_t i = 1, start = 1, folder = 1, before = 0, type_size
    cdef int64_t mac
    cdef int extension
    cdef const uint8_t* name
    cdef Py_ssize_t length
    if size < 2 or at[0] != c"/":
        return False
    while i < size and bw_http_class[at[i]] & IN_PATH:
        if at[i] == c"/":
            if i - start == TOKEN_BYTES and is_token(at + start):
                request.token = at + start
            folder, before = start, i
            start = i + 1
        i += 1
    name = at + start
    length = i - start
    if i < size:
        # Only ?mac=<MAC>, and only where the name tells nothing about a model.
        if size - i != 17 or not same(at + i, 5, "?mac=", 5):
            return False
        if length >= 4 and same(name, 4, "snom", 4):
            return False
        mac = mac_from_hex(at + i + 5)
        if mac < 0:
            return False
        request.kind = SETTINGS
        request.mac = <uint64_t>mac
        return True
    if length >= 12:
        mac = mac_from_hex(name)
        if mac >= 0:
            if extension_of(name + 12, length - 12) < 0:
                return False
            request.kind = SETTINGS
            request.mac = <uint64_t>mac
            return True
    if same(name, length, "general.xml", 11):
        request.kind = GENERAL_SETTINGS
        return True
    if length < 5 or not same(name, 4, "snom", 4):
        return False
    type_size = 4
    while type_size < length and bw_http_class[name[type_size]] & ALPHANUMERIC:
        type_size += 1
    if type_size == 4 or type_size > MAX_TYPE:
        return False
    request.type = name
    request.type_size = <uint16_t>type_size
    if type_size < length and name[type_size] == c"-":
        name += type_size + 1
        length -= type_size + 1
        if length >= 8 and same(name, 8, "firmware", 8):
            request.kind = FIRMWARE
            return extension_of(name + 8, length - 8) == 1
        if length < 12:
            return False
        mac = mac_from_hex(name)
        extension = extension_of(name + 12, length - 12)
        if mac < 0 or extension < 0:
            return False
        request.kind = SETTINGS if extension == 2 else FILES
        request.mac = <uint64_t>mac
        return True
    extension = extension_of(name + type_size, length - type_size)
    if extension == 1:
        request.kind = GENERAL_FILES
        return True
    if extension != 2 or not same(name + type_size, 4, ".xml", 4):
        return False
    request.kind = GENERAL_SETTINGS
    return same(at + folder, before - folder, "general", 7)


cdef inline bint is_host(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """Whether at[0:size] is surely a host (RFC 9112 section 3.2), perhaps with port."""
    cdef Py_ssize_t end = 0, i
    cdef int port = 0
    cdef char text[INET6_ADDRSTRLEN]
    cdef uint8_t address[16]
    if size and at[0] == c"[":
        end = 1
        while end < size and (hex_value(at[end]) >= 0 or at[end] == c":"):
            end += 1
        if end == size or at[end] != c"]" or end - 1 >= <Py_ssize_t>sizeof(text):
            return False
        memcpy(text, at + 1, <size_t>(end - 1))
        text[end - 1] = 0
        if inet_pton(AF_INET6, text, address) != 1:
            return False
        end += 1
    else:
        while end < size and at[end] != c":":
            if not bw_http_class[at[end]] & IN_HOST:
                return False
            end += 1
        if not 0 < end <= MAX_HOST:
            return False
    if end == size:
        return True
    if at[end] != c":" or not 1 <= size - end - 1 <= 5:
        return False
    for i in range(end + 1, size):
        if not c"0" <= at[i] <= c"9":
            return False
        port = port * 10 + at[i] - c"0"
    return port <= 65535


cdef inline bint is_strong_tag(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """Whether at[0:size] is exactly one strong entity-tag, in ASCII."""
    cdef Py_ssize_t i
    if size < 2 or at[0] != c'"' or at[size - 1] != c'"':
        return False
    for i in range(1, size - 1):
        if at[i] <= 0x20 or at[i] >= 0x7f or at[i] == c'"':
            return False
    return True


cdef inline bint is_harmless(const uint8_t* name, Py_ssize_t size) noexcept nogil:
    """Whether a field of this name changes no answer, whatever it says."""
    if size == 6:
        return same(name, size, "accept", 6) or same(name, size, "pragma", 6)
    if size == 13:
        return same(name, size, "cache-control", 13)
    if size == 14:
        return same(name, size, "accept-charset", 14)
    if size == 15:
        return (
            same(name, size, "accept-encoding", 15)
            or same(name, size, "accept-language", 15)
        )
    return False


cdef enum:
    SEEN_HOST = 1
    SEEN_CONNECTION = 2
    SEEN_AGENT = 4
    SEEN_TAG = 8


cdef inline bint recognised(
    const uint8_t* at, Py_ssize_t size, Request* request
) noexcept nogil:
    """Whether at[0:size] begins with a request that this module understands fully.

    Then *request* describes it, with pointers into at[0:size]; nothing behind its
    blank line is looked at.
    """
    cdef Py_ssize_t i, start, end, fields = 0
    cdef const uint8_t* value
    cdef Py_ssize_t length
    cdef int seen = 0, bit
    cdef bint close = False, keep = False
    memset(request, 0, sizeof(Request))
    if size > MAX_HEAD:
        size = MAX_HEAD
    if size >= 5 and memcmp(at, b"GET /", 5) == 0:
        start = 4
    elif size >= 6 and memcmp(at, b"HEAD /", 6) == 0:
        start = 5
        request.head = True
    else:
        return False
    i = start
    while i < size and at[i] > 0x20:
        i += 1
    # " HTTP/1.1" and CRLF
    if i - start > MAX_TARGET or size - i < 11 or memcmp(at + i, b" HTTP/1.", 8):
        return False
    request.is_1_0 = at[i + 8] == c"0"
    if not request.is_1_0 and at[i + 8] != c"1":
        return False
    if at[i + 9] != c"\r" or at[i + 10] != c"\n":
        return False
    if not read_target(at + start, i - start, request):
        return False
    i += 11
    while True:
        if size - i < 2:
            return False
        if at[i] == c"\r":
            if at[i + 1] != c"\n":
                return False
            i += 2
            break
        fields += 1
        if fields > MAX_FIELDS:
            return False
        start = i
        while i < size and bw_http_class[at[i]] & IN_NAME:
            i += 1
        end = i
        if i == size or at[i] != c":" or end == start:
            return False
        i += 1
        while i < size and at[i] == c" ":
            i += 1
        value = at + i
        while i < size and bw_http_class[at[i]] & IN_VALUE:
            i += 1
        length = at + i - value
        if size - i < 2 or at[i] != c"\r" or at[i + 1] != c"\n":
            return False
        i += 2
        # Blanks at its end are no part of a value: let others cut them off.
        if length == 0 or value[length - 1] == c" ":
            return False
        bit = 0
        if same(at + start, end - start, "host", 4):
            bit = SEEN_HOST
            if not is_host(value, length):
                return False
        elif same(at + start, end - start, "user-agent", 10):
            bit = SEEN_AGENT
            if length > MAX_AGENT:
                return False
            request.agent = value
            request.agent_size = <uint16_t>length
        elif same(at + start, end - start, "connection", 10):
            bit = SEEN_CONNECTION
            close = same(value, length, "close", 5)
            keep = same(value, length, "keep-alive", 10)
            if not close and not keep:
                return False
        elif same(at + start, end - start, "if-none-match", 13):
            bit = SEEN_TAG
            if not is_strong_tag(value, length):
                return False
            request.tag = value
            request.tag_size = <uint16_t>length
        elif not is_harmless(at + start, end - start):
            return False
        if seen & bit:
            return False
        seen |= bit
    if not request.is_1_0 and not seen & SEEN_HOST:
        return False
    request.keep_alive = keep if request.is_1_0 else not close
    request.consumed = <uint32_t>i
    return True


cdef inline Py_ssize_t next_mac(
    const uint8_t* at, Py_ssize_t size, Py_ssize_t start, int64_t* mac
) noexcept nogil:
    """Where the next word of twelve hex digits at or behind *start* is, or -1."""
    cdef Py_ssize_t i = start, begin
    if start > 0 and bw_http_class[at[start - 1]] & ALPHANUMERIC:
        while i < size and bw_http_class[at[i]] & ALPHANUMERIC:
            i += 1
    while i < size:
        while i < size and not bw_http_class[at[i]] & ALPHANUMERIC:
            i += 1
        begin = i
        while i < size and bw_http_class[at[i]] & ALPHANUMERIC:
            i += 1
        if i - begin == 12:
            mac[0] = mac_from_hex(at + begin)
            if mac[0] >= 0:
                return begin
    return -1
