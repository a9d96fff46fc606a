# Sightings as records of one size, from whoever answers phones without Python objects
# to whoever stores them.  A producer finds the ring through the capsule
# SightingRing._ring and fills what sighting_place() returns; the GIL is the lock.

from libc.stdint cimport uint8_t, uint16_t, uint64_t

cdef enum:
    DETAIL_BYTES = 96
    ADDRESS_BYTES = 16


cdef struct SightingRecord:
    double at  # wall-clock seconds
    uint64_t mac
    uint16_t reason
    uint8_t detail_size
    uint8_t source[ADDRESS_BYTES]  # IPv4 as ::ffff:a.b.c.d
    char detail[DETAIL_BYTES]  # ASCII


cdef struct Ring:
    SightingRecord* records
    uint64_t capacity
    uint64_t written  # ever, modulo 2**64
    uint64_t taken
    uint64_t dropped


cdef inline SightingRecord* sighting_place(Ring* ring) noexcept nogil:
    """The next record to be filled, or NULL when all are waiting: then it counts."""
    cdef SightingRecord* place
    if ring.written - ring.taken >= ring.capacity:
        ring.dropped += 1
        return NULL
    place = &ring.records[ring.written % ring.capacity]
    ring.written += 1
    return place
