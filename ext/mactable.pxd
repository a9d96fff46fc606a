# What a pass over the file of sightings gathers of many MACs: a hash table of them.

from libc.errno cimport ENOMEM
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset
from recordfile cimport FAILED, bw_fail
from ring cimport SightingRecord

cdef extern from *:
    """
    #include <stdint.h>
    #include <sys/random.h>

    static inline uint64_t bw_seed(void) {
        uint64_t seed = 0;
        if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
            seed = (uintptr_t)&seed;
        return seed;
    }
    """
    uint64_t bw_seed() noexcept nogil

cdef struct Entry:
    SightingRecord newest  # number is 0 when there is none
    uint64_t mac
    double first
    double known  # when it was last seen as a known one
    uint64_t contacts

cdef struct Table:
    Entry* entries
    uint64_t count
    uint64_t room
    uint32_t* places  # 1 + the number of an entry, 0 when free
    uint64_t mask
    uint64_t seed


cdef inline int begin_table(Table* table, uint64_t most) noexcept nogil:
    cdef uint64_t size = 16
    memset(table, 0, sizeof(Table))
    if most >= <uint64_t>1 << 31:
        return bw_fail(ENOMEM)
    while size < most * 2:
        size *= 2
    table.mask = size - 1
    # Whoever makes up MACs must not be able to put them all in one place.
    table.seed = bw_seed()
    table.places = <uint32_t*>calloc(size, sizeof(uint32_t))
    if table.places == NULL:
        return bw_fail(ENOMEM)
    return 0


cdef inline void end_table(Table* table) noexcept nogil:
    free(table.entries)
    free(table.places)


cdef inline uint32_t* place_of(const Table* table, uint64_t mac) noexcept nogil:
    """Where *mac* stands, or would."""
    cdef uint64_t mixed = (mac ^ table.seed) * <uint64_t>0xFF51AFD7ED558CCD
    mixed = (mixed ^ mixed >> 32) * <uint64_t>0xC4CEB9FE1A85EC53
    mixed ^= mixed >> 32
    while True:
        mixed &= table.mask
        if (
            table.places[mixed] == 0
            or table.entries[table.places[mixed] - 1].mac == mac
        ):
            return &table.places[mixed]
        mixed += 1


cdef inline Entry* entry_of(const Table* table, uint64_t mac) noexcept nogil:
    """What is known of *mac*, or NULL."""
    cdef uint32_t* place = place_of(table, mac)
    return &table.entries[place[0] - 1] if place[0] else NULL


cdef inline int enter(Table* table, uint64_t mac) noexcept nogil:
    """See to it that there is an entry of *mac*."""
    cdef uint32_t* place = place_of(table, mac)
    cdef Entry* grown
    if place[0]:
        return 0
    if table.count == table.room:
        table.room = table.room * 2 + 64
        grown = <Entry*>realloc(table.entries, <size_t>table.room * sizeof(Entry))
        if grown == NULL:
            return bw_fail(ENOMEM)
        table.entries = grown
    memset(&table.entries[table.count], 0, sizeof(Entry))
    table.entries[table.count].mac = mac
    table.count += 1
    place[0] = <uint32_t>table.count
    return 0
