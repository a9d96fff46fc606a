"""Transactions of plug-and-play, and the native answer to the SUBSCRIBE of most phones.

``Transactions`` is the one table of what was asked, answered and told.  sip/pnp.py is
the authority on what happens in it; ``PnpLane`` does the common part of the same
without Python objects: the SUBSCRIBE of a bound phone, its retransmission, and the
phone's 200 to the NOTIFY.  Whatever it does not recognise completely it declines, with
nothing changed, and sip/pnp.py decides.  A property test holds the two to the same
bytes.  Every use holds the GIL.
"""

cimport cython
from blake2b cimport bw_blake2b, bw_blake2b_key, bw_blake2b_start
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeASCII
from lane cimport ANSWER_BYTES, DatagramLane, Heard, Outgoing
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, strlen
from ring cimport DETAIL_BYTES, Ring, SightingRecord, sighting_place
from scan cimport hex_value
from sipmessage cimport (
    DATAGRAM_BYTES,
    Bytes,
    Fields,
    Parser,
    Span,
    blank,
    named,
)

from bootwave.native.sip import _parser

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    enum: AF_INET, AF_INET6

cdef extern from "<netinet/in.h>" nogil:
    enum: INET6_ADDRSTRLEN

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int, const void*, char*, socklen_t)
    int inet_pton(int, const char*, void*)

cdef extern from *:
    """
    static inline uint64_t bw_counter(const uint64_t *at) {
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);
    }
    """
    uint64_t bw_counter(const uint64_t* at) noexcept nogil

# Mirrors of bootwave.sightings.Reason; a test compares them.
cdef enum:
    ANSWERED = 1
    CONFIRMED = 2
    UNCONFIRMED = 3

REASONS = (ANSWERED, CONFIRMED, UNCONFIRMED)

cdef enum:
    KEY_BYTES = 16
    TIMERS_E = 4
    PLAIN_BYTES = 48  # of a vendor, model or version that is repeated
    URL_BYTES = 512
    ECHOED_BYTES = 1024  # mirrors bootwave.limits; a test compares them
    HASHED_BYTES = 2048  # of what names a transaction
    ADDRESSES = 64  # of ours that phones are heard on
    NOTHING = 0  # no node; the others count from 1

MAX_ECHOED_BYTES = ECHOED_BYTES

cdef Parser* PARSER = <Parser*>PyCapsule_GetPointer(
    _parser, "bootwave.native.sip._parser"
)


# A table in the order of its putting ---------------------------------------------


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


cdef int make_queue(Queue* q, Py_ssize_t most, bint hashed, uint64_t seed) except -1:
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


cdef void free_queue(Queue* q) noexcept:
    PyMem_RawFree(q.nodes)
    PyMem_RawFree(q.buckets)


cdef inline int32_t* bucket_of(Queue* q, uint64_t high, uint64_t low) noexcept:
    # Keys are digests or addresses; the seed keeps chosen ones from one bucket.
    cdef uint64_t mixed = (low ^ q.seed) * <uint64_t>0x9E3779B97F4A7C15
    mixed = (mixed ^ high ^ mixed >> 32) * <uint64_t>0xD6E8FEB86659FD93
    return &q.buckets[(mixed ^ mixed >> 32) & q.mask]


cdef int32_t find(Queue* q, uint64_t high, uint64_t low) noexcept:
    """The node of a key, or NOTHING."""
    cdef int32_t at = bucket_of(q, high, low)[0]
    while at != NOTHING and not (q.nodes[at].high == high and q.nodes[at].low == low):
        at = q.nodes[at].chained
    return at


cdef int32_t put(
    Queue* q, uint64_t high, uint64_t low, double due, void* value
) noexcept:
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


cdef void remove(Queue* q, int32_t at) noexcept:
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


cdef inline bint is_due(Queue* q, double now) noexcept:
    """Whether the oldest entry is due at *now*."""
    return q.oldest != NOTHING and q.nodes[q.oldest].due <= now


cdef inline double earlier(Queue* q, double instant) noexcept:
    """The lesser of *instant* and when the oldest entry falls due."""
    if q.oldest != NOTHING and q.nodes[q.oldest].due < instant:
        return q.nodes[q.oldest].due
    return instant


# Addresses -------------------------------------------------------------------------


cdef struct Address:  # IPv4 as ::ffff:a.b.c.d, in the bytes of the network
    uint64_t high
    uint64_t low


cdef inline uint64_t big_endian(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t word = 0
    cdef int i
    for i in range(size):
        word = word << 8 | at[i]
    return word


cdef inline void to_big_endian(uint64_t word, uint8_t* out) noexcept nogil:
    cdef int i
    for i in range(8):
        out[i] = <uint8_t>(word >> (56 - 8 * i))


cdef inline Address address_from_ipv4(uint32_t number) noexcept nogil:
    return Address(0, <uint64_t>0xFFFF00000000 | number)


cdef Address address_from_text(str text) except *:
    cdef uint8_t raw[16]
    cdef bytes spelt = text.encode()
    if inet_pton(AF_INET, spelt, raw) == 1:
        return address_from_ipv4(<uint32_t>big_endian(raw, 4))
    if inet_pton(AF_INET6, spelt, raw) == 1:
        return Address(big_endian(raw, 8), big_endian(raw + 8, 8))
    raise ValueError(f"not an address: {text!r}")


cdef object text_from_address(Address address):
    cdef uint8_t raw[16]
    cdef char text[INET6_ADDRSTRLEN]
    to_big_endian(address.high, raw)
    to_big_endian(address.low, raw + 8)
    if address.high == 0 and address.low >> 32 == 0xFFFF:
        inet_ntop(AF_INET, raw + 12, text, INET6_ADDRSTRLEN)
    else:
        inet_ntop(AF_INET6, raw, text, INET6_ADDRSTRLEN)
    return PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)


# Transactions ----------------------------------------------------------------------


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


cdef inline uint8_t* data_of(Notify* notify) noexcept:
    return <uint8_t*>notify + sizeof(Notify)


cdef bint branch_number(const uint8_t* at, Py_ssize_t size, uint64_t* out) noexcept:
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


@cython.final
@cython.auto_pickle(False)
cdef class Transactions:
    """The SUBSCRIBEs that wait or were answered, and the NOTIFYs under way.

    A SUBSCRIBE with a forged source makes the phone of that address, or whatever is
    there, receive two datagrams.  So each source has a bucket of tokens: it starts full
    with *burst*, one SUBSCRIBE takes one, and *per_second* come back.  A source that
    confirmed a NOTIFY has proven itself and is not asked for tokens any more.

    Each table is bounded by the number of its name, *notify_bytes* bounds the bytes of
    all NOTIFYs; where one is full the oldest gives way.  *delays* are the seconds of a
    look-up, of timer J, of timer F, of timer K and of the four intervals of timer E.
    Keys are 16 bytes, branches what sip.transaction makes, instants what time.monotonic
    returns.  *seed* keeps addresses that somebody chose from sharing one bucket.
    """

    cdef Queue waits
    cdef Queue answers
    cdef Queue notifies
    cdef Queue completed
    cdef Queue proven
    cdef Queue sources
    cdef Bucket* buckets  # by the node of their source
    cdef double burst
    cdef double per_second
    cdef int64_t notify_bytes
    cdef int64_t most_notify_bytes
    cdef Queue[TIMERS_E] timers
    cdef double[TIMERS_E] timer_e_seconds
    cdef double lookup_seconds
    cdef double timer_j_seconds
    cdef double timer_f_seconds
    cdef double timer_k_seconds

    def __cinit__(
        self,
        *,
        Py_ssize_t lookups,
        Py_ssize_t answered,
        Py_ssize_t notifies,
        Py_ssize_t proven,
        Py_ssize_t sources,
        int64_t notify_bytes,
        double burst,
        double per_second,
        tuple delays not None,
        uint64_t seed=0,
    ):
        cdef int i
        (
            self.lookup_seconds,
            self.timer_j_seconds,
            self.timer_f_seconds,
            self.timer_k_seconds,
            self.timer_e_seconds[0],
            self.timer_e_seconds[1],
            self.timer_e_seconds[2],
            self.timer_e_seconds[3],
        ) = delays
        make_queue(&self.waits, lookups, True, seed)
        make_queue(&self.answers, answered, True, seed)
        make_queue(&self.notifies, notifies, True, seed)
        make_queue(&self.completed, notifies, True, seed)
        make_queue(&self.proven, proven, True, seed)
        make_queue(&self.sources, sources, True, seed)
        self.buckets = <Bucket*>PyMem_RawCalloc(<size_t>sources + 1, sizeof(Bucket))
        if self.buckets == NULL:
            raise MemoryError
        self.burst = burst
        self.per_second = per_second
        self.most_notify_bytes = notify_bytes
        for i in range(TIMERS_E):
            make_queue(&self.timers[i], notifies, False, seed)

    def __dealloc__(self):
        cdef int32_t at
        cdef int i
        at = self.waits.oldest
        while at != NOTHING:
            Py_DECREF(<object>self.waits.nodes[at].value)
            at = self.waits.nodes[at].newer
        at = self.notifies.oldest
        while at != NOTHING:
            PyMem_RawFree(self.notifies.nodes[at].value)
            at = self.notifies.nodes[at].newer
        free_queue(&self.waits)
        free_queue(&self.answers)
        free_queue(&self.notifies)
        free_queue(&self.completed)
        free_queue(&self.proven)
        free_queue(&self.sources)
        PyMem_RawFree(self.buckets)
        for i in range(TIMERS_E):
            free_queue(&self.timers[i])

    @property
    def waiting(self):
        """How many SUBSCRIBEs wait for their look-up."""
        return self.waits.count

    @property
    def answered(self):
        """How many transactions were answered not longer than timer J ago."""
        return self.answers.count

    @property
    def pending(self):
        """How many NOTIFYs have no final response yet."""
        return self.notifies.count

    @property
    def pending_bytes(self):
        """What these NOTIFYs take, in bytes of datagrams."""
        return self.notify_bytes

    # Sources

    def lets_pass(self, str host not None, double now):
        """Whether *host* has proven itself, or had a token at *now*; takes it."""
        cdef Bucket* bucket
        cdef Address source = address_from_text(host)
        if find(&self.proven, source.high, source.low) != NOTHING:
            return True
        bucket = self.bucket_of(source, now)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    cdef Bucket* bucket_of(self, Address source, double now) noexcept:
        """The bucket of *source*, filled up to *now*; the least recent may give way.

        Asking twice at the same instant is asking once.
        """
        cdef int32_t at = find(&self.sources, source.high, source.low)
        cdef Bucket* bucket
        cdef Bucket moved
        if at != NOTHING:
            moved = self.buckets[at]
            remove(&self.sources, at)
        else:
            moved = Bucket(self.burst, now, -INFINITY, 0)
            if self.sources.count >= self.sources.most:
                remove(&self.sources, self.sources.oldest)
        at = put(&self.sources, source.high, source.low, 0.0, NULL)
        bucket = &self.buckets[at]
        bucket[0] = moved
        bucket.tokens = min(
            bucket.tokens + (now - bucket.filled) * self.per_second, self.burst
        )
        bucket.filled = now
        return bucket

    def refused(self, str host not None, double now, double tell_seconds):
        """Count one refusal of *host*; return how many to tell of now.

        0 until *tell_seconds* have passed since the latest that were told.  Raises
        ValueError for a host that was never asked for a token.
        """
        cdef Address source = address_from_text(host)
        cdef int32_t at = find(&self.sources, source.high, source.low)
        cdef Bucket* bucket
        cdef uint64_t untold
        if at == NOTHING:
            raise ValueError("no such source")
        bucket = &self.buckets[at]
        bucket.untold += 1
        if now - bucket.told < tell_seconds:
            return 0
        untold = bucket.untold
        bucket.untold = 0
        bucket.told = now
        return untold

    # SUBSCRIBEs that wait

    def wait(self, bytes key not None, value not None, double now):
        """Keep *value* for *key*, which is not waiting; False when there is no room."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        split_key(key, &high, &low)
        if self.waits.count >= self.waits.most:
            return False
        if find(&self.waits, high, low) != NOTHING:
            raise ValueError("the key is waiting")
        Py_INCREF(value)
        put(&self.waits, high, low, now + self.lookup_seconds, <void*>value)
        return True

    def waiting_for(self, bytes key not None):
        """Return what waits under *key*, or None."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        cdef int32_t at
        split_key(key, &high, &low)
        at = find(&self.waits, high, low)
        return None if at == NOTHING else <object>self.waits.nodes[at].value

    def settle(self, bytes key not None):
        """Forget that *key* waits."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        cdef int32_t at
        split_key(key, &high, &low)
        at = find(&self.waits, high, low)
        if at != NOTHING:
            self.take_wait(at)

    cdef object take_wait(self, int32_t at):
        cdef object value = <object>self.waits.nodes[at].value
        remove(&self.waits, at)
        Py_DECREF(value)  # the table's own reference
        return value

    # Answered ones

    def is_answered(self, bytes key not None):
        """Whether *key* was answered not longer than timer J ago."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        split_key(key, &high, &low)
        return find(&self.answers, high, low) != NOTHING

    def accept(self, bytes key not None, double now):
        """Remember that *key*, which was not, is answered; the oldest may give way."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        split_key(key, &high, &low)
        if find(&self.answers, high, low) != NOTHING:
            raise ValueError("the key is answered")
        self.put_answer(high, low, now)

    cdef void put_answer(self, uint64_t high, uint64_t low, double now) noexcept:
        if self.answers.count >= self.answers.most:
            remove(&self.answers, self.answers.oldest)
        put(&self.answers, high, low, now + self.timer_j_seconds, NULL)

    # NOTIFYs

    def expect(
        self,
        bytes branch not None,
        bytes data not None,
        destination,
        local,
        bytes call_id not None,
        uint64_t mac,
        str detail not None,
        int most_sends,
        double now,
    ):
        """Remember a NOTIFY that was just sent, and start its timers anew.

        *destination* is (host, port), *local* (address, interface).  Returns what had
        to give way, as expire() does.  Raises ValueError for a branch that is
        none of ours, and for addresses that are none.
        """
        cdef uint64_t number = 0
        cdef Address to, here
        cdef uint16_t port
        cdef int interface
        cdef int32_t at
        cdef Notify* notify
        cdef bytes words = detail.encode()
        cdef list pushed = []
        if not branch_number(
            <const uint8_t*>PyBytes_AS_STRING(branch), PyBytes_GET_SIZE(branch), &number
        ):
            raise ValueError(f"not a branch of ours: {branch!r}")
        host, port = destination
        address, interface = local
        to = address_from_text(host)
        here = address_from_text(address)
        notify = new_notify(
            <const uint8_t*>PyBytes_AS_STRING(data),
            PyBytes_GET_SIZE(data),
            <const uint8_t*>PyBytes_AS_STRING(call_id),
            PyBytes_GET_SIZE(call_id),
            <const uint8_t*>PyBytes_AS_STRING(words),
            PyBytes_GET_SIZE(words),
        )
        if notify == NULL:
            raise MemoryError
        notify.branch = number
        notify.mac = mac
        notify.destination = to
        notify.port = port
        notify.local = here
        notify.interface = interface
        notify.most_sends = most_sends
        at = find(&self.notifies, 0, number)
        if at != NOTHING:
            self.drop_notify(at)  # the same again, its first answer forgotten
        elif self.notifies.count >= self.notifies.most:
            pushed.append(self.take_oldest_notify())
        self.put_notify(notify, now)
        while self.notify_bytes > self.most_notify_bytes:
            pushed.append(self.take_oldest_notify())
        return pushed

    cdef tuple take_oldest_notify(self):
        cdef tuple ended = given_up(
            <Notify*>self.notifies.nodes[self.notifies.oldest].value
        )
        self.drop_oldest_notify()
        return ended

    cdef void put_notify(self, Notify* notify, double now) noexcept:
        put(&self.notifies, 0, notify.branch, now + self.timer_f_seconds, notify)
        self.notify_bytes += notify.size
        self.start_timer_e(notify, now)

    cdef void start_timer_e(self, Notify* notify, double now) noexcept:
        """Wait for the next send, if there may be one."""
        cdef int timer = min(notify.sends, TIMERS_E) - 1
        notify.timer_e = -1
        if notify.sends < notify.most_sends or find(
            &self.proven, notify.destination.high, notify.destination.low
        ) != NOTHING:
            notify.timer_e = timer
            notify.timer_node = put(
                &self.timers[timer], 0, 0, now + self.timer_e_seconds[timer], notify
            )

    cdef void drop_notify(self, int32_t at) noexcept:
        cdef Notify* notify = <Notify*>self.notifies.nodes[at].value
        if notify.timer_e >= 0:
            remove(&self.timers[notify.timer_e], notify.timer_node)
        remove(&self.notifies, at)
        self.notify_bytes -= notify.size
        PyMem_RawFree(notify)

    cdef void drop_oldest_notify(self) noexcept:
        self.drop_notify(self.notifies.oldest)

    def told(self, bytes branch not None):
        """Return (host, Call-ID, MAC, detail) of the NOTIFY of *branch*, or None."""
        cdef uint64_t number = 0
        cdef int32_t at = NOTHING
        cdef Notify* notify
        if branch_number(
            <const uint8_t*>PyBytes_AS_STRING(branch), PyBytes_GET_SIZE(branch), &number
        ):
            at = find(&self.notifies, 0, number)
        if at == NOTHING:
            return None
        notify = <Notify*>self.notifies.nodes[at].value
        return (
            text_from_address(notify.destination),
            PyBytes_FromStringAndSize(
                <char*>data_of(notify) + notify.size, notify.call_id_size
            ),
            notify.mac,
            detail_of(notify),
        )

    def complete(self, bytes branch not None, str host not None, double now):
        """End the NOTIFY of *branch*, which got its final response from *host*.

        Repeated responses are told from foreign ones for timer K, and *host* has proven
        that it gets what is sent to it.  Raises ValueError for an unknown branch.
        """
        cdef uint64_t number = 0
        cdef Address source = address_from_text(host)
        cdef int32_t at = NOTHING
        if branch_number(
            <const uint8_t*>PyBytes_AS_STRING(branch), PyBytes_GET_SIZE(branch), &number
        ):
            at = find(&self.notifies, 0, number)
        if at == NOTHING:
            raise ValueError("no such branch")
        self.finish(at, source, now)

    cdef void finish(self, int32_t at, Address source, double now) noexcept:
        cdef uint64_t number = self.notifies.nodes[at].low
        self.drop_notify(at)
        at = find(&self.completed, 0, number)
        if at != NOTHING:
            remove(&self.completed, at)
        elif self.completed.count >= self.completed.most:
            remove(&self.completed, self.completed.oldest)
        put(&self.completed, 0, number, now + self.timer_k_seconds, NULL)
        at = find(&self.proven, source.high, source.low)
        if at != NOTHING:
            remove(&self.proven, at)
        elif self.proven.count >= self.proven.most:
            remove(&self.proven, self.proven.oldest)
        put(&self.proven, source.high, source.low, 0.0, NULL)
        at = find(&self.sources, source.high, source.low)
        if at != NOTHING:
            remove(&self.sources, at)

    def is_completed(self, bytes branch not None):
        """Whether the NOTIFY of *branch* ended not longer than timer K ago."""
        cdef uint64_t number = 0
        return branch_number(
            <const uint8_t*>PyBytes_AS_STRING(branch), PyBytes_GET_SIZE(branch), &number
        ) and find(&self.completed, 0, number) != NOTHING

    # Time

    def next_due(self):
        """Return when something falls due, or None."""
        cdef double least = INFINITY
        cdef int i
        least = earlier(&self.waits, least)
        least = earlier(&self.answers, least)
        least = earlier(&self.notifies, least)
        least = earlier(&self.completed, least)
        for i in range(TIMERS_E):
            least = earlier(&self.timers[i], least)
        return None if least == INFINITY else least

    def forget(self, double now):
        """Forget the answers and endings that are due at *now*."""
        while is_due(&self.answers, now):
            remove(&self.answers, self.answers.oldest)
        while is_due(&self.completed, now):
            remove(&self.completed, self.completed.oldest)

    def overdue(self, double now):
        """Take out what waited for too long at *now*, oldest first."""
        cdef list found = []
        while is_due(&self.waits, now):
            found.append(self.take_wait(self.waits.oldest))
        return found

    def expire(self, double now):
        """End the NOTIFYs whose timer F is due: [(host, MAC, detail)], oldest first."""
        cdef list found = []
        while is_due(&self.notifies, now):
            found.append(self.take_oldest_notify())
        return found

    def resend(self, double now):
        """Return the NOTIFYs whose timer E is due, and start it for their next send.

        Each is (data, host, port, our address, interface).
        """
        cdef list found = []
        cdef Queue* q
        cdef Notify* notify
        cdef int i
        for i in range(TIMERS_E):
            q = &self.timers[i]
            # Those that are started again here fall due later than *now*.
            while is_due(q, now):
                notify = <Notify*>q.nodes[q.oldest].value
                found.append((
                    PyBytes_FromStringAndSize(<char*>data_of(notify), notify.size),
                    text_from_address(notify.destination),
                    notify.port,
                    text_from_address(notify.local),
                    notify.interface,
                ))
                remove(q, q.oldest)
                notify.sends += 1
                self.start_timer_e(notify, now)
        return found


cdef int split_key(bytes key, uint64_t* high, uint64_t* low) except -1:
    cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(key)
    if PyBytes_GET_SIZE(key) != KEY_BYTES:
        raise ValueError("a key has 16 bytes")
    high[0] = big_endian(at, 8)
    low[0] = big_endian(at + 8, 8)
    return 0


cdef Notify* new_notify(
    const uint8_t* data,
    Py_ssize_t size,
    const uint8_t* call_id,
    Py_ssize_t call_id_size,
    const uint8_t* detail,
    Py_ssize_t detail_size,
) noexcept:
    """A NOTIFY that was sent once, its other members zeros; NULL without memory."""
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


cdef str detail_of(Notify* notify):
    cdef char* at = <char*>data_of(notify) + notify.size + notify.call_id_size
    return at[:notify.detail_size].decode()


cdef tuple given_up(Notify* notify):
    return (text_from_address(notify.destination), notify.mac, detail_of(notify))


# Who is answered -------------------------------------------------------------------


cdef struct Bound:
    uint64_t mac  # 0: none
    uint64_t stamp
    uint32_t counters[3]
    uint32_t generation


@cython.final
@cython.auto_pickle(False)
cdef class BoundMacs:
    """MACs that may be answered as long as three counters of each stay the same.

    *counters* is the buffer of provision.revocations, kept alive.  There is room for
    *places* MACs, a power of two; one may take the place of another, which then is
    looked up again.  Raises ValueError for other sizes.
    """

    cdef Bound* bounds
    cdef uint64_t mask
    cdef Py_buffer view
    cdef bint held
    cdef uint64_t counters
    cdef uint32_t generation

    def __cinit__(self, counters, Py_ssize_t places):
        if not 1 <= places <= 1 << 24 or places & (places - 1):
            raise ValueError("places must be a power of two up to 2**24")
        PyObject_GetBuffer(counters, &self.view, PyBUF_SIMPLE)
        self.held = True
        self.counters = <uint64_t>self.view.len // 8
        if <size_t>self.view.buf % 8:
            raise ValueError("the counters are not aligned")
        self.mask = <uint64_t>places - 1
        self.bounds = <Bound*>PyMem_RawCalloc(<size_t>places, sizeof(Bound))
        if self.bounds == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_RawFree(self.bounds)
        if self.held:
            PyBuffer_Release(&self.view)

    cdef Bound* place(self, uint64_t mac) noexcept:
        # Phones of one delivery are numbered in sequence: low bits spread them evenly.
        return &self.bounds[(mac ^ mac >> 24) & self.mask]

    def keep(
        self,
        uint64_t mac,
        uint32_t first,
        uint32_t second,
        uint32_t third,
        uint64_t stamp,
    ):
        """Hold *mac* while the sum of three counters is *stamp*.

        Raises IndexError for a counter outside the buffer.
        """
        cdef Bound* bound = self.place(mac)
        if max(first, second, third) >= self.counters:
            raise IndexError("no such counter")
        bound.mac = mac
        bound.stamp = stamp
        bound.generation = self.generation
        bound.counters[0] = first
        bound.counters[1] = second
        bound.counters[2] = third

    def drop(self, uint64_t mac):
        """Hold *mac* no longer."""
        cdef Bound* bound = self.place(mac)
        if bound.mac == mac:
            bound.mac = 0

    def clear(self):
        """Hold none any longer."""
        # Writing to each place would make pages of those that were never used.
        self.generation += 1

    def __contains__(self, uint64_t mac):
        """Whether *mac* is held and nothing of it was revoked since."""
        return self.holds(mac)

    cdef bint holds(self, uint64_t mac) noexcept:
        cdef Bound* bound = self.place(mac)
        cdef const uint64_t* counters = <const uint64_t*>self.view.buf
        if mac == 0 or bound.mac != mac or bound.generation != self.generation:
            return False
        return bound.stamp == (
            bw_counter(counters + bound.counters[0])
            + bw_counter(counters + bound.counters[1])
            + bw_counter(counters + bound.counters[2])
        )


# The lane --------------------------------------------------------------------------


cdef struct Told:  # what phones heard on one address of ours are told
    uint32_t local
    int url_size
    int address_size
    char address[16]
    char url[URL_BYTES]


cdef struct Link:
    int interface
    uint32_t subnet
    uint32_t mask


cdef struct Writer:
    uint8_t* at
    uint8_t* end
    bint full


cdef inline Writer writer(void* at, Py_ssize_t size) noexcept:
    """A writer that fills at[0:size]."""
    return Writer(<uint8_t*>at, <uint8_t*>at + size, False)


cdef inline void write(Writer* w, const void* data, Py_ssize_t size) noexcept:
    if w.end - w.at < size:
        w.full = True
        return
    memcpy(w.at, data, <size_t>size)
    w.at += size


cdef inline void write_text(Writer* w, const char* text) noexcept:
    write(w, text, <Py_ssize_t>strlen(text))


cdef inline void write_part(Writer* w, Bytes p, int at, int end) noexcept:
    write(w, p + at, end - at)


cdef inline void write_span(Writer* w, Bytes p, Span span) noexcept:
    write(w, p + span.at, span.end - span.at)


cdef void write_number(Writer* w, uint32_t number) noexcept:
    cdef uint8_t digits[10]
    cdef int at = 10
    while True:
        at -= 1
        digits[at] = <uint8_t>(0x30 + number % 10)
        number //= 10
        if number == 0:
            break
    write(w, digits + at, 10 - at)


cdef void write_ipv4(Writer* w, uint32_t number) noexcept:
    cdef int shift
    for shift in range(24, -1, -8):
        write_number(w, number >> shift & 0xFF)
        if shift:
            write(w, <const char*>".", 1)


cdef void write_hex(Writer* w, const uint8_t* at, int size) noexcept:
    cdef const char* digits = "0123456789abcdef"
    cdef uint8_t pair[2]
    cdef int i
    for i in range(size):
        pair[0] = digits[at[i] >> 4]
        pair[1] = digits[at[i] & 15]
        write(w, pair, 2)


cdef inline bint is_alphanumeric(uint8_t byte) noexcept:
    return 0x30 <= byte <= 0x39 or 0x61 <= (byte | 0x20) <= 0x7A


cdef bint is_plain(Bytes p, Span span) noexcept:
    """Whether sip.event.plain() would repeat it."""
    cdef int i
    cdef uint8_t byte
    if not 1 <= span.end - span.at <= PLAIN_BYTES or not is_alphanumeric(p[span.at]):
        return False
    for i in range(span.at + 1, span.end):
        byte = p[i]
        if not is_alphanumeric(byte) and byte not in (
            0x20, 0x2E, 0x5F, 0x2B, 0x2F, 0x2D  # blank . _ + / -
        ):
            return False
    return True


cdef bint is_canonical_model(Bytes p, Span span) noexcept:
    """Whether it is a model as phone.model spells it: snom370, snomD785, snomM700."""
    cdef int at = span.at + 4
    cdef int digits = 0
    if span.end - span.at < 7 or memcmp(p + span.at, <const char*>"snom", 4) != 0:
        return False
    if p[at] in (0x43, 0x44, 0x4D):  # C D M
        at += 1
    while at < span.end and 0x30 <= p[at] <= 0x39:
        at += 1
        digits += 1
    if digits != 3 or span.end - at > 2:
        return False
    while at < span.end and 0x41 <= p[at] <= 0x5A:
        at += 1
    return at == span.end


cdef bint is_plain_contact(Bytes p, Span uri) noexcept:
    """Whether it is ``sip:[user@]host[:port]`` as sip.message takes for a target."""
    cdef int at = uri.at + 4
    cdef int start = at
    cdef int i
    cdef uint8_t byte
    if uri.end - uri.at < 5 or not named(p, Span(uri.at, <uint16_t>at), "sip:", 4):
        return False
    for i in range(at, uri.end):
        if p[i] == 0x40:  # @
            if not 1 <= i - at <= 64:
                return False
            start = i + 1
            break
    if start > at:
        for i in range(at, start - 1):
            byte = p[i]
            if not is_alphanumeric(byte) and byte not in (
                # . _ ~ ! $ & * + = % -
                0x2E, 0x5F, 0x7E, 0x21, 0x24, 0x26, 0x2A, 0x2B, 0x3D, 0x25, 0x2D
            ):
                return False
    at = start
    while at < uri.end and (
        is_alphanumeric(p[at]) or p[at] == 0x2E or p[at] == 0x2D
    ):
        at += 1
    if not 1 <= at - start <= 128:
        return False
    if at == uri.end:
        return True
    if p[at] != 0x3A or not 1 <= uri.end - at - 1 <= 5:
        return False
    for i in range(at + 1, uri.end):
        if not 0x30 <= p[i] <= 0x39:
            return False
    return True


@cython.final
@cython.auto_pickle(False)
cdef class PnpLane:
    """Answers what is common without Python objects, in the same table as PnpCore.

    *secret*, *port* and *most_sends* are those of the core, *macs* says who is
    answered, and *sightings* is told.  Nothing is answered on an address of ours before
    ``tell`` named its URL, nor from outside the ``links``.
    """

    cdef Transactions table
    cdef BoundMacs macs
    cdef object sightings
    cdef Ring* ring
    cdef bw_blake2b_key key
    cdef int port
    cdef int most_sends
    cdef int known  # addresses
    cdef Told[ADDRESSES] told
    cdef Link* links
    cdef Py_ssize_t link_count
    cdef uint32_t* own
    cdef Py_ssize_t own_count
    cdef DatagramLane lane
    cdef readonly object _lane

    def __cinit__(
        self,
        Transactions table not None,
        BoundMacs macs not None,
        sightings,
        *,
        bytes secret not None,
        int port,
        int most_sends,
    ):
        if not 16 <= len(secret) <= 64:
            raise ValueError("the secret has 16 to 64 bytes")
        self.table = table
        self.macs = macs
        self.sightings = sightings
        self.ring = <Ring*>PyCapsule_GetPointer(
            sightings._ring, "bootwave.native.ring._ring"
        )
        bw_blake2b_start(
            &self.key, <const uint8_t*>PyBytes_AS_STRING(secret), <size_t>len(secret)
        )
        self.port = port
        self.most_sends = most_sends
        self.lane.state = <void*>self
        self.lane.answer = answer_for
        self._lane = PyCapsule_New(&self.lane, "bootwave.native.pnp._lane", NULL)

    def __dealloc__(self):
        PyMem_RawFree(self.links)
        PyMem_RawFree(self.own)

    def tell(self, str address not None, str url not None):
        """Tell *url* to the phones heard on *address* of ours.

        What does not fit, or is not IPv4, stays with the core.
        """
        cdef Address here = address_from_text(address)
        cdef bytes text = url.encode()
        cdef Told* told
        cdef Writer w
        if here.high or here.low >> 32 != 0xFFFF or len(text) > URL_BYTES:
            return
        told = self.told_on(<uint32_t>here.low)
        if told == NULL:
            if self.known == ADDRESSES:
                return
            told = &self.told[self.known]
            self.known += 1
            told.local = <uint32_t>here.low
            w = writer(told.address, 16)
            write_ipv4(&w, told.local)
            told.address_size = <int>(w.at - <uint8_t*>told.address)
        told.url_size = <int>len(text)
        memcpy(told.url, PyBytes_AS_STRING(text), <size_t>told.url_size)

    cdef Told* told_on(self, uint32_t local) noexcept:
        cdef int i
        for i in range(self.known):
            if self.told[i].local == local:
                return &self.told[i]
        return NULL

    def set_links(self, list subnets not None, list own not None):
        """Answer sources in *subnets*, (interface, subnet, mask), and *own* ones."""
        cdef Py_ssize_t i
        cdef Link* links = <Link*>PyMem_RawCalloc(len(subnets) + 1, sizeof(Link))
        cdef uint32_t* addresses = <uint32_t*>PyMem_RawCalloc(
            len(own) + 1, sizeof(uint32_t)
        )
        try:
            if links == NULL or addresses == NULL:
                raise MemoryError
            for i in range(len(subnets)):
                links[i].interface, links[i].subnet, links[i].mask = subnets[i]
            for i in range(len(own)):
                addresses[i] = own[i]
        except BaseException:
            PyMem_RawFree(links)
            PyMem_RawFree(addresses)
            raise
        PyMem_RawFree(self.links)
        PyMem_RawFree(self.own)
        self.links = links
        self.link_count = len(subnets)
        self.own = addresses
        self.own_count = len(own)

    cdef bint on_link(self, uint32_t source, int interface) noexcept:
        cdef Py_ssize_t i
        for i in range(self.link_count):
            if (
                self.links[i].interface == interface
                and source & self.links[i].mask == self.links[i].subnet
            ):
                return True
        for i in range(self.own_count):
            if self.own[i] == source:
                return True
        return False

    def answer(
        self,
        data,
        str source not None,
        uint16_t port,
        str local not None,
        int interface,
        double now,
        double wall,
    ):
        """Return (response, request), b"" for what is not sent; None when declined.

        For one datagram without a socket; both go where sip/pnp.py would send them, as
        the third and fourth item say: (response, request, host, port).
        """
        cdef Py_buffer view
        cdef uint8_t first[ANSWER_BYTES]
        cdef uint8_t second[ANSWER_BYTES]
        cdef Outgoing response
        cdef Outgoing request
        cdef Heard heard
        cdef Address from_ = address_from_text(source)
        cdef Address here = address_from_text(local)
        response.data = first
        request.data = second
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            heard.data = <const uint8_t*>view.buf
            heard.size = <int>min(view.len, DATAGRAM_BYTES + 1)
            heard.source = <uint32_t>from_.low
            heard.port = port
            heard.local = <uint32_t>here.low
            heard.interface = interface
            if not answer_for(
                <void*>self, &heard, now, wall, &response, &request
            ):
                return None
            return (
                PyBytes_FromStringAndSize(<char*>first, response.size),
                PyBytes_FromStringAndSize(<char*>second, request.size),
                text_from_address(address_from_ipv4(response.destination)),
                response.port,
            )
        finally:
            PyBuffer_Release(&view)

    cdef bint receive(
        self,
        const Heard* heard,
        double now,
        double wall,
        Outgoing* response,
        Outgoing* request,
    ) noexcept:
        cdef Fields f
        cdef int where = 0
        response.size = 0
        request.size = 0
        response.destination = heard.source
        response.port = heard.port
        if heard.size > DATAGRAM_BYTES:
            return False
        blank(&f)
        if PARSER.read(heard.data, heard.size, &f, &where) != NULL or f.folded:
            return False
        if f.status:
            return self.receive_response(heard, &f, now, wall)
        return self.receive_subscribe(heard, &f, now, wall, response, request)

    cdef bint receive_response(
        self, const Heard* heard, Fields* f, double now, double wall
    ) noexcept:
        """The 2xx of a phone to its NOTIFY (RFC 3261 section 17.1.3)."""
        cdef Bytes p = heard.data
        cdef uint64_t number = 0
        cdef int32_t at
        cdef Notify* notify
        cdef Address source = address_from_ipv4(heard.source)
        if not 200 <= f.status < 300 or f.via_count != 1 or f.cseq_number != 1:
            return False
        if not branch_number(p + f.branch.at, f.branch.end - f.branch.at, &number):
            return False
        if f.cseq_method.end - f.cseq_method.at != 6 or memcmp(
            p + f.cseq_method.at, <const char*>"NOTIFY", 6
        ) != 0:
            return False
        at = find(&self.table.notifies, 0, number)
        if at == NOTHING:
            return False
        notify = <Notify*>self.table.notifies.nodes[at].value
        if (
            notify.destination.high != source.high
            or notify.destination.low != source.low
            or notify.call_id_size != f.call_id.end - f.call_id.at
            or memcmp(
                data_of(notify) + notify.size,
                p + f.call_id.at,
                <size_t>notify.call_id_size,
            ) != 0
        ):
            return False
        self.sight(wall, notify.mac, heard.source, CONFIRMED, notify)
        self.table.finish(at, source, now)
        return True

    cdef bint receive_subscribe(
        self,
        const Heard* heard,
        Fields* f,
        double now,
        double wall,
        Outgoing* response,
        Outgoing* request,
    ) noexcept:
        cdef Bytes p = heard.data
        cdef uint64_t mac
        cdef uint8_t names[32]
        cdef uint8_t hashed[HASHED_BYTES]
        cdef Writer w
        cdef uint64_t high, low
        cdef Told* told
        cdef Address source
        cdef Bucket* bucket
        cdef Notify* notify
        cdef char detail[DETAIL_BYTES]
        cdef Writer d
        cdef uint64_t branch_id

        if f.method.end - f.method.at != 9 or memcmp(
            p + f.method.at, <const char*>"SUBSCRIBE", 9
        ) != 0:
            return False
        # A Via that names "received" itself, or several of them, is not plain.
        if f.via_count != 1 or f.received.at != 0 or f.to_tag.at != f.to_tag.end:
            return False
        if not (
            named(p, f.event_package, "ua-profile", 10)
            and named(p, f.profile_type, "device", 6)
        ):
            return False
        mac = <uint64_t>PARSER.mac(p, f)
        if mac == 0 or mac >> 40 & 1:
            return False
        if not self.on_link(heard.source, heard.interface):
            return False
        response.destination = heard.source
        response.port = heard.port
        if not f.has_rport:
            response.port = <uint16_t>(f.sent_by_port if f.sent_by_port else 5060)
        if response.port == 0:
            return False
        response.local = heard.local
        response.interface = heard.interface
        if ECHOED_BYTES < (
            (f.vias[0].end - f.vias[0].at)
            + (f.from_value.end - f.from_value.at)
            + (f.to_value.end - f.to_value.at)
            + (f.call_id.end - f.call_id.at)
        ):
            return False
        source = address_from_ipv4(heard.source)
        bucket = NULL
        if find(&self.table.proven, source.high, source.low) == NOTHING:
            bucket = self.table.bucket_of(source, now)
            if bucket.tokens < 1:
                return False
        told = self.told_on(heard.local)
        if told == NULL:
            return False

        # sip.transaction.names_from_subscribe
        w = writer(hashed, HASHED_BYTES)
        write_ipv4(&w, heard.source)
        write(&w, <const char*>"\n", 1)
        write_number(&w, heard.port)
        write(&w, <const char*>"\n", 1)
        write_span(&w, p, f.request_uri)
        write(&w, <const char*>"\n", 1)
        write_span(&w, p, f.vias[0])
        write(&w, <const char*>"\n", 1)
        write_span(&w, p, f.from_tag)
        write(&w, <const char*>"\n", 1)
        write_span(&w, p, f.call_id)
        write(&w, <const char*>"\n", 1)
        write_number(&w, f.cseq_number)
        if w.full:
            return False
        bw_blake2b(&self.key, hashed, <size_t>(w.at - hashed), names)
        high = big_endian(names, 8)
        low = big_endian(names + 8, 8)

        if find(&self.table.answers, high, low) != NOTHING:
            if not self.write_ok(heard, f, told, names + 16, response):
                return False
            if bucket != NULL:
                bucket.tokens -= 1
            return True
        if find(&self.table.waits, high, low) != NOTHING or not self.macs.holds(mac):
            return False
        if not (is_canonical_model(p, f.model) and is_plain(p, f.version)):
            return False
        # sip.event takes blanks at the ends away.
        if p[f.version.end - 1] == 0x20 or f.event_id.at != f.event_id.end:
            return False
        if not is_plain_contact(p, f.contact_uri):
            return False
        d = writer(detail, DETAIL_BYTES)
        write_span(&d, p, f.model)
        write(&d, <const char*>" ", 1)
        write_span(&d, p, f.version)
        if d.full or not self.write_ok(heard, f, told, names + 16, response):
            return False
        if not self.write_notify(heard, f, told, names + 16, response, request):
            response.size = 0
            return False
        branch_id = big_endian(names + 24, 8)
        if find(&self.table.notifies, 0, branch_id) != NOTHING:
            response.size = request.size = 0
            return False
        notify = new_notify(
            request.data,
            request.size,
            p + f.call_id.at,
            f.call_id.end - f.call_id.at,
            <const uint8_t*>detail,
            d.at - <uint8_t*>detail,
        )
        if notify == NULL:
            response.size = request.size = 0
            return False

        # Nothing can fail from here on.
        if bucket != NULL:
            bucket.tokens -= 1
        notify.branch = branch_id
        notify.mac = mac
        notify.destination = source
        notify.port = response.port
        notify.local = address_from_ipv4(heard.local)
        notify.interface = heard.interface
        notify.most_sends = self.most_sends
        self.table.put_answer(high, low, now)
        self.sight(wall, mac, heard.source, ANSWERED, notify)
        if self.table.notifies.count >= self.table.notifies.most:
            self.give_up_oldest(wall)
        self.table.put_notify(notify, now)
        while self.table.notify_bytes > self.table.most_notify_bytes:
            self.give_up_oldest(wall)
        return True

    cdef void give_up_oldest(self, double wall) noexcept:
        cdef Queue* q = &self.table.notifies
        cdef Notify* notify = <Notify*>q.nodes[q.oldest].value
        self.sight(
            wall, notify.mac, <uint32_t>notify.destination.low, UNCONFIRMED, notify
        )
        self.table.drop_oldest_notify()

    cdef void sight(
        self, double wall, uint64_t mac, uint32_t source, uint16_t reason, Notify* told
    ) noexcept:
        cdef SightingRecord* record = sighting_place(self.ring)
        cdef Address address = address_from_ipv4(source)
        if record == NULL:
            return
        record.at = wall
        record.mac = mac
        record.reason = reason
        to_big_endian(address.high, record.source)
        to_big_endian(address.low, record.source + 8)
        record.detail_size = <uint8_t>min(told.detail_size, DETAIL_BYTES)
        memcpy(
            record.detail,
            data_of(told) + told.size + told.call_id_size,
            record.detail_size,
        )

    cdef bint write_ok(
        self,
        const Heard* heard,
        Fields* f,
        Told* told,
        const uint8_t* to_tag,
        Outgoing* response,
    ) noexcept:
        """sip.message.ok"""
        cdef Bytes p = heard.data
        cdef Span via = f.vias[0]
        cdef Writer w = writer(response.data, ANSWER_BYTES)
        write_text(&w, "SIP/2.0 200 OK\r\nVia: ")
        if f.has_rport:
            write_part(&w, p, via.at, f.rport.at)
            write_text(&w, ";rport=")
            write_number(&w, heard.port)
            write_part(&w, p, f.rport.end, via.end)
        else:
            write_span(&w, p, via)
        write_text(&w, ";received=")
        write_ipv4(&w, heard.source)
        write_text(&w, "\r\nFrom: ")
        write_span(&w, p, f.from_value)
        write_text(&w, "\r\nTo: ")
        write_span(&w, p, f.to_value)
        write_text(&w, ";tag=")
        write_hex(&w, to_tag, 8)
        write_text(&w, "\r\nCall-ID: ")
        write_span(&w, p, f.call_id)
        write_text(&w, "\r\nCSeq: ")
        write_number(&w, f.cseq_number)
        write_text(&w, " SUBSCRIBE\r\n")
        self.write_contact(&w, told)
        write_text(&w, "Expires: 0\r\nContent-Length: 0\r\n\r\n")
        response.size = 0 if w.full else <int>(w.at - response.data)
        return not w.full

    cdef bint write_notify(
        self,
        const Heard* heard,
        Fields* f,
        Told* told,
        const uint8_t* tags,
        Outgoing* response,
        Outgoing* request,
    ) noexcept:
        """sip.message.notify"""
        cdef Bytes p = heard.data
        cdef Writer w = writer(request.data, ANSWER_BYTES)
        write_text(&w, "NOTIFY ")
        write_span(&w, p, f.contact_uri)
        write_text(&w, " SIP/2.0\r\nVia: SIP/2.0/UDP ")
        write(&w, told.address, told.address_size)
        write_text(&w, ":")
        write_number(&w, <uint32_t>self.port)
        write_text(&w, ";branch=z9hG4bK")
        write_hex(&w, tags + 8, 8)
        write_text(&w, ";rport\r\nMax-Forwards: 70\r\nFrom: ")
        write_span(&w, p, f.to_value)
        write_text(&w, ";tag=")
        write_hex(&w, tags, 8)
        write_text(&w, "\r\nTo: ")
        write_span(&w, p, f.from_value)
        write_text(&w, "\r\nCall-ID: ")
        write_span(&w, p, f.call_id)
        write_text(&w, "\r\nCSeq: 1 NOTIFY\r\n")
        self.write_contact(&w, told)
        write_text(&w, 'Event: ua-profile;profile-type="device"')
        if is_plain(p, f.vendor):
            write_text(&w, ';vendor="')
            write_span(&w, p, f.vendor)
            write_text(&w, '"')
        write_text(&w, ';model="')
        write_span(&w, p, f.model)
        write_text(&w, '";version="')
        write_span(&w, p, f.version)
        write_text(&w, '"\r\nSubscription-State: terminated;reason=timeout\r\n')
        write_text(&w, "Content-Type: application/url\r\nContent-Length: ")
        write_number(&w, <uint32_t>told.url_size)
        write_text(&w, "\r\n\r\n")
        write(&w, told.url, told.url_size)
        request.size = 0 if w.full else <int>(w.at - request.data)
        request.destination = response.destination
        request.port = response.port
        request.local = response.local
        request.interface = response.interface
        return not w.full

    cdef void write_contact(self, Writer* w, Told* told) noexcept:
        """sip.message.contact_header"""
        write_text(w, "Contact: <sip:")
        write(w, told.address, told.address_size)
        write_text(w, ":")
        write_number(w, <uint32_t>self.port)
        write_text(w, ">\r\n")


cdef bint answer_for(
    void* state,
    const Heard* heard,
    double now,
    double wall,
    Outgoing* response,
    Outgoing* request,
) noexcept:
    return (<PnpLane>state).receive(heard, now, wall, response, request)
