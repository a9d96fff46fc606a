# Sightings as records of one size, from whoever answers phones without Python objects
# to the file that keeps them (sightingfile.pyx), where they have the same form.  A
# producer finds the ring through the capsule SightingRing._ring and fills what
# sighting_place() returns; the GIL is the lock.

from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, strlen

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    enum: AF_INET, AF_INET6

cdef extern from "<netinet/in.h>" nogil:
    enum: INET6_ADDRSTRLEN

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int, const void*, char*, socklen_t)

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/mman.h>
    #include <unistd.h>

    /* Give the whole pages between two places back to the system. */
    static inline void bw_give_back(char* start, char* end) {
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        uintptr_t from = ((uintptr_t)start + page - 1) / page * page;
        uintptr_t to = (uintptr_t)end / page * page;
        if (from < to)
            (void)madvise((void*)from, to - from, MADV_DONTNEED);
    }

    /* What an IPv4 address begins with in 16 bytes. */
    static const uint8_t bw_mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    static const uint8_t bw_no_address[16] = {0};
    """
    void bw_give_back(char* start, char* end) noexcept nogil
    const uint8_t* bw_mapped
    const uint8_t* bw_no_address

cdef enum:
    DETAIL_BYTES = 96
    ADDRESS_BYTES = 16
    # 1.2 MiB: what a worker answers in a busy fifth of a second.
    KEPT_PLACES = 8192


cdef struct SightingRecord:
    uint64_t number  # in the file: its place in the order of all, from 1
    double at  # wall-clock seconds
    uint64_t mac
    uint8_t source[ADDRESS_BYTES]  # IPv4 as ::ffff:a.b.c.d; all zero for none
    uint32_t zone  # of a link-local source, 0 for none
    uint16_t reason
    uint8_t detail_size
    uint8_t spare
    char detail[DETAIL_BYTES]  # UTF-8
    uint64_t sum  # in the file: of all before


cdef struct Ring:
    SightingRecord* records
    uint64_t capacity
    uint64_t written  # ever, or since it was empty
    uint64_t taken
    uint64_t dropped


cdef inline SightingRecord* sighting_place(Ring* ring) noexcept nogil:
    """The next record to be filled, or NULL when all are waiting: then it counts.

    Its zone is 0; the caller writes everything else up to the detail.
    """
    cdef SightingRecord* place
    if ring.written - ring.taken >= ring.capacity:
        ring.dropped += 1
        return NULL
    place = &ring.records[ring.written % ring.capacity]
    place.zone = 0
    ring.written += 1
    return place


cdef inline void begin_again(Ring* ring) noexcept nogil:
    """Nothing waits: the next goes to the first place.

    A writer that waited long for its disk needed memory which no other day needs.
    """
    cdef uint64_t reached = min(ring.written, ring.capacity)
    ring.taken = ring.written = 0
    if reached > KEPT_PLACES:
        bw_give_back(
            <char*>&ring.records[KEPT_PLACES], <char*>&ring.records[reached]
        )


cdef inline void fill_detail(
    SightingRecord* record, const char* text, Py_ssize_t size
) noexcept nogil:
    """Copy the UTF-8 *text*, cut between two characters when it is too long."""
    if size > DETAIL_BYTES:
        size = DETAIL_BYTES
        while size and text[size] & 0xC0 == 0x80:
            size -= 1
    record.detail_size = <uint8_t>size
    memcpy(record.detail, text, <size_t>size)


cdef inline object source_text(const SightingRecord* record):
    """The source as text, "" for none."""
    cdef char text[INET6_ADDRSTRLEN]
    if memcmp(record.source, bw_mapped, 12) == 0:
        inet_ntop(AF_INET, record.source + 12, text, INET6_ADDRSTRLEN)
    elif memcmp(record.source, bw_no_address, ADDRESS_BYTES) == 0:
        return ""
    else:
        inet_ntop(AF_INET6, record.source, text, INET6_ADDRSTRLEN)
    host = PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)
    return f"{host}%{record.zone}" if record.zone else host


cdef inline object detail_text(const SightingRecord* record):
    return PyUnicode_DecodeUTF8(
        record.detail, min(record.detail_size, DETAIL_BYTES), "replace"
    )


cdef inline tuple sighting_fields(const SightingRecord* record):
    """(at, mac, source, reason, detail)"""
    return (
        record.at,
        record.mac,
        source_text(record),
        record.reason,
        detail_text(record),
    )
