"""The lane: plain requests for documents that are ready, from accept to close.

It reads what a new connection brought, recognises a complete GET or HEAD without body
(RFC 9112, the forms in which phones write one), finds the document, checks its grant
and its revocation counters, assembles it into the buffer and sends it.  Whatever it
does not recognise completely, or has no answer ready for, is handed over: the socket,
and every byte that was read.  So it decides nothing that others decide otherwise; it
answers sooner.

Connections that stay open are watched in an epoll set of the lane's own.  Their
deadlines stand in a wheel of coarse slots; a deadline that moves later leaves its entry
where it is until that slot comes round.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.errno cimport (
    EAGAIN,
    EINTR,
    EMFILE,
    ENFILE,
    ENOBUFS,
    ENOMEM,
    errno,
)
from libc.stdint cimport (
    int16_t,
    int64_t,
    uint8_t,
    uint16_t,
    uint32_t,
    uint64_t,
)
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset, strlen
from scan cimport hex_value, mac_from_hex, same
from tables cimport (
    BW_COUNTERS_CAPSULE,
    BW_TABLE_CAPSULE,
    SOURCE_IPV4,
    SOURCE_IPV6,
    SOURCE_SUBNET,
    CounterMemory,
    Document,
    Phone,
    Source,
    Table,
    assemble_into,
    bw_add,
    bw_load,
    find_document,
    find_phone,
    packed_of,
    same_source,
    shared_slot,
    tag_of,
    use_phone,
)

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <netinet/tcp.h>
    #include <sys/epoll.h>
    #include <sys/socket.h>
    #include <time.h>
    #include <unistd.h>

    #define BW_GONE (EPOLLHUP | EPOLLERR)

    static inline int bw_accept(int fd, struct sockaddr_storage *from) {
        socklen_t size = sizeof *from;
        return accept4(
            fd, (struct sockaddr *)from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

    /* Whose end of a connection: family 0 for what is not of the internet. */
    struct bw_end {
        uint32_t zone;
        uint16_t port;
        uint8_t family;
        uint8_t zero;
        uint8_t address[16];
    };
    static inline void bw_end_of(
            const struct sockaddr_storage *from, struct bw_end *end) {
        memset(end, 0, sizeof *end);
        if (from->ss_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)from;
            end->family = 4;
            end->port = ntohs(in->sin_port);
            memcpy(end->address, &in->sin_addr, 4);
        } else if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
            end->port = ntohs(in->sin6_port);
            if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
                end->family = 4;
                memcpy(end->address, in->sin6_addr.s6_addr + 12, 4);
            } else {
                end->family = 6;
                end->zone = in->sin6_scope_id;
                memcpy(end->address, &in->sin6_addr, 16);
            }
        }
    }
    static inline int bw_own_end(int fd, struct bw_end *end) {
        struct sockaddr_storage own;
        socklen_t size = sizeof own;
        if (getsockname(fd, (struct sockaddr *)&own, &size))
            return -1;
        bw_end_of(&own, end);
        return 0;
    }
    static inline int bw_peer_end(int fd, struct bw_end *end) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size))
            return -1;
        bw_end_of(&peer, end);
        return 0;
    }
    static inline int bw_is_on_link(const uint8_t *address) {
        return (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
            || IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)address);
    }
    static inline int bw_watch(int set, int how, int fd, uint32_t events) {
        struct epoll_event event;
        memset(&event, 0, sizeof event);
        event.events = events;
        event.data.fd = fd;
        return epoll_ctl(set, how, fd, &event);
    }
    static inline void bw_no_delay(int fd) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    static inline void bw_reset_on_close(int fd) {
        struct linger now = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    static inline double bw_clock(clockid_t clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }
    static const char bw_days[] = "SunMonTueWedThuFriSat";
    static const char bw_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    /* IMF-fixdate, RFC 9110 section 5.6.7: 29 bytes. */
    static inline int bw_date(time_t second, char *out, size_t room) {
        struct tm tm;
        gmtime_r(&second, &tm);
        return snprintf(out, room, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
            bw_days + 3 * tm.tm_wday, tm.tm_mday, bw_months + 3 * tm.tm_mon,
            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    }

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
    cdef struct sockaddr_storage:
        pass
    cdef struct bw_end:
        uint32_t zone
        uint16_t port
        uint8_t family
        uint8_t[16] address
    cdef union epoll_data:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data data
    int bw_accept(int fd, sockaddr_storage* peer) nogil
    void bw_end_of(const sockaddr_storage* peer, bw_end* end) nogil
    int bw_own_end(int fd, bw_end* end) nogil
    int bw_peer_end(int fd, bw_end* end) nogil
    bint bw_is_on_link(const uint8_t* address) nogil
    int bw_watch(int set, int how, int fd, uint32_t events) nogil
    void bw_no_delay(int fd) nogil
    void bw_reset_on_close(int fd) nogil
    double bw_clock(int clock) nogil
    int bw_date(int64_t second, char* out, size_t room) nogil
    int epoll_create1(int flags) nogil
    int epoll_wait(int set, epoll_event* events, int count, int timeout) nogil
    ssize_t recv(int fd, void* buffer, size_t size, int flags) nogil
    ssize_t send(int fd, const void* buffer, size_t size, int flags) nogil
    int close(int fd) nogil
    const char* inet_ntop(int family, const void* address, char* out, uint32_t room)
    int inet_pton(int family, const char* text, void* address) nogil
    int snprintf(char* out, size_t room, const char* format, ...) nogil
    enum:
        AF_INET
        AF_INET6
        INET6_ADDRSTRLEN
        CLOCK_BOOTTIME
        CLOCK_MONOTONIC
        CLOCK_REALTIME
        EPOLLIN
        EPOLLOUT
        EPOLL_CLOEXEC
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
        MSG_NOSIGNAL

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

# Requests: recognising one.

cdef struct Request:
    const uint8_t* agent  # the User-Agent, NULL without one
    const uint8_t* tag  # the one strong tag of If-None-Match, NULL without
    const uint8_t* type  # a phone type in the URL, NULL without
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


cdef bint read_target(
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


cdef bint is_host(const uint8_t* at, Py_ssize_t size) noexcept nogil:
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


cdef bint is_strong_tag(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    """Whether at[0:size] is exactly one strong entity-tag, in ASCII."""
    cdef Py_ssize_t i
    if size < 2 or at[0] != c'"' or at[size - 1] != c'"':
        return False
    for i in range(1, size - 1):
        if at[i] <= 0x20 or at[i] >= 0x7f or at[i] == c'"':
            return False
    return True


cdef bint is_harmless(const uint8_t* name, Py_ssize_t size) noexcept nogil:
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


cdef bint recognised(
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


cdef bytes bytes_or_none(const uint8_t* at, Py_ssize_t size):
    return None if at is NULL else PyBytes_FromStringAndSize(<const char*>at, size)


def recognise(data):
    """Return what the request at the start of *data* asks for, or None.

    None means that the lane leaves it to others.  Otherwise (consumed, is HEAD, is
    HTTP/1.0, keep-alive, document kind, MAC, phone type, User-Agent, entity tag); the
    last three are bytes, or None when the request has none.
    """
    cdef Py_buffer view
    cdef Request request
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        if not recognised(<const uint8_t*>view.buf, view.len, &request):
            return None
        return (
            request.consumed,
            request.head != 0,
            request.is_1_0 != 0,
            request.keep_alive != 0,
            request.kind,
            request.mac,
            bytes_or_none(request.type, request.type_size),
            bytes_or_none(request.agent, request.agent_size),
            bytes_or_none(request.tag, request.tag_size),
        )
    finally:
        PyBuffer_Release(&view)


# What is remembered of texts that many phones send: what Python made of them.

cdef enum:
    MEMOS = 512
    MAX_MEMOS = 384
    PLACES = 64  # own addresses remembered
    LISTENERS = 64

cdef struct Memo:
    uint64_t model  # hash of the model's name
    PyObject* detail  # owned; NULL when the place is free
    uint32_t hash
    uint16_t size
    int16_t end  # where the text's description of a phone ends, -1 without one
    bint usable
    uint8_t[MAX_AGENT] key

cdef struct Place:
    bw_end end
    uint64_t url

cdef struct Listener:
    int fd
    bint fixed  # all its connections are to one base URL
    uint64_t url


cdef uint32_t hash_of(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef uint64_t mixed = <uint64_t>size, word
    while size > 0:
        word = 0
        memcpy(&word, at, <size_t>(8 if size > 8 else size))
        mixed = (mixed ^ word) * <uint64_t>0x9E3779B97F4A7C15
        mixed ^= mixed >> 32
        at += 8
        size -= 8
    return <uint32_t>mixed


cdef Py_ssize_t next_mac(
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


# Connections that stay open.

cdef enum:
    CLOSED = 0
    IDLE = 1
    SENDING = 2

cdef enum:
    NOBODY = -1
    WHEEL = 128  # slots; deadlines further away are looked at when they come round

cdef double STEP = 0.25

cdef struct Connection:
    double deadline
    int64_t slot  # in the wheel; -1 in none
    char* outbound  # what the kernel has not taken yet
    uint32_t size
    uint32_t sent
    uint64_t url
    Source source
    bw_end peer
    int wheel_next
    int wheel_before
    int newer  # among those that idle and are as much proven
    int older
    uint8_t state
    uint8_t proven
    uint8_t listed
    uint8_t keep_alive

cdef struct Record:
    # One answer, as a sighting tells it.
    double at
    uint64_t mac
    bw_end peer
    PyObject* detail  # owned
    uint8_t reason

cdef struct Answer:
    Document* document
    uint64_t mac
    PyObject* detail  # borrowed of a memo
    bint own

cdef enum:
    BATCH = 64
    IN_BYTES = 8192
    OUT_BYTES = 262144
    MAX_ANSWER_HEAD = 640
    HEAD_ROOM = 160
    RING = 32768  # a power of two
    COUNTED = 5

cdef enum:
    # What is counted, in the order of the constructor's *counted*.
    CONNECTIONS = 0
    REQUESTS = 1
    DOCUMENTS = 2
    DOCUMENTS_SECRET = 3
    HITS = 4

cdef enum:
    HANDED = 0  # to be handed over, bytes and all
    DONE = 1  # closed, or kept


cdef void source_of(const bw_end* peer, Source* source) noexcept nogil:
    """What a window used from *peer* is pinned to (pairing.sources.source_key)."""
    memset(source, 0, sizeof(Source))
    if peer.family == 4:
        source.kind = SOURCE_IPV4
        memcpy(source.address, peer.address, 4)
    elif bw_is_on_link(peer.address):
        source.kind = SOURCE_IPV6
        source.zone = peer.zone
        memcpy(source.address, peer.address, 16)
    else:
        source.kind = SOURCE_SUBNET
        memcpy(source.address, peer.address, 8)


cdef object text_of(const bw_end* end, bint with_zone):
    cdef char text[INET6_ADDRSTRLEN]
    cdef object host
    inet_ntop(
        AF_INET if end.family == 4 else AF_INET6, end.address, text, INET6_ADDRSTRLEN
    )
    host = PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)
    return f"{host}%{end.zone}" if with_zone and end.zone else host


cdef inline char* put(char* out, const void* at, Py_ssize_t size) noexcept nogil:
    memcpy(out, at, <size_t>size)
    return out + size


cdef char* put_number(char* out, uint32_t number) noexcept nogil:
    cdef char digits[10]
    cdef int at = 10
    while True:
        at -= 1
        digits[at] = <char>(c"0" + number % 10)
        number //= 10
        if not number:
            return put(out, digits + at, 10 - at)


@cython.final
@cython.auto_pickle(False)
cdef class Lane:
    """Answers what is ready; one for each worker, for one thread.

    *documents* and *general* are native.cache.Cache objects, *revocations* and
    *counters* native.counters.Counters.  *layout* tells of the revocations the index
    for everything, the first one of domains and how many there are, and the same of
    MACs (both powers of two).  *row* is added to each index of *counted*: connections,
    requests, documents, documents with secrets, cache hits.  *reasons* are
    the numbers told for a general document, a phone's own, and one not modified.
    *boot* is the present boot's number in *documents*.

    *url* is the base URL of every connection; when it is empty, *url_of* is asked for
    that of an address and port connected to.  *describe* returns of a User-Agent
    (model, detail, end of what describes a phone or -1, how many characters decide);
    *model_of* the model a phone type names.  *vendors* are the OUIs preferred when a
    User-Agent names several MACs.  *idle* and *stall* are deadlines in seconds.
    *capacity* is how many connections there may be with those of others, *crowded*
    from when on unproven ones are not kept.
    """

    cdef object documents_owner, general_owner, revocations_owner, counters_owner
    cdef object url_of, describe, model_of
    cdef Table* documents
    cdef Table* general
    cdef uint64_t* revocations
    cdef Py_ssize_t everything, first_domain, domain_mask, first_mac, mac_mask
    cdef uint64_t* counters
    cdef Py_ssize_t[COUNTED] counted
    cdef uint64_t[COUNTED] counts
    cdef uint8_t[3] reasons
    cdef uint32_t boot
    cdef uint64_t url, no_model
    cdef bint one_url
    cdef uint32_t[8] vendors
    cdef int vendor_count
    cdef double idle_seconds, stall_seconds

    cdef int set
    cdef Connection* connections
    cdef int room
    cdef int count
    cdef int[2] newest
    cdef int[2] oldest
    cdef int[WHEEL] wheel
    cdef int64_t reached
    cdef list handed
    cdef int held
    cdef int capacity, crowded
    cdef bint finishing

    cdef Memo* agents
    cdef int agent_count
    cdef Memo* types
    cdef int type_count
    cdef Place[PLACES] places
    cdef int place_count
    cdef Listener[LISTENERS] listeners
    cdef int listener_count

    cdef Record* ring
    cdef uint64_t written, read_
    cdef uint64_t lost

    cdef int64_t second
    cdef char[HEAD_ROOM] ok_head
    cdef char[HEAD_ROOM] same_head
    cdef Py_ssize_t ok_size, same_size
    cdef uint8_t* inbound
    cdef char* out
    cdef epoll_event[BATCH] events

    def __cinit__(
        self,
        *,
        documents,
        general,
        revocations,
        tuple layout not None,
        counters,
        Py_ssize_t row,
        tuple counted not None,
        tuple reasons not None,
        uint32_t boot,
        str url not None,
        url_of,
        describe,
        model_of,
        tuple vendors not None,
        double idle,
        double stall,
        int capacity,
        int crowded,
    ):
        cdef CounterMemory* memory
        cdef Py_ssize_t i
        self.set = -1
        self.documents_owner, self.general_owner = documents, general
        self.revocations_owner, self.counters_owner = revocations, counters
        self.url_of, self.describe, self.model_of = url_of, describe, model_of
        self.documents = <Table*>PyCapsule_GetPointer(documents.table, BW_TABLE_CAPSULE)
        self.general = <Table*>PyCapsule_GetPointer(general.table, BW_TABLE_CAPSULE)
        memory = <CounterMemory*>PyCapsule_GetPointer(
            revocations.memory, BW_COUNTERS_CAPSULE
        )
        self.revocations = memory.at
        self.everything, self.first_domain, domains, self.first_mac, macs = layout
        self.domain_mask, self.mac_mask = domains - 1, macs - 1
        if (
            min(self.everything, self.first_domain, self.first_mac) < 0
            or domains < 1 or domains & domains - 1
            or macs < 1 or macs & macs - 1
            or self.everything >= memory.count
            or self.first_domain + domains > memory.count
            or self.first_mac + macs > memory.count
        ):
            raise ValueError("the layout does not fit the revocations")
        memory = <CounterMemory*>PyCapsule_GetPointer(
            counters.memory, BW_COUNTERS_CAPSULE
        )
        self.counters = memory.at
        if len(counted) != COUNTED or len(reasons) != 3 or len(vendors) > 8:
            raise ValueError("the constructor's tuples are of other sizes")
        for i in range(COUNTED):
            self.counted[i] = row + counted[i]
            if not 0 <= self.counted[i] < memory.count:
                raise ValueError("there is no such counter")
            self.counts[i] = 0
        for i in range(3):
            self.reasons[i] = reasons[i]
        self.vendor_count = <int>len(vendors)
        for i in range(self.vendor_count):
            self.vendors[i] = vendors[i]
        self.boot = boot
        self.one_url = url != ""
        self.url = <uint64_t>hash(url)
        self.no_model = <uint64_t>hash("")
        self.idle_seconds, self.stall_seconds = idle, stall
        self.capacity, self.crowded = capacity, crowded
        self.handed = []
        self.second = -1
        self.reached = -1
        for i in range(WHEEL):
            self.wheel[i] = NOBODY
        self.newest[0] = self.newest[1] = NOBODY
        self.oldest[0] = self.oldest[1] = NOBODY
        self.agents = <Memo*>calloc(MEMOS, sizeof(Memo))
        self.types = <Memo*>calloc(MEMOS, sizeof(Memo))
        self.ring = <Record*>calloc(RING, sizeof(Record))
        self.inbound = <uint8_t*>malloc(IN_BYTES)
        self.out = <char*>malloc(OUT_BYTES)
        if (
            self.agents is NULL or self.types is NULL or self.ring is NULL
            or self.inbound is NULL or self.out is NULL
        ):
            raise MemoryError
        self.set = epoll_create1(EPOLL_CLOEXEC)
        if self.set < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        cdef int fd
        for fd in range(self.room):
            if self.connections[fd].state != CLOSED:
                free(self.connections[fd].outbound)
                close(fd)
        free(self.connections)
        if self.agents is not NULL:
            forget_memos(self.agents)
        if self.types is not NULL:
            forget_memos(self.types)
        free(self.agents)
        free(self.types)
        if self.ring is not NULL:
            while self.read_ != self.written:
                Py_DECREF(<object>self.ring[self.read_ % RING].detail)
                self.read_ += 1
        free(self.ring)
        free(self.inbound)
        free(self.out)
        if self.set >= 0:
            close(self.set)

    def __len__(self):
        """Return how many connections are open here."""
        return self.count

    def fileno(self):
        """Return the descriptor that is readable when ``turn`` has something to do."""
        return self.set

    @property
    def dropped(self):
        """How many sightings were lost because nobody drained them."""
        return self.lost

    def stamp(self, uint64_t mac, int64_t domain):
        """Return the present stamp of a device in a domain."""
        return self.stamp_of(mac, domain)

    def accept(self, int listener, int limit, int held):
        """Accept at most *limit* connections and answer what is ready.

        *held* is how many connections others hold.  Returns (errors, handed): the
        number of the error that ended it, 0 for none, and what ``turn`` returns.
        """
        cdef sockaddr_storage from_
        cdef bw_end peer
        cdef Source source
        cdef Listener* known = self.listener_of(listener)
        cdef uint64_t url
        cdef int fd, error = 0
        cdef ssize_t size
        cdef int _i
        self.held = held
        for _i in range(limit):
            fd = bw_accept(listener, &from_)
            if fd < 0:
                if errno == EAGAIN:
                    break
                if errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                    error = errno
                    break
                continue  # accept(2): a connection that failed while it waited
            self.counts[CONNECTIONS] += 1
            size = recv(fd, self.inbound, IN_BYTES, 0)
            if size == 0 or (size < 0 and errno not in (EAGAIN, EINTR)):
                close(fd)
                continue
            if size > 0:
                bw_end_of(&from_, &peer)
                if peer.family and self.url_for(known, fd, &url):
                    source_of(&peer, &source)
                    if self.serve(fd, size, &peer, &source, url) == DONE:
                        continue
            self.hand_over(fd, size if size > 0 else 0, False, False)
        return error, self.finished()

    def turn(self, int held):
        """Do what the connections kept here wait for; at most 64 of them.

        Returns what is handed over: a list of (descriptor, bytes already read,
        whether a request was answered on it, whether on a grant).  The descriptors
        belong to the caller.
        """
        cdef int i, fd, count
        self.held = held
        count = epoll_wait(self.set, self.events, BATCH, 0)
        for i in range(count):
            fd = self.events[i].data.fd
            if fd < 0 or fd >= self.room:
                continue
            if self.connections[fd].state == SENDING:
                self.send_on(fd)
            elif self.connections[fd].state == IDLE:
                self.receive(fd)
        return self.finished()

    def tick(self, double now, int limit):
        """Let deadlines pass until *now* (monotonic), about *limit* at a time.

        Returns the addresses of those that stopped reading an answer.
        """
        cdef int64_t slot = <int64_t>(now / STEP), at
        cdef int fd
        cdef list stalled = []
        if self.reached < 0 or not self.count:
            return stalled
        if slot - self.reached > WHEEL:
            self.reached = slot - WHEEL
        while self.reached < slot:
            at = self.reached + 1
            while self.wheel[at % WHEEL] != NOBODY:
                if limit <= 0:
                    return stalled
                limit -= 1
                fd = self.wheel[at % WHEEL]
                self.leave_wheel(fd)
                if self.connections[fd].deadline > now:
                    # Its place is behind this one, for reached is this one already.
                    self.reached = at
                    self.enter_wheel(fd)
                    self.reached = at - 1
                    continue
                if self.connections[fd].state == SENDING:
                    stalled.append(text_of(&self.connections[fd].peer, True))
                    bw_reset_on_close(fd)
                self.drop(fd)
            self.reached = at
        return stalled

    def shed(self, int limit):
        """Return at most *limit* unproven connections that idle, to be held by others.

        The longest idle first, in the form of ``turn``.
        """
        while limit > 0 and self.oldest[0] != NOBODY:
            self.give(self.oldest[0], 0)
            limit -= 1
        return self.finished()

    def close_oldest(self):
        """Close the proven connection longest idle; return its address or None."""
        cdef int fd = self.oldest[1]
        if fd == NOBODY:
            return None
        address = text_of(&self.connections[fd].peer, True)
        self.drop(fd)
        return address

    def finish(self):
        """Return every connection that idles; the others close after their answer."""
        cdef int proven
        self.finishing = True
        for proven in range(2):
            while self.oldest[proven] != NOBODY:
                self.give(self.oldest[proven], 0)
        return self.finished()

    def abort(self):
        """Close whatever is left, at once."""
        cdef int fd
        for fd in range(self.room):
            if self.connections[fd].state != CLOSED:
                self.drop(fd)

    def resume(self):
        """Keep connections open again after ``finish``."""
        self.finishing = False

    def drain(self, int limit):
        """Return at most *limit* answers not drained yet, the oldest first.

        Each is (wall-clock seconds, MAC, address, reason, detail).
        """
        cdef list drained = []
        cdef Record* record
        while limit > 0 and self.read_ != self.written:
            record = &self.ring[self.read_ % RING]
            drained.append(
                (
                    record.at,
                    record.mac,
                    text_of(&record.peer, True),
                    record.reason,
                    <object>record.detail,
                )
            )
            self.read_ += 1
            Py_DECREF(<object>record.detail)
            limit -= 1
        return drained

    # Answering

    cdef int serve(
        self,
        int fd,
        Py_ssize_t size,
        const bw_end* peer,
        const Source* source,
        uint64_t url,
    ) except -1:
        """Answer the request in ``inbound``, if it is the whole of it and ready."""
        cdef Request request
        cdef Answer answer
        cdef bint known, current, ready
        cdef Py_ssize_t total
        if not recognised(self.inbound, size, &request) or request.consumed != size:
            return HANDED
        try:
            ready = self.find(&request, source, url, &answer)
        except Exception:
            return HANDED  # who has the request next fails, too, and says so
        if not ready:
            return HANDED
        current = request.tag is not NULL and (
            request.tag_size == answer.document.tag_size
            and memcmp(request.tag, tag_of(answer.document), request.tag_size) == 0
        )
        if self.finishing:
            request.keep_alive = False
        known = fd < self.room and self.connections[fd].state != CLOSED
        total = self.write(&request, answer.document, current)
        self.counts[REQUESTS] += 1
        self.counts[DOCUMENTS] += 1
        if answer.own:
            self.counts[HITS] += 1
            self.counts[DOCUMENTS_SECRET] += 1
        self.tell(&answer, peer, self.reasons[2 if current else 1 if answer.own else 0])
        if request.keep_alive and not known:
            # Nagle would hold the end of an answer until the peer, which may delay
            # its acknowledgement by 40 ms, has seen the rest.  A close flushes.
            bw_no_delay(fd)
        cdef ssize_t sent = send(fd, self.out, <size_t>total, MSG_NOSIGNAL)
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self.end(fd, known)
                return DONE
            sent = 0
        if sent == total:
            if not request.keep_alive:
                self.end(fd, known)
            elif not known and not self.has_room(answer.own):
                self.hand_over(fd, 0, True, answer.own)
            elif known or self.open(fd, peer, source, url):
                self.idle(fd, answer.own)
            return DONE
        if known or self.open(fd, peer, source, url):
            self.connections[fd].keep_alive = request.keep_alive
            self.begin_sending(fd, sent, total, answer.own)
        return DONE

    cdef bint find(
        self, const Request* request, const Source* source, uint64_t url, Answer* answer
    ) except -1:
        """Find the document, and whether it may leave now."""
        cdef Memo* agent = self.agent_of(request)
        cdef Memo* named
        cdef uint64_t model
        cdef uint8_t kind = request.kind
        cdef Phone* phone
        if agent is NULL or not agent.usable:
            return False
        answer.detail = agent.detail
        model = agent.model
        if kind == FILES or kind == FIRMWARE:
            model = self.no_model
        elif request.type is not NULL:
            named = self.type_of(request)
            if named.model != self.no_model:
                model = named.model
        # From here on nothing runs but this: what is found stays where it is.
        answer.own = kind == FILES or kind == SETTINGS
        if answer.own:
            answer.mac = request.mac
            phone = find_phone(self.documents, request.mac)
            if (
                phone is NULL
                or not phone.clear
                or phone.boot != self.boot
                or not same_source(&phone.source, source)
                or not bw_clock(CLOCK_BOOTTIME) < phone.until
                or phone.stamp != self.stamp_of(request.mac, phone.domain)
            ):
                return False
            use_phone(self.documents, phone)
        else:
            answer.mac = self.agent_mac(request, agent)
            phone = find_phone(self.general, shared_slot(kind, url, model))
            if phone is NULL or phone.stamp != bw_load(
                self.revocations + self.everything
            ):
                return False
            use_phone(self.general, phone)
        answer.document = find_document(phone, kind, url, model)
        return (
            answer.document is not NULL
            and (answer.document.blueprint is not NULL or answer.document.plan is NULL)
            and answer.document.content_size <= OUT_BYTES - MAX_ANSWER_HEAD
        )

    cdef inline uint64_t stamp_of(self, uint64_t mac, int64_t domain) noexcept:
        return (
            bw_load(self.revocations + self.everything)
            + bw_load(
                self.revocations + self.first_domain
                + <Py_ssize_t>(<uint64_t>domain & <uint64_t>self.domain_mask)
            )
            + bw_load(
                self.revocations + self.first_mac
                + <Py_ssize_t>((mac ^ mac >> 16 ^ mac >> 32) & <uint64_t>self.mac_mask)
            )
        )

    cdef Py_ssize_t write(
        self, const Request* request, const Document* document, bint current
    ) noexcept:
        """Write the answer into ``out`` as http.response does; return its size."""
        cdef char* out = self.out
        cdef int64_t second = <int64_t>bw_clock(CLOCK_REALTIME)
        if second != self.second:
            self.date(second)
        if current:
            out = put(out, self.same_head, self.same_size)
        else:
            out = put(out, self.ok_head, self.ok_size)
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
        return out - self.out

    cdef void date(self, int64_t second) noexcept:
        cdef char text[64]
        bw_date(second, text, sizeof(text))
        self.ok_size = snprintf(
            self.ok_head,
            HEAD_ROOM,
            b"HTTP/1.1 200 OK\r\nDate: %s\r\nServer: bootwave\r\n"
            b"Content-Type: application/xml\r\n",
            text,
        )
        self.same_size = snprintf(
            self.same_head,
            HEAD_ROOM,
            b"HTTP/1.1 304 Not Modified\r\nDate: %s\r\nServer: bootwave\r\n",
            text,
        )
        self.second = second

    cdef void tell(
        self, const Answer* answer, const bw_end* peer, uint8_t reason
    ) noexcept:
        cdef Record* record
        if self.written - self.read_ == RING:
            self.lost += 1
            return
        record = &self.ring[self.written % RING]
        record.at = bw_clock(CLOCK_REALTIME)
        record.mac = answer.mac
        record.peer = peer[0]
        record.reason = reason
        record.detail = answer.detail
        Py_INCREF(<object>answer.detail)
        self.written += 1

    # Memory of texts

    cdef Memo* agent_of(self, const Request* request) except? NULL:
        """What is known of the User-Agent, its words of twelve hex digits left out."""
        cdef uint8_t key[MAX_AGENT]
        cdef Py_ssize_t size = 0, start = 0, found, first = -1
        cdef int64_t mac
        cdef Memo* memo
        while start < request.agent_size:
            found = next_mac(request.agent, request.agent_size, start, &mac)
            if found < 0:
                break
            if first < 0:
                first = found
            memcpy(key + size, request.agent + start, <size_t>(found - start))
            size += found - start
            key[size] = 1  # stands in no field
            size += 1
            start = found + 12
        if start < request.agent_size:
            memcpy(key + size, request.agent + start,
                   <size_t>(request.agent_size - start))
            size += request.agent_size - start
        memo = memo_at(self.agents, key, size)
        if memo.detail is not NULL:
            return memo
        text = PyUnicode_DecodeASCII(
            <const char*>request.agent, request.agent_size, NULL
        ) if request.agent is not NULL else ""
        model, detail, end, deciding = self.describe(text)
        if self.agent_count == MAX_MEMOS:
            forget_memos(self.agents)
            self.agent_count = 0
            memo = memo_at(self.agents, key, size)
        fill_memo(memo, key, size, model, detail)
        memo.end = end
        # Where a MAC decided, too, what was learnt is of this one phone.
        memo.usable = first < 0 or deciding <= first
        self.agent_count += 1
        return memo

    cdef Memo* type_of(self, const Request* request) except NULL:
        """What is known of the phone type in the URL."""
        cdef Memo* memo = memo_at(self.types, request.type, request.type_size)
        if memo.detail is not NULL:
            return memo
        text = PyUnicode_DecodeASCII(
            <const char*>request.type, request.type_size, NULL
        )
        model = self.model_of(text)
        if self.type_count == MAX_MEMOS:
            forget_memos(self.types)
            self.type_count = 0
            memo = memo_at(self.types, request.type, request.type_size)
        fill_memo(memo, request.type, request.type_size, model, "")
        self.type_count += 1
        return memo

    cdef uint64_t agent_mac(self, const Request* request, const Memo* agent) noexcept:
        """The MAC that the User-Agent names (phone.useragent), or 0."""
        cdef Py_ssize_t start = agent.end
        cdef int64_t mac = 0
        cdef uint64_t last = 0, own = 0
        cdef int i
        if agent.end < 0:
            return 0
        while True:
            start = next_mac(request.agent, request.agent_size, start, &mac)
            if start < 0:
                return own or last
            start += 12
            if not mac or mac >> 40 & 1:
                continue
            last = <uint64_t>mac
            for i in range(self.vendor_count):
                if mac >> 24 == self.vendors[i]:
                    own = last

    cdef Listener* listener_of(self, int fd) except NULL:
        cdef int i
        cdef bw_end own
        cdef Listener* new
        for i in range(self.listener_count):
            if self.listeners[i].fd == fd:
                return &self.listeners[i]
        if self.listener_count == LISTENERS:
            self.listener_count = 0
        new = &self.listeners[self.listener_count]
        new.fixed = self.one_url
        new.url = self.url
        if not self.one_url:
            if bw_own_end(fd, &own):
                PyErr_SetFromErrno(OSError)
            for i in range(16):
                if own.address[i]:
                    # Bound to one address, to which all of its connections are.
                    new.fixed = True
                    new.url = <uint64_t>hash(
                        self.url_of(text_of(&own, False), own.port)
                    )
                    break
        new.fd = fd
        self.listener_count += 1
        return new

    cdef bint url_for(self, const Listener* listener, int fd, uint64_t* url) except -1:
        """Tell the hash of the base URL the connection *fd* is to; False for none."""
        cdef bw_end own
        cdef int i
        cdef uint64_t found
        if listener.fixed:
            url[0] = listener.url
            return True
        if bw_own_end(fd, &own) or not own.family:
            return False
        own.zone = 0
        for i in range(self.place_count):
            if memcmp(&self.places[i].end, &own, sizeof(bw_end)) == 0:
                url[0] = self.places[i].url
                return True
        try:
            found = <uint64_t>hash(self.url_of(text_of(&own, False), own.port))
        except Exception:
            return False
        if self.place_count == PLACES:
            self.place_count = 0
        self.places[self.place_count].end = own
        self.places[self.place_count].url = found
        self.place_count += 1
        url[0] = found
        return True

    # Connections

    cdef inline bint has_room(self, bint proven) noexcept:
        cdef int total = self.held + self.count
        return total < (self.capacity if proven else self.crowded)

    cdef int hand_over(
        self, int fd, Py_ssize_t size, bint answered, bint proven
    ) except -1:
        try:
            data = PyBytes_FromStringAndSize(<const char*>self.inbound, size)
            self.handed.append((fd, data, answered, proven))
        except BaseException:
            close(fd)
            raise
        self.held += 1
        return 0

    cdef int give(self, int fd, Py_ssize_t size) except -1:
        """Hand over a connection that was kept here."""
        cdef bint proven = self.connections[fd].proven
        bw_watch(self.set, EPOLL_CTL_DEL, fd, 0)
        self.forget(fd)
        return self.hand_over(fd, size, True, proven)

    cdef list finished(self):
        cdef list handed = self.handed
        self.count_up()
        if handed:
            self.handed = []
            return handed
        return None

    cdef void count_up(self) noexcept:
        cdef int i
        for i in range(COUNTED):
            if self.counts[i]:
                bw_add(self.counters + self.counted[i], self.counts[i])
                self.counts[i] = 0

    cdef bint open(
        self, int fd, const bw_end* peer, const Source* source, uint64_t url
    ) noexcept:
        """Begin to keep *fd*; False when that fails, and then it is closed."""
        cdef Connection* grown
        cdef int room
        if fd >= self.room:
            room = 256
            while room <= fd:
                room *= 2
            grown = <Connection*>realloc(
                self.connections, <size_t>room * sizeof(Connection)
            )
            if grown is NULL:
                close(fd)
                return False
            memset(
                grown + self.room, 0, <size_t>(room - self.room) * sizeof(Connection)
            )
            self.connections = grown
            self.room = room
        if bw_watch(self.set, EPOLL_CTL_ADD, fd, EPOLLIN):
            close(fd)
            return False
        cdef Connection* new = &self.connections[fd]
        memset(new, 0, sizeof(Connection))
        new.state = IDLE
        new.slot = -1
        new.peer = peer[0]
        new.source = source[0]
        new.url = url
        new.newer = new.older = new.wheel_next = new.wheel_before = NOBODY
        self.count += 1
        return True

    cdef void idle(self, int fd, bint proven) noexcept:
        """Wait for the next request on *fd*."""
        cdef Connection* own = &self.connections[fd]
        own.state = IDLE
        self.leave_list(fd)
        own.proven = own.proven or proven
        own.listed = True
        own.older = self.newest[own.proven]
        own.newer = NOBODY
        if own.older == NOBODY:
            self.oldest[own.proven] = fd
        else:
            self.connections[own.older].newer = fd
        self.newest[own.proven] = fd
        self.wait(fd, self.idle_seconds)

    cdef void begin_sending(
        self, int fd, Py_ssize_t sent, Py_ssize_t total, bint proven
    ) noexcept:
        """Keep what the kernel has not taken, and wait until it takes more."""
        cdef Connection* own = &self.connections[fd]
        self.leave_list(fd)
        own.proven = own.proven or proven
        own.outbound = <char*>malloc(<size_t>(total - sent))
        if own.outbound is NULL or bw_watch(self.set, EPOLL_CTL_MOD, fd, EPOLLOUT):
            bw_reset_on_close(fd)
            self.drop(fd)
            return
        memcpy(own.outbound, self.out + sent, <size_t>(total - sent))
        own.size = <uint32_t>(total - sent)
        own.sent = 0
        own.state = SENDING
        self.wait(fd, self.stall_seconds)

    cdef int send_on(self, int fd) except -1:
        cdef Connection* own = &self.connections[fd]
        cdef ssize_t sent = send(
            fd, own.outbound + own.sent, own.size - own.sent, MSG_NOSIGNAL
        )
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self.drop(fd)
            return 0
        own.sent += <uint32_t>sent
        if own.sent < own.size:
            if sent:
                self.wait(fd, self.stall_seconds)
            return 0
        free(own.outbound)
        own.outbound = NULL
        if (
            not own.keep_alive
            or self.finishing
            or bw_watch(self.set, EPOLL_CTL_MOD, fd, EPOLLIN)
        ):
            self.drop(fd)
            return 0
        self.idle(fd, own.proven)
        return 0

    cdef int receive(self, int fd) except -1:
        cdef Connection* own = &self.connections[fd]
        cdef ssize_t size = recv(fd, self.inbound, IN_BYTES, 0)
        # Copies: keeping another connection may move all of them.
        cdef bw_end peer = own.peer
        cdef Source source = own.source
        if size < 0 and errno in (EAGAIN, EINTR):
            return 0
        if size <= 0:
            self.drop(fd)
        elif self.serve(fd, size, &peer, &source, own.url) == HANDED:
            self.give(fd, size)
        return 0

    cdef void end(self, int fd, bint known) noexcept:
        if known:
            self.drop(fd)
        else:
            close(fd)

    cdef void drop(self, int fd) noexcept:
        """Close *fd*, which is kept here."""
        # Closing does not end the watch while a child holds a copy.
        bw_watch(self.set, EPOLL_CTL_DEL, fd, 0)
        self.forget(fd)
        close(fd)

    cdef void forget(self, int fd) noexcept:
        cdef Connection* own = &self.connections[fd]
        self.leave_list(fd)
        self.leave_wheel(fd)
        free(own.outbound)
        own.outbound = NULL
        own.state = CLOSED
        self.count -= 1

    cdef void leave_list(self, int fd) noexcept:
        cdef Connection* own = &self.connections[fd]
        if not own.listed:
            return
        own.listed = False
        if own.newer == NOBODY:
            self.newest[own.proven] = own.older
        else:
            self.connections[own.newer].older = own.older
        if own.older == NOBODY:
            self.oldest[own.proven] = own.newer
        else:
            self.connections[own.older].newer = own.newer

    cdef void wait(self, int fd, double seconds) noexcept:
        """Let the deadline of *fd* be in *seconds*."""
        cdef double now = bw_clock(CLOCK_MONOTONIC)
        if self.count == 1 and self.wheel_is_empty():
            self.reached = <int64_t>(now / STEP)  # nobody turned it meanwhile
        self.connections[fd].deadline = now + seconds
        self.enter_wheel(fd)

    cdef bint wheel_is_empty(self) noexcept:
        cdef int i
        for i in range(WHEEL):
            if self.wheel[i] != NOBODY:
                return False
        return True

    cdef void enter_wheel(self, int fd) noexcept:
        cdef Connection* own = &self.connections[fd]
        cdef int64_t slot = <int64_t>(own.deadline / STEP) + 1
        if slot <= self.reached:
            slot = self.reached + 1
        if slot >= self.reached + WHEEL:
            slot = self.reached + WHEEL - 1
        if own.slot >= 0:
            if own.slot <= slot:
                return
            self.leave_wheel(fd)
        own.slot = slot
        own.wheel_before = NOBODY
        own.wheel_next = self.wheel[slot % WHEEL]
        if own.wheel_next != NOBODY:
            self.connections[own.wheel_next].wheel_before = fd
        self.wheel[slot % WHEEL] = fd

    cdef void leave_wheel(self, int fd) noexcept:
        cdef Connection* own = &self.connections[fd]
        if own.slot < 0:
            return
        if own.wheel_next != NOBODY:
            self.connections[own.wheel_next].wheel_before = own.wheel_before
        if own.wheel_before == NOBODY:
            self.wheel[own.slot % WHEEL] = own.wheel_next
        else:
            self.connections[own.wheel_before].wheel_next = own.wheel_next
        own.slot = -1


cdef Memo* memo_at(Memo* memos, const uint8_t* key, Py_ssize_t size) noexcept nogil:
    """The place of *key*: what is remembered of it, or a free one."""
    cdef uint32_t hash = hash_of(key, size)
    cdef uint32_t at = hash % MEMOS
    while memos[at].detail is not NULL:
        if (
            memos[at].hash == hash
            and memos[at].size == size
            and memcmp(memos[at].key, key, <size_t>size) == 0
        ):
            break
        at = (at + 1) % MEMOS
    return &memos[at]


cdef int fill_memo(
    Memo* memo, const uint8_t* key, Py_ssize_t size, str model, str detail
) except -1:
    memo.model = <uint64_t>hash(model)
    memcpy(memo.key, key, <size_t>size)
    memo.size = <uint16_t>size
    memo.hash = hash_of(key, size)
    memo.end = -1
    memo.usable = True
    Py_INCREF(detail)
    memo.detail = <PyObject*>detail
    return 0


cdef void forget_memos(Memo* memos) noexcept:
    cdef int i
    for i in range(MEMOS):
        if memos[i].detail is not NULL:
            Py_DECREF(<object>memos[i].detail)
            memos[i].detail = NULL
