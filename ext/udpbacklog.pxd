# What waited for too long in the kernel's buffer, kept here so that the newest can be
# answered first: a ring of datagrams, whose bytes stand in a second ring in the same
# order.  It is filled at its newest end and emptied at either.

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from lane cimport Heard
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    # As many as a receive buffer of 16 MB holds, and some.
    BACKLOG_DATAGRAMS = 1 << 15
    BACKLOG_BYTES = 1 << 24


cdef struct Backlog:
    Heard* ring  # NULL: empty, and takes no memory
    uint8_t* bytes
    uint64_t oldest  # counts ever; the place is that modulo BACKLOG_DATAGRAMS
    uint64_t end  # behind the newest


cdef inline bint holds_any(const Backlog* b) noexcept nogil:
    return b.end != b.oldest


cdef inline Heard* at_place(Backlog* b, uint64_t number) noexcept nogil:
    return &b.ring[number & (BACKLOG_DATAGRAMS - 1)]


cdef inline bint open_backlog(Backlog* b) noexcept nogil:
    """Take the memory of an empty backlog; False when there is none."""
    if b.ring == NULL:
        # Pages that are not touched cost nothing.
        b.ring = <Heard*>PyMem_RawCalloc(BACKLOG_DATAGRAMS, sizeof(Heard))
        b.bytes = <uint8_t*>PyMem_RawMalloc(BACKLOG_BYTES)
        if b.ring == NULL or b.bytes == NULL:
            close_backlog(b)
            return False
    return True


cdef inline void close_backlog(Backlog* b) noexcept nogil:
    """Forget what waits and give the memory back."""
    PyMem_RawFree(b.ring)
    PyMem_RawFree(b.bytes)
    b.ring = NULL
    b.bytes = NULL
    b.oldest = b.end = 0


cdef inline bint has_room(Backlog* b, Py_ssize_t count, Py_ssize_t size) noexcept nogil:
    """Whether *count* more datagrams of at most *size* bytes find room, for certain."""
    cdef Py_ssize_t begin, end, need
    if b.end - b.oldest + <uint64_t>count > BACKLOG_DATAGRAMS:
        return False
    if not holds_any(b):
        return True
    begin = at_place(b, b.oldest).data - b.bytes
    end = end_of_newest(b)
    need = count * (size + 1)
    if begin < end:
        # What does not fit behind the newest goes on before the oldest.
        return BACKLOG_BYTES - end >= need or begin >= need
    return begin - end >= need


cdef inline Py_ssize_t end_of_newest(Backlog* b) noexcept nogil:
    # One more than its bytes, or an empty datagram would take no room: a ring whose
    # end is its beginning is full.
    cdef Heard* newest = at_place(b, b.end - 1)
    return newest.data - b.bytes + newest.size + 1


cdef inline void push(Backlog* b, const Heard* heard) noexcept nogil:
    """Add the newest; there is room for it."""
    cdef Heard* place
    cdef Py_ssize_t at = end_of_newest(b) if holds_any(b) else 0
    if BACKLOG_BYTES - at <= heard.size:
        at = 0
    place = at_place(b, b.end)
    place[0] = heard[0]
    memcpy(b.bytes + at, heard.data, <size_t>heard.size)
    place.data = b.bytes + at
    b.end += 1


cdef inline const Heard* pop_newest(Backlog* b) noexcept nogil:
    """Take the newest out; it stays where it is until the next push()."""
    b.end -= 1
    return at_place(b, b.end)


cdef inline Py_ssize_t drop_older(Backlog* b, double instant) noexcept nogil:
    """Drop what was received before *instant*; how many."""
    cdef uint64_t before = b.oldest
    while holds_any(b) and at_place(b, b.oldest).received < instant:
        b.oldest += 1
    return <Py_ssize_t>(b.oldest - before)
