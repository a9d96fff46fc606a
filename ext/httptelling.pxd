# What others are told of the lane's answers: counters, a sighting of each, and whether
# something granted is in hand at this moment (provision.answering).

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from httpasked cimport Answer
from httpsockets cimport bw_end
from libc.stdint cimport uint64_t
from libc.string cimport memcpy
from ring cimport (
    Ring,
    SightingRecord,
    bw_mapped,
    fill_detail,
    sighting_place,
)
from tables cimport CounterMemory, bw_add, counter_in

cdef enum:
    # What is counted, in the order of the lane's *counted*.
    CONNECTIONS = 0
    REQUESTS = 1
    DOCUMENTS = 2
    DOCUMENTS_SECRET = 3
    HITS = 4
    COUNTED = 5

cdef struct Telling:
    uint64_t* places[COUNTED]  # of each in shared memory
    uint64_t[COUNTED] counts  # since count_up
    Ring* ring
    uint64_t* answering  # odd while something granted is in hand; NULL for nobody


cdef inline int start_counting(
    Telling* telling, const CounterMemory* memory, Py_ssize_t row, tuple counted
) except -1:
    """Let each of *counted*, with *row* added, be where it is counted."""
    cdef Py_ssize_t i
    if len(counted) != COUNTED:
        raise ValueError("other things are counted")
    for i in range(COUNTED):
        telling.places[i] = counter_in(memory, row + counted[i])
        telling.counts[i] = 0
    return 0


cdef inline void count_up(Telling* telling) noexcept nogil:
    cdef int i
    for i in range(COUNTED):
        if telling.counts[i]:
            bw_add(telling.places[i], telling.counts[i])
            telling.counts[i] = 0


cdef inline void tell(
    Telling* telling, double wall, const Answer* answer, const bw_end* peer
) noexcept:
    """Count the document in *answer*, and leave the sighting of *peer* at *wall*."""
    cdef SightingRecord* record = sighting_place(telling.ring)
    cdef const char* detail
    cdef Py_ssize_t size = 0
    telling.counts[DOCUMENTS] += 1
    if answer.own:
        telling.counts[DOCUMENTS_SECRET] += 1
    if record is NULL:
        return
    record.at = wall
    record.mac = answer.mac
    record.reason = answer.reason
    record.zone = peer.zone
    if peer.family == 4:
        memcpy(record.source, bw_mapped, 12)
        memcpy(record.source + 12, peer.address, 4)
    else:
        memcpy(record.source, peer.address, 16)
    # It is ASCII: nothing is made, and nothing can fail.
    detail = PyUnicode_AsUTF8AndSize(<object>answer.detail, &size)
    fill_detail(record, detail, size)


cdef inline bint enter(Telling* telling) noexcept nogil:
    """Tell that something granted may be in hand.

    False when that was told already, by others who tell the end of it.
    """
    if telling.answering is NULL or telling.answering[0] & 1:
        return False
    bw_add(telling.answering, 1)
    return True


cdef inline void leave(Telling* telling) noexcept nogil:
    bw_add(telling.answering, 1)
