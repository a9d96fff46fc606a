# A pass over one ring of a file of sightings, from its oldest record to its newest or
# the other way, a chunk at a time.

from libc.errno cimport ENOMEM
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from recordfile cimport (
    CHUNK,
    FAILED,
    FileHead,
    bw_fail,
    is_written,
    load_records,
)
from ring cimport SightingRecord

cdef struct Pass:
    int fd
    int ring
    const FileHead* head
    uint64_t next  # position
    uint64_t end
    uint64_t loaded  # positions start to start + count are in records
    uint64_t start
    bint backward
    int error
    SightingRecord* records


cdef inline int begin_pass(
    Pass* each, int fd, const FileHead* head, int ring, uint64_t most
) noexcept nogil:
    """Begin with the oldest of the newest *most* records."""
    cdef uint64_t count = min(head.written[ring] - head.oldest[ring], most)
    memset(each, 0, sizeof(Pass))
    each.fd, each.ring, each.head = fd, ring, head
    each.end = head.written[ring]
    each.next = each.start = each.end - count
    each.records = <SightingRecord*>malloc(CHUNK * sizeof(SightingRecord))
    if each.records == NULL:
        return bw_fail(ENOMEM)
    return 0


cdef inline void turn_round(Pass* each) noexcept nogil:
    """Let a pass that has not begun yield the newest record first."""
    cdef uint64_t oldest = each.next
    each.backward = True
    each.next = each.end
    each.end = oldest


cdef inline void end_pass(Pass* each) noexcept nogil:
    free(each.records)
    each.records = NULL


cdef inline int load_next(Pass* each) noexcept nogil:
    cdef uint64_t capacity = each.head.capacity[each.ring]
    if each.backward:
        each.loaded = min(min(<uint64_t>CHUNK, each.next - each.end),
                          (each.next - 1) % capacity + 1)
        each.start = each.next - each.loaded
    else:
        each.loaded = min(min(<uint64_t>CHUNK, each.end - each.next),
                          capacity - each.next % capacity)
        each.start = each.next
    return load_records(
        each.fd, each.head, each.ring, each.start, each.loaded, each.records
    )


cdef inline const SightingRecord* next_place(
    Pass* each, uint64_t* position
) noexcept nogil:
    """What stands at the next position, to be checked; NULL at the end or on error."""
    if each.next == each.end:
        return NULL
    if each.backward:
        if each.loaded == 0 or each.next == each.start:
            if load_next(each) < 0:
                each.error = FAILED
                return NULL
        each.next -= 1
        position[0] = each.next
    else:
        if each.next == each.start + each.loaded:
            if load_next(each) < 0:
                each.error = FAILED
                return NULL
        position[0] = each.next
        each.next += 1
    return &each.records[position[0] - each.start]


cdef inline const SightingRecord* next_record(Pass* each) noexcept nogil:
    """The next record that is whole."""
    cdef uint64_t position = 0
    cdef const SightingRecord* record
    while True:
        record = next_place(each, &position)
        if record == NULL or is_written(record, position):
            return record
