# The transactions of plug-and-play as bare structs: what native.pnp does with them for
# Python and for its lane alike.  Every table is bounded; where one is full the oldest
# gives way.

from addresses cimport Address
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy
from pnpqueue cimport NOTHING, Queue, earlier, find, put, remove
from scan cimport hex_value

cdef enum:
    TIMERS_E = 4


cdef struct Notify:  # and behind it the datagram, its Call-ID and the detail
    uint64_t branch
    uint64_t mac
    Address destination
    Address local
    uint16_t port
    int interface
    int sends
    int most_sends
    int timer_e  # which it waits for, or -1
    int32_t timer_node
    int size
    int call_id_size
    int detail_size


cdef struct Bucket:  # of tokens, for a source that never confirmed a NOTIFY
    double tokens
    double filled  # the instant of *tokens*
    double told  # the instant of the latest refusal that was told
    uint64_t untold


cdef struct Table:
    Queue waits  # SUBSCRIBEs whose look-up is under way; they own a Python object
    Queue answers
    Queue notifies  # by branch; they own a Notify
    Queue completed
    Queue proven
    Queue sources
    Bucket* buckets  # by the node of their source
    double burst
    double per_second
    int64_t notify_bytes
    int64_t most_notify_bytes
    Queue[TIMERS_E] timers
    double[TIMERS_E] timer_e_seconds
    double lookup_seconds
    double timer_j_seconds
    double timer_f_seconds
    double timer_k_seconds


cdef inline uint8_t* data_of(Notify* notify) noexcept nogil:
    return <uint8_t*>notify + sizeof(Notify)


cdef inline bint branch_number(
    const uint8_t* at, Py_ssize_t size, uint64_t* out
) noexcept nogil:
    """Whether at[0:size] is a branch of ours: the cookie and 16 lower-case digits."""
    cdef int i, digit
    cdef uint64_t number = 0
    if size != 23 or memcmp(at, <const char*>"z9hG4bK", 7) != 0:
        return False
    for i in range(7, 23):
        digit = hex_value(at[i])
        if digit < 0 or 0x41 <= at[i] <= 0x46:
            return False
        number = number << 4 | <uint64_t>digit
    out[0] = number
    return True


cdef inline Notify* new_notify(
    const uint8_t* data,
    Py_ssize_t size,
    const uint8_t* call_id,
    Py_ssize_t call_id_size,
    const uint8_t* detail,
    Py_ssize_t detail_size,
) noexcept nogil:
    """A NOTIFY that was sent once, its other members unset; NULL without memory."""
    cdef Notify* notify = <Notify*>PyMem_RawMalloc(
        sizeof(Notify) + <size_t>(size + call_id_size + detail_size)
    )
    cdef uint8_t* at
    if notify == NULL:
        return NULL
    at = data_of(notify)
    memcpy(at, data, <size_t>size)
    memcpy(at + size, call_id, <size_t>call_id_size)
    memcpy(at + size + call_id_size, detail, <size_t>detail_size)
    notify.size = <int>size
    notify.call_id_size = <int>call_id_size
    notify.detail_size = <int>detail_size
    notify.sends = 1
    notify.timer_e = -1
    return notify


cdef inline bint is_proven(Table* t, Address source) noexcept nogil:
    return find(&t.proven, source.high, source.low) != NOTHING


cdef inline Bucket* tokens_of(Table* t, Address source, double now) noexcept nogil:
    """The bucket of *source*, filled up to *now*; the least recent may give way.

    Asking twice at the same instant is asking once.
    """
    cdef int32_t at = find(&t.sources, source.high, source.low)
    cdef Bucket* bucket
    cdef Bucket moved
    if at == NOTHING or at != t.sources.newest:
        if at != NOTHING:
            moved = t.buckets[at]
            remove(&t.sources, at)
        else:
            moved = Bucket(t.burst, now, -INFINITY, 0)
            if t.sources.count >= t.sources.most:
                remove(&t.sources, t.sources.oldest)
        at = put(&t.sources, source.high, source.low, 0.0, NULL)
        t.buckets[at] = moved
    bucket = &t.buckets[at]
    bucket.tokens = min(
        bucket.tokens + (now - bucket.filled) * t.per_second, t.burst
    )
    bucket.filled = now
    return bucket


cdef inline void put_answer(
    Table* t, uint64_t high, uint64_t low, double now
) noexcept nogil:
    if t.answers.count >= t.answers.most:
        remove(&t.answers, t.answers.oldest)
    put(&t.answers, high, low, now + t.timer_j_seconds, NULL)


cdef inline bint was_answered_after(
    Table* t, int32_t at, double instant
) noexcept nogil:
    """Whether the answer of node *at*, if it is one, was given after *instant*."""
    # Both sides are rounded alike, so an answer of the same instant is not after it.
    return at != NOTHING and t.answers.nodes[at].due > instant + t.timer_j_seconds


cdef inline void put_notify(Table* t, Notify* notify, double now) noexcept nogil:
    put(&t.notifies, 0, notify.branch, now + t.timer_f_seconds, notify)
    t.notify_bytes += notify.size
    start_timer_e(t, notify, now)


cdef inline void start_timer_e(Table* t, Notify* notify, double now) noexcept nogil:
    """Wait for the next send, if there may be one."""
    cdef int timer = min(notify.sends, TIMERS_E) - 1
    notify.timer_e = -1
    if notify.sends < notify.most_sends or is_proven(t, notify.destination):
        notify.timer_e = timer
        notify.timer_node = put(
            &t.timers[timer], 0, 0, now + t.timer_e_seconds[timer], notify
        )


cdef inline void drop_notify(Table* t, int32_t at) noexcept nogil:
    cdef Notify* notify = <Notify*>t.notifies.nodes[at].value
    if notify.timer_e >= 0:
        remove(&t.timers[notify.timer_e], notify.timer_node)
    remove(&t.notifies, at)
    t.notify_bytes -= notify.size
    PyMem_RawFree(notify)


cdef inline void put_newest(
    Queue* q, uint64_t high, uint64_t low, double due
) noexcept nogil:
    """Make a key the newest of *q*, whether it is there or not."""
    cdef int32_t at = find(q, high, low)
    if at != NOTHING:
        remove(q, at)
    elif q.count >= q.most:
        remove(q, q.oldest)
    put(q, high, low, due, NULL)


cdef inline void finish(
    Table* t, int32_t at, Address source, double now
) noexcept nogil:
    """End the NOTIFY of node *at*, whose final response came from *source*."""
    cdef uint64_t number = t.notifies.nodes[at].low
    drop_notify(t, at)
    put_newest(&t.completed, 0, number, now + t.timer_k_seconds)
    put_newest(&t.proven, source.high, source.low, 0.0)
    at = find(&t.sources, source.high, source.low)
    if at != NOTHING:
        remove(&t.sources, at)


cdef inline double next_instant(Table* t) noexcept nogil:
    """When something falls due, or INFINITY."""
    cdef double least = INFINITY
    cdef int i
    least = earlier(&t.waits, least)
    least = earlier(&t.answers, least)
    least = earlier(&t.notifies, least)
    least = earlier(&t.completed, least)
    for i in range(TIMERS_E):
        least = earlier(&t.timers[i], least)
    return least
