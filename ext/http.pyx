"""The lane: plain requests for documents that are ready, from accept to close.

It reads what a new connection brought, recognises a complete GET or HEAD without body
(RFC 9112, the forms in which phones write one), finds the document, checks its grant
and its revocation counters, assembles it into the buffer and sends it.  Whatever it
does not recognise completely is handed over: the socket, and every byte that was read.
What it recognises but has nothing ready for, a *miss*, waits here: it is told what was
asked, and later that something is ready now, or which bytes to send.  So it decides
nothing that others decide otherwise; it answers sooner.

Its parts, in the order of a request: httpsockets.pxd calls the system,
proxyprotocol.pxd reads whom a load balancer speaks for, httpurls.pxd tells which base
URL was reached, httpends.pxd names the ends of a connection, httprequest.pxd
recognises, httpmemos.pxd remembers what Python said of texts, httpasked.pxd tells what
is asked for, httpready.pxd finds it, httpgrants.pxd says whether it may leave,
httpanswers.pxd writes it, httptelling.pxd tells others, httpkeeping.pxd sends it and
goes on with the connection, httpconnections.pxd holds those that are kept.
httpmisses.pxi is what waits, httpshown.pxi what tests compare with h11.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_SetFromErrno
from cpython.pycapsule cimport PyCapsule_GetPointer
from httpanswers cimport Beginnings, begin_second, is_current, write_answer
from httpasked cimport Answer, understood
from httpconnections cimport (
    IDLE,
    IDLE_PROVEN,
    IDLE_UNPROVEN,
    NOBODY,
    SENDING,
    SENDING_PROVEN,
    SENDING_UNPROVEN,
    WAITING,
    Caller,
    Connection,
    Connections,
    close_all,
    drop,
    forget,
    is_kept,
    keep,
    next_late,
    start_empty,
)
from httpends cimport end_of_text, ends_of, source_of, text_of
from httpgrants cimport revocations_in, stamp_of
from httpkeeping cimport close_first, end, expect, go_on, has_room, send_first, send_on
from httpmemos cimport Memory, end_memory, start_memory
from httpready cimport (
    OUT_BYTES,
    READY,
    UNFIT,
    Documents,
    find,
    find_certified,
    may_leave,
)
from httprequest cimport Request, recognised
from httpsockets cimport (
    CLOCK_REALTIME,
    EPOLL_CLOEXEC,
    bw_accept,
    bw_clock,
    bw_end,
    bw_end_of,
    bw_reset_on_close,
    close,
    epoll_create1,
    epoll_event,
    epoll_wait,
    recv,
    sockaddr_storage,
)
from httptelling cimport (
    CONNECTIONS,
    HITS,
    REQUESTS,
    Telling,
    count_up,
    enter,
    leave,
    start_counting,
    tell,
)
from httpurls cimport BaseUrls, Listener, listener_of, url_for
from libc.errno cimport EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from proxyprotocol cimport Balancers, add_network, introduced
from ring cimport Ring
from tables cimport BW_TABLE_CAPSULE, Source, Table, counter_in, memory_of

include "httpmisses.pxi"
include "httpshown.pxi"

cdef enum:
    BATCH = 64
    IN_BYTES = 8192

cdef enum:
    HANDED = 0  # to be handed over, bytes and all
    DONE = 1  # closed, or kept


@cython.final
@cython.auto_pickle(False)
cdef class Lane:
    """Answers what is ready; one for each worker, for one thread.

    *documents* and *general* are native.cache.Cache objects, *revocations* and
    *counters* native.counters.Counters.  *layout* tells of the revocations the index
    for everything, the first one of domains and how many there are, and the same of
    MACs (both powers of two).  *row* is added to each index of *counted*: connections,
    requests, documents, documents with secrets, cache hits.  *sightings* is the
    native.ring.SightingRing that is told of each answer; *reasons* are the numbers told
    for a general document, a phone's own under a window, one not modified, and a
    phone's own on its certificate.
    *boot* is the present boot's number in *documents*.

    *url* is the base URL of every connection; when it is empty, *url_of* is asked for
    that of an address and port connected to.  *describe* returns of a User-Agent
    (model, firmware, detail, end of what describes a phone or -1, how many characters
    decide);
    *model_of* the model a phone type names.  *vendors* are the OUIs preferred when a
    User-Agent names several MACs.  *idle*, *stall*, *answer* and *head* are deadlines
    in seconds: to ask again, to read, to be answered, to ask behind a load balancer.
    *capacity* is how many connections there may be with those of others, *crowded*
    from when on unproven ones are not kept.  *balancers* are the networks of load
    balancers, whose connections begin with a PROXY header: (4 or 6, length, address).
    *answering* is the counter that tells others when something granted is in hand, as
    (native.counters.Counters, index); None when nobody wants to know.
    """

    # What the memory below belongs to.
    cdef object documents_owner, general_owner, revocations_owner, counters_owner
    cdef object sightings_owner, answering_owner

    cdef object url_of, describe, model_of
    cdef dict url_texts  # by hash, those that requests may be to
    cdef dict waiting  # descriptor -> Miss
    cdef list missed
    cdef list handed

    cdef Documents documents
    cdef Telling telling
    cdef uint8_t[4] reasons
    cdef Balancers balancers
    cdef BaseUrls urls
    cdef Memory memory
    cdef Connections kept
    cdef Beginnings beginnings
    cdef double wall  # when the present request was answered
    cdef uint8_t* inbound
    cdef char* out
    cdef epoll_event[BATCH] events

    def __cinit__(
        self,
        *,
        documents,
        general,
        revocations,
        tuple layout not None,
        counters,
        Py_ssize_t row,
        tuple counted not None,
        sightings,
        tuple reasons not None,
        uint32_t boot,
        str url not None,
        url_of,
        describe,
        model_of,
        tuple vendors not None,
        double idle,
        double stall,
        double answer,
        int capacity,
        int crowded,
        tuple balancers not None=(),
        double head=5.0,
        answering=None,
    ):
        cdef Py_ssize_t i
        start_empty(&self.kept)
        self.documents_owner, self.general_owner = documents, general
        self.revocations_owner, self.counters_owner = revocations, counters
        self.sightings_owner = sightings
        self.url_of, self.describe, self.model_of = url_of, describe, model_of
        if len(reasons) != 4:
            raise ValueError("there are four reasons")
        self.documents.own = <Table*>PyCapsule_GetPointer(
            documents.table, BW_TABLE_CAPSULE
        )
        self.documents.general = <Table*>PyCapsule_GetPointer(
            general.table, BW_TABLE_CAPSULE
        )
        self.documents.revocations = revocations_in(memory_of(revocations), layout)
        self.documents.boot = boot
        start_counting(&self.telling, memory_of(counters), row, counted)
        self.telling.ring = <Ring*>PyCapsule_GetPointer(
            sightings._ring, "bootwave.native.ring._ring"
        )
        if answering is not None:
            self.answering_owner, i = answering
            self.telling.answering = counter_in(memory_of(self.answering_owner), i)
        for i in range(4):
            self.reasons[i] = reasons[i]
        for family, length, address in balancers:
            add_network(&self.balancers, family, length, address)
        self.urls.one = url != ""
        self.urls.url = <uint64_t>hash(url)
        self.url_texts = {self.urls.url: url}
        self.kept.idle_seconds, self.kept.stall_seconds = idle, stall
        self.kept.answer_seconds, self.kept.head_seconds = answer, head
        self.kept.capacity, self.kept.crowded = capacity, crowded
        self.waiting = {}
        self.missed = []
        self.handed = []
        self.beginnings.second = -1
        start_memory(&self.memory, vendors)
        self.inbound = <uint8_t*>malloc(IN_BYTES)
        self.out = <char*>malloc(OUT_BYTES)
        if self.inbound is NULL or self.out is NULL:
            raise MemoryError
        self.kept.set = epoll_create1(EPOLL_CLOEXEC)
        if self.kept.set < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        close_all(&self.kept)
        free(self.kept.at)
        end_memory(&self.memory)
        free(self.inbound)
        free(self.out)
        if self.kept.set >= 0:
            close(self.kept.set)

    def __len__(self):
        """Return how many connections are open here."""
        return self.kept.count

    def fileno(self):
        """Return the descriptor that is readable when ``turn`` has something to do."""
        return self.kept.set

    def stamp(self, uint64_t mac, int64_t domain):
        """Return the present stamp of a device in a domain."""
        return stamp_of(&self.documents.revocations, mac, domain)

    def accept(self, int listener, int limit, int held):
        """Accept at most *limit* connections and answer what is ready.

        *held* is how many connections others hold.  Returns (errors, handed): the
        number of the error that ended it, 0 for none, and what ``turn`` returns.  What
        was missed is asked for by ``take_missed``.
        """
        cdef sockaddr_storage from_
        cdef Caller caller
        cdef Listener* known = listener_of(
            &self.urls, listener, self.url_of, self.url_texts
        )
        cdef int fd, error = 0, _i
        cdef ssize_t size
        self.kept.held = held
        memset(&caller, 0, sizeof(Caller))
        for _i in range(limit):
            fd = bw_accept(listener, &from_)
            if fd < 0:
                if errno == EAGAIN:
                    break
                if errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                    error = errno
                    break
                continue  # accept(2): a connection that failed while it waited
            self.telling.counts[CONNECTIONS] += 1
            size = recv(fd, self.inbound, IN_BYTES, 0)
            if size == 0 or (size < 0 and errno not in (EAGAIN, EINTR)):
                close(fd)
                continue
            caller.reached.family = 0
            if size > 0:
                bw_end_of(&from_, &caller.peer)
                if self.balancers.count:
                    size = introduced(
                        &self.balancers,
                        self.inbound,
                        size,
                        &caller.peer,
                        &caller.reached,
                    )
                if caller.peer.family and url_for(
                    &self.urls, known, fd, &caller, self.url_of, self.url_texts
                ):
                    source_of(&caller.peer, &caller.source)
                    if size == 0 and has_room(&self.kept, False):
                        # The balancer spoke at once, and the phone has yet to.
                        if keep(&self.kept, fd, &caller):
                            expect(&self.kept, fd)
                        continue
                    if self.serve(fd, size, &caller) == DONE:
                        continue
            self.hand_over(fd, size if size > 0 else 0, False, False, &caller)
        return error, self.finished()

    def turn(self, int held):
        """Do what the connections kept here wait for; at most 64 things.

        Asks again for what came meanwhile: a way round the loop costs more than that.
        Returns what is handed over: a list of (descriptor, bytes already read,
        whether a request was answered on it, whether on a grant, the ends that a load
        balancer named).  The descriptors belong to the caller.
        """
        cdef int i, fd, count
        cdef int left = BATCH
        self.kept.held = held
        while left > 0:
            count = epoll_wait(self.kept.set, self.events, left, 0)
            if count <= 0:
                break
            left -= count
            for i in range(count):
                fd = self.events[i].data.fd
                if not is_kept(&self.kept, fd):
                    continue
                if self.kept.at[fd].state == SENDING:
                    send_on(&self.kept, fd)
                elif self.kept.at[fd].state == IDLE:
                    self.receive(fd)
        return self.finished()

    def tick(self, double now, int limit):
        """Let deadlines pass until *now* (monotonic), about *limit* at a time.

        Returns the addresses of those that broke one, each with whether it was by no
        longer reading an answer (otherwise no request came), the connections whose
        request was not answered in time, in the form of ``turn``, and what ``turn``
        returns.
        """
        cdef int fd, _i
        cdef double deadline
        cdef bint sending
        cdef list broken = [], late = []
        for _i in range(limit):
            fd = next_late(&self.kept, now)
            if fd == NOBODY:
                break
            if self.kept.at[fd].state == WAITING:
                late.append(self.released(self.waiting[fd]))
                continue
            # After a stop of this process timers come first, and what the peer did in
            # time waits in the kernel.
            deadline = self.kept.at[fd].deadline
            if self.kept.at[fd].state == SENDING:
                send_on(&self.kept, fd)
            else:
                self.receive(fd)
            if not is_kept(&self.kept, fd) or self.kept.at[fd].deadline != deadline:
                continue
            sending = self.kept.at[fd].state == SENDING
            if sending or self.kept.at[fd].unasked:
                broken.append((text_of(&self.kept.at[fd].caller.peer, True), sending))
            if sending:
                bw_reset_on_close(fd)
            drop(&self.kept, fd)
        return broken, late, self.finished()

    # Requests that wait

    def take_missed(self):
        """Return the requests (Miss) that wait since the last call, or None."""
        cdef list missed = self.missed
        if not missed:
            return None
        self.missed = []
        return missed

    def answer(self, Miss miss not None):
        """Answer *miss* with what is ready now; False when it must wait on.

        That is when nothing is ready, and when the connection cannot be closed here.
        True also when it waits no more.  Connections may have to be handed over then:
        ``settle`` returns them.
        """
        cdef Request request
        cdef Answer answer
        cdef Caller caller
        cdef bint entered
        cdef int fd = miss.fd
        if fd < 0:
            return True
        if must_linger(miss):
            return False
        caller = self.kept.at[fd].caller
        asked_by(miss, &request, &answer)
        answer.url = caller.url
        if find(&self.documents, &caller.source, False, &answer) != READY:
            return False
        entered = enter(&self.telling)
        try:
            if not self.write(&request, &answer):
                return False
            end_waiting(&self.kept, self.waiting, miss)
            self.transmit(
                fd, self.out, answer.size, request.keep_alive, &answer, &caller
            )
        finally:
            if entered:
                leave(&self.telling)
        return True

    def say(self, Miss miss not None, bytes data not None):
        """Send *data*, a whole answer, to *miss*; nothing when it waits no more.

        False when the connection cannot be closed here: then it waits on.  It stays
        open if the request wants that, so *data* must not say otherwise, nor must this
        be called after ``finish`` for such a request.
        """
        cdef Caller caller
        cdef int fd = miss.fd
        if fd < 0:
            return True
        if must_linger(miss):
            return False
        caller = self.kept.at[fd].caller
        end_waiting(&self.kept, self.waiting, miss)
        self.transmit(
            fd, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), miss.keep_alive, NULL,
            &caller,
        )
        return True

    def reply(self, bytes data not None, str source not None, str url not None,
              uint64_t mac):
        """Return the answer to the request *data* of a connection that others hold.

        That is (answer, whether it stays open, whether it was given on a grant), or
        None when others must answer it: all of *data* must be the request.  *source*
        is the phone's address and *url* the base URL that it reached, *mac* what a
        certificate of the connection proves, 0 for nothing.  It is counted and told;
        send it at once, because it may leave at this moment.
        """
        cdef const uint8_t* at = <const uint8_t*>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Request request
        cdef Answer answer
        cdef bw_end peer
        cdef Source from_
        if (
            not recognised(at, size, &request)
            or request.consumed != size
            or not end_of_text(source, &peer)
        ):
            return None
        answer.url = <uint64_t>hash(url)
        if not understood(
            &self.memory, &request, self.describe, self.model_of, &answer
        ):
            return None
        if mac:
            if answer.own and answer.mac != mac:
                return None
            if find_certified(&self.documents, &answer) != READY:
                return None
        else:
            source_of(&peer, &from_)
            if find(&self.documents, &from_, True, &answer) != READY:
                return None
        if not self.write(&request, &answer):
            return None
        if answer.own:
            self.telling.counts[HITS] += 1
            if mac and answer.reason == self.reasons[1]:
                answer.reason = self.reasons[3]
        self.telling.counts[REQUESTS] += 1
        tell(&self.telling, self.wall, &answer, &peer)
        count_up(&self.telling)
        return (
            PyBytes_FromStringAndSize(self.out, answer.size),
            request.keep_alive != 0,
            answer.own != 0,
        )

    def release(self, Miss miss not None):
        """Return *miss* as ``turn`` returns what is handed over; None if it is gone."""
        return self.released(miss) if miss.fd >= 0 else None

    def settle(self):
        """Return what had to be handed over since, in the form of ``turn``."""
        return self.finished()

    def shed(self, int limit):
        """Return at most *limit* unproven connections that idle, to be held by others.

        The longest idle first, in the form of ``turn``.
        """
        while limit > 0 and self.kept.oldest[IDLE_UNPROVEN] != NOBODY:
            self.give(self.kept.oldest[IDLE_UNPROVEN], 0)
            limit -= 1
        return self.finished()

    def close_slow(self):
        """Close the unproven connection that is longest in reading one answer.

        Returns its address, or None when there is none.
        """
        return close_first(&self.kept, SENDING_UNPROVEN)

    def close_oldest(self):
        """Close the proven connection longest idle, or longest in reading an answer.

        Returns its address, or None when there is none.
        """
        closed = close_first(&self.kept, IDLE_PROVEN)
        return close_first(&self.kept, SENDING_PROVEN) if closed is None else closed

    def finish(self):
        """Return every connection that idles; the others close after their answer."""
        cdef int proven
        self.kept.finishing = True
        for proven in range(IDLE_UNPROVEN, IDLE_PROVEN + 1):
            while self.kept.oldest[proven] != NOBODY:
                self.give(self.kept.oldest[proven], 0)
        return self.finished()

    def abort(self):
        """Close whatever is left, at once."""
        cdef Miss miss
        for miss in self.waiting.values():
            miss.fd = -1
        self.waiting.clear()
        self.missed.clear()
        close_all(&self.kept)

    def resume(self):
        """Keep connections open again after ``finish``."""
        self.kept.finishing = False

    # Answering

    cdef int serve(self, int fd, Py_ssize_t size, const Caller* caller) except -1:
        """Answer the request in ``inbound``, if it is the whole of it and ready.

        When it is understood, but not ready, it waits.
        """
        cdef Request request
        cdef Answer answer
        cdef bint entered
        cdef int found
        if not recognised(self.inbound, size, &request) or request.consumed != size:
            return HANDED
        answer.url = caller.url
        if not understood(
            &self.memory, &request, self.describe, self.model_of, &answer
        ):
            return HANDED
        found = find(&self.documents, &caller.source, False, &answer)
        if found == UNFIT:
            return HANDED
        if found == READY:
            entered = enter(&self.telling)
            try:
                if self.write(&request, &answer):
                    if answer.own:
                        self.telling.counts[HITS] += 1
                    return self.transmit(
                        fd, self.out, answer.size, request.keep_alive, &answer, caller
                    )
            finally:
                if entered:
                    leave(&self.telling)
        return self.wait(fd, size, &request, &answer, caller)

    cdef int transmit(
        self,
        int fd,
        const char* at,
        Py_ssize_t total,
        bint keep_alive,
        const Answer* answer,
        const Caller* caller,
    ) except -1:
        """Send at[0:total], and close *fd* or keep it, as *keep_alive* says.

        *answer* is what was written there, NULL when others tell of it.
        """
        cdef bint proven = answer is not NULL and answer.own
        cdef ssize_t sent = send_first(fd, at, total, keep_alive)
        cdef int error = errno
        self.telling.counts[REQUESTS] += 1
        if answer is not NULL:
            tell(&self.telling, self.wall, answer, &caller.peer)
        if not go_on(
            &self.kept, fd, at, total, sent, error, keep_alive, proven, caller
        ):
            self.hand_over(fd, 0, True, proven, caller)
        return DONE

    cdef int wait(
        self,
        int fd,
        Py_ssize_t size,
        const Request* request,
        const Answer* answer,
        const Caller* caller,
    ) except -1:
        """Hold the request in ``inbound`` until its answer is known.

        While places are short only those wait here that have one: who must go is for
        the table of those others to decide.
        """
        cdef bint fresh = not is_kept(&self.kept, fd)
        url = self.url_texts.get(answer.url)
        if url is None or (fresh and not has_room(&self.kept, False)):
            return HANDED
        try:
            data = PyBytes_FromStringAndSize(<const char*>self.inbound, size)
            miss = new_miss(data, request, answer, url, &caller.peer)
            self.missed.append(miss)
            self.waiting[fd] = miss
        except BaseException:
            end(&self.kept, fd, not fresh)
            raise
        if begin_waiting(&self.kept, fd, caller):
            miss.fd = fd
        else:
            del self.waiting[fd]
        return DONE

    cdef tuple released(self, Miss miss):
        return release_waiting(
            &self.kept, self.waiting, miss, self.inbound, IN_BYTES
        )

    cdef bint write(self, Request* request, Answer* answer) noexcept:
        """Write what http.response does into ``out``; False when it may not leave.

        That is asked last of all: this process may have been stopped for a while.
        """
        cdef int64_t second
        cdef bint current = is_current(request, answer.document)
        if self.kept.finishing:
            request.keep_alive = False
        # That a general document is current says nothing about the phone's own.
        answer.reason = self.reasons[0 if not answer.own else 2 if current else 1]
        self.wall = bw_clock(CLOCK_REALTIME)
        second = <int64_t>self.wall
        if second != self.beginnings.second:
            begin_second(&self.beginnings, second)
        answer.size = write_answer(
            &self.beginnings, request, answer.document, current, self.out
        )
        return may_leave(&self.documents, answer)

    # Connections

    cdef int hand_over(
        self, int fd, Py_ssize_t size, bint answered, bint proven, const Caller* caller
    ) except -1:
        try:
            data = PyBytes_FromStringAndSize(<const char*>self.inbound, size)
            self.handed.append((fd, data, answered, proven, ends_of(caller)))
        except BaseException:
            close(fd)
            raise
        self.kept.held += 1
        return 0

    cdef int give(self, int fd, Py_ssize_t size) except -1:
        """Hand over a connection that was kept here."""
        cdef Connection own = self.kept.at[fd]  # a copy
        forget(&self.kept, fd)
        return self.hand_over(fd, size, not own.unasked, own.proven, &own.caller)

    cdef list finished(self):
        cdef list handed = self.handed
        count_up(&self.telling)
        if handed:
            self.handed = []
            return handed
        return None

    cdef int receive(self, int fd) except -1:
        cdef ssize_t size = recv(fd, self.inbound, IN_BYTES, 0)
        # A copy: keeping another connection may move all of them.
        cdef Caller caller = self.kept.at[fd].caller
        if size < 0 and errno in (EAGAIN, EINTR):
            return 0
        if size <= 0:
            drop(&self.kept, fd)
        elif self.serve(fd, size, &caller) == HANDED:
            self.give(fd, size)
        return 0
