# A table in the order of its putting: found by key, and the oldest first.  All that is
# put into one waits equally long, so the oldest is also the next that falls due.

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from libc.stdint cimport int32_t, uint64_t

cdef enum:
    NOTHING = 0  # no node; the others count from 1


cdef struct Node:
    uint64_t high
    uint64_t low
    double due
    void* value
    int32_t chained  # the next of the same bucket
    int32_t older
    int32_t newer


cdef struct Queue:
    Node* nodes  # nodes[0] is not used
    int32_t* buckets  # NULL: not looked up by key
    uint64_t mask
    uint64_t seed
    int32_t most
    int32_t touched  # nodes ever used
    int32_t free
    int32_t count
    int32_t oldest
    int32_t newest


cdef inline int make_queue(
    Queue* q, Py_ssize_t most, bint hashed, uint64_t seed
) except -1:
    cdef uint64_t size = 1
    if not 1 <= most <= 1 << 24:
        raise ValueError("a table holds 1 to 2**24 entries")
    q.most = <int32_t>most
    q.seed = seed
    # Untouched pages of a large calloc cost nothing.
    q.nodes = <Node*>PyMem_RawCalloc(<size_t>most + 1, sizeof(Node))
    if q.nodes == NULL:
        raise MemoryError
    if hashed:
        while size < <uint64_t>most:
            size *= 2
        q.mask = size - 1
        q.buckets = <int32_t*>PyMem_RawCalloc(size, sizeof(int32_t))
        if q.buckets == NULL:
            raise MemoryError
    return 0


cdef inline void free_queue(Queue* q) noexcept nogil:
    PyMem_RawFree(q.nodes)
    PyMem_RawFree(q.buckets)


cdef inline int32_t* bucket_of(Queue* q, uint64_t high, uint64_t low) noexcept nogil:
    # Keys are digests or addresses; the seed keeps chosen ones from one bucket.
    cdef uint64_t mixed = (low ^ q.seed) * <uint64_t>0x9E3779B97F4A7C15
    mixed = (mixed ^ high ^ mixed >> 32) * <uint64_t>0xD6E8FEB86659FD93
    return &q.buckets[(mixed ^ mixed >> 32) & q.mask]


cdef inline int32_t find(Queue* q, uint64_t high, uint64_t low) noexcept nogil:
    """The node of a key, or NOTHING."""
    cdef int32_t at = bucket_of(q, high, low)[0]
    while at != NOTHING and not (q.nodes[at].high == high and q.nodes[at].low == low):
        at = q.nodes[at].chained
    return at


cdef inline int32_t put(
    Queue* q, uint64_t high, uint64_t low, double due, void* value
) noexcept nogil:
    """Add a key that is not there to a queue that is not full; its node."""
    cdef int32_t at = q.free
    cdef int32_t* bucket
    cdef Node* node
    if at != NOTHING:
        q.free = q.nodes[at].newer
    else:
        q.touched += 1
        at = q.touched
    node = &q.nodes[at]
    node.high = high
    node.low = low
    node.due = due
    node.value = value
    node.older = q.newest
    node.newer = NOTHING
    if q.newest != NOTHING:
        q.nodes[q.newest].newer = at
    else:
        q.oldest = at
    q.newest = at
    q.count += 1
    if q.buckets != NULL:
        bucket = bucket_of(q, high, low)
        node.chained = bucket[0]
        bucket[0] = at
    return at


cdef inline void remove(Queue* q, int32_t at) noexcept nogil:
    cdef Node* node = &q.nodes[at]
    cdef int32_t* link
    if q.buckets != NULL:
        link = bucket_of(q, node.high, node.low)
        while link[0] != at:
            link = &q.nodes[link[0]].chained
        link[0] = node.chained
    if node.older != NOTHING:
        q.nodes[node.older].newer = node.newer
    else:
        q.oldest = node.newer
    if node.newer != NOTHING:
        q.nodes[node.newer].older = node.older
    else:
        q.newest = node.older
    node.newer = q.free
    node.value = NULL
    q.free = at
    q.count -= 1


cdef inline bint is_due(Queue* q, double now) noexcept nogil:
    """Whether the oldest entry is due at *now*."""
    return q.oldest != NOTHING and q.nodes[q.oldest].due <= now


cdef inline double earlier(Queue* q, double instant) noexcept nogil:
    """The lesser of *instant* and when the oldest entry falls due."""
    if q.oldest != NOTHING and q.nodes[q.oldest].due < instant:
        return q.nodes[q.oldest].due
    return instant
