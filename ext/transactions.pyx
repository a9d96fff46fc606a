"""The transactions of plug-and-play: what was asked, answered and told.

``Transactions`` is the one table of them.  sip/pnp.py is the authority on what happens
in it, and native.pnp answers what is common in the same one, which it finds through the
capsule ``Transactions._table``.  Every use holds the GIL.
"""

cimport cython
from addresses cimport Address, address_from_text, big_endian, text_from_address
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.math cimport INFINITY
from pnpqueue cimport NOTHING, Queue, find, free_queue, is_due, make_queue, put, remove
from pnptable cimport (
    TIMERS_E,
    Bucket,
    Notify,
    Table,
    branch_number,
    data_of,
    drop_notify,
    finish,
    is_proven,
    new_notify,
    next_instant,
    put_answer,
    put_notify,
    start_timer_e,
    tokens_of,
    was_answered_after,
)

cdef extern from "Python.h":
    const Py_ssize_t PY_SSIZE_T_MAX

cdef enum:
    KEY_BYTES = 16


@cython.final
@cython.auto_pickle(False)
@cython.no_gc  # what waits in it is plain data, and the capsule knows its address
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

    cdef Table table
    cdef readonly object _table

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
            self.table.lookup_seconds,
            self.table.timer_j_seconds,
            self.table.timer_f_seconds,
            self.table.timer_k_seconds,
            self.table.timer_e_seconds[0],
            self.table.timer_e_seconds[1],
            self.table.timer_e_seconds[2],
            self.table.timer_e_seconds[3],
        ) = delays
        make_queue(&self.table.waits, lookups, True, seed)
        make_queue(&self.table.answers, answered, True, seed)
        make_queue(&self.table.notifies, notifies, True, seed)
        make_queue(&self.table.completed, notifies, True, seed)
        make_queue(&self.table.proven, proven, True, seed)
        make_queue(&self.table.sources, sources, True, seed)
        self.table.buckets = <Bucket*>PyMem_RawCalloc(
            <size_t>sources + 1, sizeof(Bucket)
        )
        if self.table.buckets == NULL:
            raise MemoryError
        self.table.burst = burst
        self.table.per_second = per_second
        self.table.most_notify_bytes = notify_bytes
        for i in range(TIMERS_E):
            make_queue(&self.table.timers[i], notifies, False, seed)
        self._table = PyCapsule_New(
            &self.table, "bootwave.native.transactions._table", NULL
        )

    def __dealloc__(self):
        cdef int32_t at
        cdef int i
        at = self.table.waits.oldest
        while at != NOTHING:
            Py_DECREF(<object>self.table.waits.nodes[at].value)
            at = self.table.waits.nodes[at].newer
        at = self.table.notifies.oldest
        while at != NOTHING:
            PyMem_RawFree(self.table.notifies.nodes[at].value)
            at = self.table.notifies.nodes[at].newer
        free_queue(&self.table.waits)
        free_queue(&self.table.answers)
        free_queue(&self.table.notifies)
        free_queue(&self.table.completed)
        free_queue(&self.table.proven)
        free_queue(&self.table.sources)
        PyMem_RawFree(self.table.buckets)
        for i in range(TIMERS_E):
            free_queue(&self.table.timers[i])

    @property
    def waiting(self):
        """How many SUBSCRIBEs wait for their look-up."""
        return self.table.waits.count

    @property
    def answered(self):
        """How many transactions were answered not longer than timer J ago."""
        return self.table.answers.count

    @property
    def pending(self):
        """How many NOTIFYs have no final response yet."""
        return self.table.notifies.count

    @property
    def pending_bytes(self):
        """What these NOTIFYs take, in bytes of datagrams."""
        return self.table.notify_bytes

    # Sources

    def lets_pass(self, str host not None, double now):
        """Whether *host* has proven itself, or had a token at *now*; takes it."""
        cdef Bucket* bucket
        cdef Address source = address_from_text(host)
        if is_proven(&self.table, source):
            return True
        bucket = tokens_of(&self.table, source, now)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def refused(self, str host not None, double now, double tell_seconds):
        """Count one refusal of *host*; return how many to tell of now.

        0 until *tell_seconds* have passed since the latest that were told.  Raises
        ValueError for a host that was never asked for a token.
        """
        cdef Address source = address_from_text(host)
        cdef int32_t at = find(&self.table.sources, source.high, source.low)
        cdef Bucket* bucket
        cdef uint64_t untold
        if at == NOTHING:
            raise ValueError("no such source")
        bucket = &self.table.buckets[at]
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
        if self.table.waits.count >= self.table.waits.most:
            return False
        if find(&self.table.waits, high, low) != NOTHING:
            raise ValueError("the key is waiting")
        Py_INCREF(value)
        put(
            &self.table.waits,
            high,
            low,
            now + self.table.lookup_seconds,
            <void*>value,
        )
        return True

    def waiting_for(self, bytes key not None):
        """Return what waits under *key*, or None."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        cdef int32_t at
        split_key(key, &high, &low)
        at = find(&self.table.waits, high, low)
        return None if at == NOTHING else <object>self.table.waits.nodes[at].value

    def settle(self, bytes key not None):
        """Forget that *key* waits."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        cdef int32_t at
        split_key(key, &high, &low)
        at = find(&self.table.waits, high, low)
        if at != NOTHING:
            self.take_wait(at)

    cdef object take_wait(self, int32_t at):
        cdef object value = <object>self.table.waits.nodes[at].value
        remove(&self.table.waits, at)
        Py_DECREF(value)  # the table's own reference
        return value

    # Answered ones

    def is_answered(self, bytes key not None):
        """Whether *key* was answered not longer than timer J ago."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        split_key(key, &high, &low)
        return find(&self.table.answers, high, low) != NOTHING

    def answered_after(self, bytes key not None, double instant):
        """Whether *key* was answered after *instant*, not longer than timer J ago."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        split_key(key, &high, &low)
        return was_answered_after(
            &self.table, find(&self.table.answers, high, low), instant
        )

    def accept(self, bytes key not None, double now):
        """Remember that *key*, which was not, is answered; the oldest may give way."""
        cdef uint64_t high = 0
        cdef uint64_t low = 0
        split_key(key, &high, &low)
        if find(&self.table.answers, high, low) != NOTHING:
            raise ValueError("the key is answered")
        put_answer(&self.table, high, low, now)

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
        at = find(&self.table.notifies, 0, number)
        if at != NOTHING:
            drop_notify(&self.table, at)  # the same again, its first answer forgotten
        elif self.table.notifies.count >= self.table.notifies.most:
            pushed.append(self.take_oldest_notify())
        put_notify(&self.table, notify, now)
        while self.table.notify_bytes > self.table.most_notify_bytes:
            pushed.append(self.take_oldest_notify())
        return pushed

    cdef tuple take_oldest_notify(self):
        cdef tuple ended = given_up(
            <Notify*>self.table.notifies.nodes[self.table.notifies.oldest].value
        )
        drop_notify(&self.table, self.table.notifies.oldest)
        return ended

    def told(self, bytes branch not None):
        """Return (host, Call-ID, MAC, detail) of the NOTIFY of *branch*, or None."""
        cdef uint64_t number = 0
        cdef int32_t at = NOTHING
        cdef Notify* notify
        if branch_number(
            <const uint8_t*>PyBytes_AS_STRING(branch), PyBytes_GET_SIZE(branch), &number
        ):
            at = find(&self.table.notifies, 0, number)
        if at == NOTHING:
            return None
        notify = <Notify*>self.table.notifies.nodes[at].value
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
            at = find(&self.table.notifies, 0, number)
        if at == NOTHING:
            raise ValueError("no such branch")
        finish(&self.table, at, source, now)

    def is_completed(self, bytes branch not None):
        """Whether the NOTIFY of *branch* ended not longer than timer K ago."""
        cdef uint64_t number = 0
        return branch_number(
            <const uint8_t*>PyBytes_AS_STRING(branch), PyBytes_GET_SIZE(branch), &number
        ) and find(&self.table.completed, 0, number) != NOTHING

    # Time

    def next_due(self):
        """Return when something falls due, or None."""
        cdef double instant = next_instant(&self.table)
        return None if instant == INFINITY else instant

    def forget(self, double now, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Forget the answers and endings that are due at *now*, *most* of each."""
        cdef Py_ssize_t left = most
        while left > 0 and is_due(&self.table.answers, now):
            remove(&self.table.answers, self.table.answers.oldest)
            left -= 1
        left = most
        while left > 0 and is_due(&self.table.completed, now):
            remove(&self.table.completed, self.table.completed.oldest)
            left -= 1

    def overdue(self, double now, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Take out what waited for too long at *now*, oldest first, *most* at once."""
        cdef list found = []
        while len(found) < most and is_due(&self.table.waits, now):
            found.append(self.take_wait(self.table.waits.oldest))
        return found

    def expire(self, double now, Py_ssize_t most=PY_SSIZE_T_MAX):
        """End the NOTIFYs whose timer F is due: [(host, MAC, detail)], oldest first.

        *most* of them; the rest stays due.
        """
        cdef list found = []
        while len(found) < most and is_due(&self.table.notifies, now):
            found.append(self.take_oldest_notify())
        return found

    def resend(self, double now, Py_ssize_t most=PY_SSIZE_T_MAX):
        """Return the NOTIFYs whose timer E is due, and start it for their next send.

        Each is (data, host, port, our address, interface).  *most* of them; the rest
        stays due.
        """
        cdef list found = []
        cdef Queue* q
        cdef Notify* notify
        cdef int i
        for i in range(TIMERS_E):
            q = &self.table.timers[i]
            # Those that are started again here fall due later than *now*.
            while len(found) < most and is_due(q, now):
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
                start_timer_e(&self.table, notify, now)
        return found


cdef int split_key(bytes key, uint64_t* high, uint64_t* low) except -1:
    cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(key)
    if PyBytes_GET_SIZE(key) != KEY_BYTES:
        raise ValueError("a key has 16 bytes")
    high[0] = big_endian(at, 8)
    low[0] = big_endian(at + 8, 8)
    return 0


cdef str detail_of(Notify* notify):
    cdef char* at = <char*>data_of(notify) + notify.size + notify.call_id_size
    return at[:notify.detail_size].decode()


cdef tuple given_up(Notify* notify):
    return (text_from_address(notify.destination), notify.mac, detail_of(notify))
