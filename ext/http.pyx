"""The lane: plain requests for documents that are ready, from accept to close.

It reads what a new connection brought, recognises a complete GET or HEAD without body
(RFC 9112, the forms in which phones write one), finds the document, checks its grant
and its revocation counters, assembles it into the buffer and sends it.  Whatever it
does not recognise completely is handed over: the socket, and every byte that was read.
What it recognises but has nothing ready for, a *miss*, waits here: it is told what was
asked, and later that something is ready now, or which bytes to send.  So it decides
nothing that others decide otherwise; it answers sooner.

Its parts: httprequest.pxd recognises, httpmemos.pxd remembers what Python said of
texts, httpgrants.pxd says what may leave, httpanswers.pxd writes it,
httpconnections.pxd keeps connections open, httpends.pxd names their ends,
httpsockets.pxd calls the system, proxyprotocol.pxd reads whom a load balancer speaks
for.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_SetFromErrno
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from httpanswers cimport (
    MAX_ANSWER_HEAD,
    Beginnings,
    begin_second,
    is_current,
    write_answer,
)
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
    enter_list,
    forget,
    is_kept,
    keep,
    leave_list,
    next_late,
    start_empty,
    take_in,
    unwatch,
    wait_for,
    watch,
)
from httpends cimport end_of_text, ends_of, source_of, text_of
from httpgrants cimport Revocations, is_granted, stamp_of
from httpmemos cimport (
    MAX_MEMOS,
    MEMOS,
    Memo,
    agent_key,
    agent_mac,
    fill_memo,
    forget_memos,
    memo_at,
)
from httprequest cimport (
    FILES,
    FIRMWARE,
    MAX_AGENT,
    SETTINGS,
    TOKEN_BYTES,
    Request,
    recognised,
)
from httpsockets cimport (
    CLOCK_REALTIME,
    EPOLL_CLOEXEC,
    EPOLLIN,
    EPOLLOUT,
    MSG_MORE,
    MSG_NOSIGNAL,
    bw_accept,
    bw_clock,
    bw_end,
    bw_end_of,
    bw_has_unread,
    bw_no_delay,
    bw_own_end,
    bw_reset_on_close,
    close,
    epoll_create1,
    epoll_event,
    epoll_wait,
    recv,
    send,
    sockaddr_storage,
)
from libc.errno cimport (
    EAGAIN,
    EINTR,
    EMFILE,
    ENFILE,
    ENOBUFS,
    ENOMEM,
    errno,
)
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset
from proxyprotocol cimport Balancers, add_subnet, introduced, proxied
from ring cimport (
    Ring,
    SightingRecord,
    bw_mapped,
    fill_detail,
    sighting_place,
)
from tables cimport (
    BW_COUNTERS_CAPSULE,
    BW_TABLE_CAPSULE,
    CounterMemory,
    Document,
    Phone,
    Source,
    Table,
    bw_add,
    find_document,
    find_phone,
    has_token,
    same_source,
    shared_slot,
    use_phone,
)


cdef bytes bytes_or_none(const uint8_t* at, Py_ssize_t size):
    return None if at is NULL else PyBytes_FromStringAndSize(<const char*>at, size)


def recognise(data):
    """Return what the request at the start of *data* asks for, or None.

    None means that the lane leaves it to others.  Otherwise (consumed, is HEAD, is
    HTTP/1.0, keep-alive, document kind, MAC, phone type, User-Agent, entity tag); the
    last three are bytes, or None when the request has none.
    """
    cdef Py_buffer view
    cdef Request request
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        if not recognised(<const uint8_t*>view.buf, view.len, &request):
            return None
        return (
            request.consumed,
            request.head != 0,
            request.is_1_0 != 0,
            request.keep_alive != 0,
            request.kind,
            request.mac,
            bytes_or_none(request.type, request.type_size),
            bytes_or_none(request.agent, request.agent_size),
            bytes_or_none(request.tag, request.tag_size),
        )
    finally:
        PyBuffer_Release(&view)


def token_in(data):
    """Return the token in the URL of the request at the start of *data*, or None.

    None, too, for what ``recognise`` leaves to others.
    """
    cdef Py_buffer view
    cdef Request request
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        if not recognised(<const uint8_t*>view.buf, view.len, &request):
            return None
        return bytes_or_none(request.token, TOKEN_BYTES)
    finally:
        PyBuffer_Release(&view)


def read_proxy_header(data):
    """Return what the PROXY header at the start of *data* says, or None.

    None means that the lane leaves it to others.  Otherwise (its size, the phone's
    address, (address, port) it reached).
    """
    cdef Py_buffer view
    cdef Caller caller
    cdef Py_ssize_t size
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        size = proxied(
            <const uint8_t*>view.buf, view.len, &caller.peer, &caller.reached
        )
        return (size, *ends_of(&caller)) if size else None
    finally:
        PyBuffer_Release(&view)


cdef enum:
    BATCH = 64
    IN_BYTES = 8192
    OUT_BYTES = 262144
    COUNTED = 5


def take_connection(int listener, bint with_local):
    """Accept one connection of *listener* and read what it brought.

    Returns (descriptor, source, local, data), or the number of the error that kept it
    from that: EAGAIN when there is none.  *source* is the peer's address; *local* is
    (address, port), None unless it is wanted; *data* is empty at the peer's end, and
    None when nothing came yet.  The descriptor is non-blocking, and the caller's.
    """
    cdef sockaddr_storage from_
    cdef bw_end peer, own
    cdef uint8_t[IN_BYTES] inbound
    cdef int fd = bw_accept(listener, &from_)
    cdef ssize_t size
    if fd < 0:
        return errno
    size = recv(fd, inbound, IN_BYTES, 0)
    if size < 0 and errno != EAGAIN and errno != EINTR:
        size = 0
    try:
        bw_end_of(&from_, &peer)
        local = None
        if with_local:
            if bw_own_end(fd, &own):
                PyErr_SetFromErrno(OSError)
            local = (text_of(&own, False), own.port)
        return (
            fd,
            text_of(&peer, True),
            local,
            None if size < 0
            else PyBytes_FromStringAndSize(<const char*>inbound, size),
        )
    except BaseException:
        close(fd)
        raise


# What a base URL is remembered by.

cdef enum:
    PLACES = 64  # own addresses remembered
    LISTENERS = 64
    MAX_URLS = 1024  # of which the text is known, too

cdef struct Place:
    bw_end end
    uint64_t url

cdef struct Listener:
    int fd
    bint fixed  # all its connections are to one base URL
    uint64_t url

cdef struct Answer:
    Phone* phone  # under whose terms it may leave; of a general document its own entry
    Document* document
    uint64_t mac
    uint64_t url
    uint64_t model
    PyObject* detail  # borrowed, as the names are
    PyObject* name  # of the model
    PyObject* agent_name  # of the one that the User-Agent tells
    const uint8_t* token  # TOKEN_BYTES of the URL, NULL without
    Py_ssize_t size  # of what was written
    uint8_t reason
    uint8_t kind
    bint own

cdef enum:
    # What is counted, in the order of the constructor's *counted*.
    CONNECTIONS = 0
    REQUESTS = 1
    DOCUMENTS = 2
    DOCUMENTS_SECRET = 3
    HITS = 4

cdef enum:
    HANDED = 0  # to be handed over, bytes and all
    DONE = 1  # closed, or kept

cdef enum:
    # What may be found.
    MISSING = 0
    READY = 1
    UNFIT = 2  # for the lane: too large, or of a plan that is no native one

cdef str NO_NAME = ""


@cython.final
@cython.auto_pickle(False)
@cython.no_gc
cdef class Miss:
    """A request that a lane holds until it is told the answer; made by the lane.

    *mac* is whose document it is, or in a general one the MAC that the phone mentions
    (0 for none).  *model* is what the phone says it is, as far as the document depends
    on it, *agent_model* what its User-Agent alone says, *detail* model and firmware.
    *if_none_match* is one strong entity tag, or None, *token* that in the URL, or None.
    """

    cdef readonly uint64_t mac
    cdef readonly int kind
    cdef readonly str base_url, model, agent_model, detail, source
    cdef readonly bytes if_none_match, token
    cdef readonly bint head, is_1_0, keep_alive
    cdef bytes data  # the whole request
    cdef int fd  # -1 once it waits no more

    def __init__(self):
        raise TypeError("a lane makes them")

    @property
    def waits(self):
        """Whether the phone is still to be answered."""
        return self.fd >= 0


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
    (model, detail, end of what describes a phone or -1, how many characters decide);
    *model_of* the model a phone type names.  *vendors* are the OUIs preferred when a
    User-Agent names several MACs.  *idle*, *stall*, *answer* and *head* are deadlines
    in seconds: to ask again, to read, to be answered, to ask behind a load balancer.
    *capacity* is how many connections there may be with those of others, *crowded*
    from when on unproven ones are not kept.  *balancers* are the networks of load
    balancers, whose connections begin with a PROXY header: (4 or 6, length, address).
    *answering* is the counter that tells others when something granted is in hand, as
    (native.counters.Counters, index); None when nobody wants to know.
    """

    cdef object documents_owner, general_owner, revocations_owner, counters_owner
    cdef object answering_owner
    cdef uint64_t* answering  # odd while something granted is in hand; NULL for nobody
    cdef object url_of, describe, model_of
    cdef Table* documents
    cdef Table* general
    cdef Revocations revocations
    cdef uint64_t* counters
    cdef Py_ssize_t[COUNTED] counted
    cdef uint64_t[COUNTED] counts
    cdef uint8_t[4] reasons
    cdef uint32_t boot
    cdef uint64_t url, no_model
    cdef bint one_url
    cdef uint32_t[8] vendors
    cdef int vendor_count
    cdef double idle_seconds, stall_seconds, answer_seconds, head_seconds
    cdef dict url_texts  # by hash, those that requests may be to
    cdef dict waiting  # descriptor -> Miss
    cdef list missed

    cdef Connections kept
    cdef list handed
    cdef int held
    cdef int capacity, crowded
    cdef bint finishing
    cdef Balancers balancers

    cdef Memo* agents
    cdef int agent_count
    cdef Memo* types
    cdef int type_count
    cdef Place[PLACES] places
    cdef int place_count
    cdef Listener[LISTENERS] listeners
    cdef int listener_count

    cdef object sightings_owner
    cdef Ring* ring
    cdef double wall  # when the present request was answered

    cdef Beginnings beginnings
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
        cdef CounterMemory* memory
        cdef Py_ssize_t i
        start_empty(&self.kept)
        self.documents_owner, self.general_owner = documents, general
        self.revocations_owner, self.counters_owner = revocations, counters
        self.sightings_owner = sightings
        self.ring = <Ring*>PyCapsule_GetPointer(
            sightings._ring, "bootwave.native.ring._ring"
        )
        self.url_of, self.describe, self.model_of = url_of, describe, model_of
        self.documents = <Table*>PyCapsule_GetPointer(documents.table, BW_TABLE_CAPSULE)
        self.general = <Table*>PyCapsule_GetPointer(general.table, BW_TABLE_CAPSULE)
        memory = <CounterMemory*>PyCapsule_GetPointer(
            revocations.memory, BW_COUNTERS_CAPSULE
        )
        everything, first_domain, domains, first_mac, macs = layout
        if (
            min(everything, first_domain, first_mac) < 0
            or domains < 1 or domains & domains - 1
            or macs < 1 or macs & macs - 1
            or everything >= memory.count
            or first_domain + domains > memory.count
            or first_mac + macs > memory.count
        ):
            raise ValueError("the layout does not fit the revocations")
        self.revocations = Revocations(
            memory.at, everything, first_domain, domains - 1, first_mac, macs - 1
        )
        memory = <CounterMemory*>PyCapsule_GetPointer(
            counters.memory, BW_COUNTERS_CAPSULE
        )
        self.counters = memory.at
        if len(counted) != COUNTED or len(reasons) != 4 or len(vendors) > 8:
            raise ValueError("the constructor's tuples are of other sizes")
        for i in range(COUNTED):
            self.counted[i] = row + counted[i]
            if not 0 <= self.counted[i] < memory.count:
                raise ValueError("there is no such counter")
            self.counts[i] = 0
        for i in range(4):
            self.reasons[i] = reasons[i]
        self.vendor_count = <int>len(vendors)
        for i in range(self.vendor_count):
            self.vendors[i] = vendors[i]
        if answering is not None:
            self.answering_owner, i = answering
            memory = <CounterMemory*>PyCapsule_GetPointer(
                self.answering_owner.memory, BW_COUNTERS_CAPSULE
            )
            if not 0 <= i < memory.count:
                raise ValueError("there is no such counter")
            self.answering = memory.at + i
        cdef bytes address
        for family, length, address in balancers:
            if address is None or not add_subnet(
                &self.balancers,
                family,
                length,
                <const uint8_t*>PyBytes_AS_STRING(address),
                PyBytes_GET_SIZE(address),
            ):
                raise ValueError("there is no room for that network, or it is none")
        self.boot = boot
        self.one_url = url != ""
        self.url = <uint64_t>hash(url)
        self.url_texts = {self.url: url}
        self.no_model = <uint64_t>hash("")
        self.idle_seconds, self.stall_seconds = idle, stall
        self.answer_seconds, self.head_seconds = answer, head
        self.waiting = {}
        self.missed = []
        self.capacity, self.crowded = capacity, crowded
        self.handed = []
        self.beginnings.second = -1
        self.agents = <Memo*>calloc(MEMOS, sizeof(Memo))
        self.types = <Memo*>calloc(MEMOS, sizeof(Memo))
        self.inbound = <uint8_t*>malloc(IN_BYTES)
        self.out = <char*>malloc(OUT_BYTES)
        if (
            self.agents is NULL or self.types is NULL
            or self.inbound is NULL or self.out is NULL
        ):
            raise MemoryError
        self.kept.set = epoll_create1(EPOLL_CLOEXEC)
        if self.kept.set < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        close_all(&self.kept)
        free(self.kept.at)
        if self.agents is not NULL:
            forget_memos(self.agents)
        if self.types is not NULL:
            forget_memos(self.types)
        free(self.agents)
        free(self.types)
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
        return stamp_of(&self.revocations, mac, domain)

    def accept(self, int listener, int limit, int held):
        """Accept at most *limit* connections and answer what is ready.

        *held* is how many connections others hold.  Returns (errors, handed): the
        number of the error that ended it, 0 for none, and what ``turn`` returns.  What
        was missed is asked for by ``take_missed``.
        """
        cdef sockaddr_storage from_
        cdef Caller caller
        cdef Listener* known = self.listener_of(listener)
        cdef int fd, error = 0
        cdef ssize_t size
        cdef int _i
        self.held = held
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
            self.counts[CONNECTIONS] += 1
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
                if caller.peer.family and self.url_for(known, fd, &caller):
                    source_of(&caller.peer, &caller.source)
                    if size == 0 and self.has_room(False):
                        # The balancer spoke at once, and the phone has yet to.
                        if keep(&self.kept, fd, &caller):
                            self.expect(fd)
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
        self.held = held
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
                    self.send_on(fd)
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
                late.append(self.release_waiting(self.waiting[fd]))
                continue
            # After a stop of this process timers come first, and what the peer did in
            # time waits in the kernel.
            deadline = self.kept.at[fd].deadline
            if self.kept.at[fd].state == SENDING:
                self.send_on(fd)
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
        if self.must_linger(miss):
            return False
        caller = self.kept.at[fd].caller
        answer.mac = miss.mac
        answer.url = caller.url
        answer.model = <uint64_t>hash(miss.model)
        answer.kind = <uint8_t>miss.kind
        answer.own = miss.kind == FILES or miss.kind == SETTINGS
        answer.detail = <PyObject*>miss.detail
        answer.token = NULL
        if miss.token is not None:
            answer.token = <const uint8_t*>PyBytes_AS_STRING(miss.token)
        if self.find(&caller.source, &answer) != READY:
            return False
        memset(&request, 0, sizeof(Request))
        request.head = miss.head
        request.is_1_0 = miss.is_1_0
        request.keep_alive = miss.keep_alive
        if miss.if_none_match is not None:
            request.tag = <const uint8_t*>PyBytes_AS_STRING(miss.if_none_match)
            request.tag_size = <uint16_t>PyBytes_GET_SIZE(miss.if_none_match)
        entered = self.enter()
        try:
            if not self.write(&request, &answer):
                return False
            self.end_waiting(miss)
            self.deliver(fd, request.keep_alive, &answer, &caller)
        finally:
            if entered:
                self.leave()
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
        if self.must_linger(miss):
            return False
        caller = self.kept.at[fd].caller
        self.end_waiting(miss)
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
        try:
            if not self.understood(&request, <uint64_t>hash(url), &answer):
                return None
        except Exception:
            return None  # who has the request next fails, too, and says so
        if mac:
            if answer.own and answer.mac != mac:
                return None
            if self.find_certified(&answer) != READY:
                return None
        else:
            source_of(&peer, &from_)
            if self.find(&from_, &answer, True) != READY:
                return None
        if not self.write(&request, &answer):
            return None
        if answer.own:
            self.counts[HITS] += 1
            self.counts[DOCUMENTS_SECRET] += 1
            if mac and answer.reason == self.reasons[1]:
                answer.reason = self.reasons[3]
        self.counts[DOCUMENTS] += 1
        self.counts[REQUESTS] += 1
        self.tell(&answer, &peer)
        self.count_up()
        return (
            PyBytes_FromStringAndSize(self.out, answer.size),
            request.keep_alive != 0,
            answer.own != 0,
        )

    def release(self, Miss miss not None):
        """Return *miss* as ``turn`` returns what is handed over; None if it is gone."""
        return self.release_waiting(miss) if miss.fd >= 0 else None

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
        return self.close_first(SENDING_UNPROVEN)

    def close_oldest(self):
        """Close the proven connection longest idle, or longest in reading an answer.

        Returns its address, or None when there is none.
        """
        closed = self.close_first(IDLE_PROVEN)
        return self.close_first(SENDING_PROVEN) if closed is None else closed

    cdef object close_first(self, int list_):
        cdef int fd = self.kept.oldest[list_]
        if fd == NOBODY:
            return None
        address = text_of(&self.kept.at[fd].caller.peer, True)
        drop(&self.kept, fd)
        return address

    def finish(self):
        """Return every connection that idles; the others close after their answer."""
        cdef int proven
        self.finishing = True
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
        self.finishing = False

    # Answering

    cdef int serve(
        self,
        int fd,
        Py_ssize_t size,
        const Caller* caller,
    ) except -1:
        """Answer the request in ``inbound``, if it is the whole of it and ready.

        When it is understood, but not ready, it waits.
        """
        cdef Request request
        cdef Answer answer
        cdef bint entered
        cdef int found
        if not recognised(self.inbound, size, &request) or request.consumed != size:
            return HANDED
        try:
            if not self.understood(&request, caller.url, &answer):
                return HANDED
        except Exception:
            return HANDED  # who has the request next fails, too, and says so
        found = self.find(&caller.source, &answer)
        if found == UNFIT:
            return HANDED
        if found == READY:
            entered = self.enter()
            try:
                if self.write(&request, &answer):
                    if answer.own:
                        self.counts[HITS] += 1
                    return self.deliver(fd, request.keep_alive, &answer, caller)
            finally:
                if entered:
                    self.leave()
        return self.wait(fd, size, &request, &answer, caller)

    cdef inline bint enter(self) noexcept:
        """Tell that something granted may be in hand (provision.answering).

        False when that was told already, by others who tell the end of it.
        """
        if self.answering is NULL or self.answering[0] & 1:
            return False
        bw_add(self.answering, 1)
        return True

    cdef inline void leave(self) noexcept:
        bw_add(self.answering, 1)

    cdef int deliver(
        self,
        int fd,
        bint keep_alive,
        const Answer* answer,
        const Caller* caller,
    ) except -1:
        """Send what was just written."""
        self.counts[DOCUMENTS] += 1
        if answer.own:
            self.counts[DOCUMENTS_SECRET] += 1
        return self.transmit(fd, self.out, answer.size, keep_alive, answer, caller)

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

        *answer* is what the sighting tells, NULL when others tell it.
        """
        cdef bint known = is_kept(&self.kept, fd)
        cdef bint proven = answer is not NULL and answer.own
        # The end of an answer waits for the close that follows, so that the two leave
        # in one segment: a packet less for the kernels at both ends.  What arrives in
        # between, behind a request to close, would have the kernel reset instead.
        cdef ssize_t sent = send(
            fd,
            at,
            <size_t>total,
            MSG_NOSIGNAL if keep_alive else MSG_NOSIGNAL | MSG_MORE,
        )
        cdef int error = errno
        self.counts[REQUESTS] += 1
        if answer is not NULL:
            self.tell(answer, &caller.peer)
        if keep_alive and (not known or self.kept.at[fd].unasked):
            # Nagle would hold the end of an answer until the peer, which may delay
            # its acknowledgement by 40 ms, has seen the rest.  A close flushes.
            bw_no_delay(fd)
        if known:
            self.kept.at[fd].unasked = False
        if sent < 0:
            if error != EAGAIN and error != EINTR:
                self.end(fd, known)
                return DONE
            sent = 0
        if sent == total:
            if not keep_alive:
                self.end(fd, known)
            elif not known and not self.has_room(proven):
                self.hand_over(fd, 0, True, proven, caller)
            elif known or keep(&self.kept, fd, caller):
                self.idle(fd, proven)
            return DONE
        if known or keep(&self.kept, fd, caller):
            self.kept.at[fd].keep_alive = keep_alive
            self.begin_sending(fd, at + sent, total - sent, proven)
        return DONE

    cdef bint understood(
        self, const Request* request, uint64_t url, Answer* answer
    ) except -1:
        """Tell which document is asked for; False when others know better."""
        cdef Memo* agent = self.agent_of(request)
        cdef Memo* named
        cdef uint8_t kind = request.kind
        if agent is NULL or not agent.usable:
            return False
        answer.document = NULL
        answer.kind = kind
        answer.url = url
        answer.detail = agent.detail
        answer.agent_name = answer.name = agent.name
        answer.model = agent.model
        if kind == FILES or kind == FIRMWARE:
            answer.model = self.no_model
            answer.name = <PyObject*>NO_NAME
        elif request.type is not NULL:
            named = self.type_of(request)
            if named.model != self.no_model:
                answer.model = named.model
                answer.name = named.name
        answer.own = kind == FILES or kind == SETTINGS
        answer.mac = request.mac
        answer.token = request.token
        if not answer.own:
            if request.token is not NULL:
                return False  # it tells the phone a URL that has the token, too
            answer.mac = agent_mac(
                request, agent.end, self.vendors, self.vendor_count
            )
        return True

    cdef int find(
        self, const Source* source, Answer* answer, bint secure=False
    ) noexcept:
        """Find the document, and whether it may leave now: MISSING, READY or UNFIT.

        To *source*; over clear HTTP, unless the connection is *secure*.
        """
        cdef Phone* phone = NULL
        if answer.own:
            phone = find_phone(self.documents, answer.mac)
            if (
                phone is NULL
                or not (phone.clear or secure)
                or not same_source(&phone.source, source)
                or not has_token(self.documents, phone, answer.token, TOKEN_BYTES)
            ):
                return MISSING
        return self.fetch(phone, answer)

    cdef int find_certified(self, Answer* answer) noexcept:
        """Find the document for whoever has proven to be the phone, from anywhere."""
        cdef Phone* phone = NULL
        if answer.own:
            phone = find_phone(self.documents, answer.mac)
            if phone is NULL or not has_token(
                self.documents, phone, answer.token, TOKEN_BYTES
            ):
                return MISSING
        return self.fetch(phone, answer)

    cdef int fetch(self, Phone* phone, Answer* answer) noexcept:
        """Find the document of *phone*, or a general one (NULL)."""
        if answer.own:
            if phone.boot != self.boot:
                return MISSING
            use_phone(self.documents, phone)
        else:
            phone = find_phone(
                self.general, shared_slot(answer.kind, answer.url, answer.model)
            )
            if phone is NULL:
                return MISSING
            use_phone(self.general, phone)
        answer.phone = phone
        answer.document = find_document(phone, answer.kind, answer.url, answer.model)
        if answer.document is NULL or not self.may_leave(answer):
            return MISSING
        if (
            answer.document.blueprint is NULL and answer.document.plan is not NULL
            or answer.document.content_size > OUT_BYTES - MAX_ANSWER_HEAD
        ):
            return UNFIT
        return READY

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
        cdef Miss miss
        cdef bint fresh = not is_kept(&self.kept, fd)
        url = self.url_texts.get(answer.url)
        if url is None or (fresh and not self.has_room(False)):
            return HANDED
        try:
            miss = self.new_miss(size, request, answer, url, &caller.peer)
            self.missed.append(miss)
            self.waiting[fd] = miss
        except BaseException:
            self.end(fd, not fresh)
            raise
        if fresh:
            if not take_in(&self.kept, fd, caller):
                del self.waiting[fd]
                return DONE
            self.kept.at[fd].fresh = True
        else:
            leave_list(&self.kept, fd)
            unwatch(&self.kept, fd)
        miss.fd = fd
        self.kept.at[fd].state = WAITING
        wait_for(&self.kept, fd, self.answer_seconds)
        return DONE

    cdef Miss new_miss(
        self,
        Py_ssize_t size,
        const Request* request,
        const Answer* answer,
        str url,
        const bw_end* peer,
    ):
        cdef Miss miss = Miss.__new__(Miss)
        miss.fd = -1
        miss.mac = answer.mac
        miss.kind = answer.kind
        miss.base_url = url
        miss.model = <str>answer.name
        miss.agent_model = <str>answer.agent_name
        miss.detail = <str>answer.detail
        miss.source = text_of(peer, True)
        miss.if_none_match = bytes_or_none(request.tag, request.tag_size)
        miss.token = bytes_or_none(request.token, TOKEN_BYTES)
        miss.head = request.head
        miss.is_1_0 = request.is_1_0
        miss.keep_alive = request.keep_alive
        miss.data = PyBytes_FromStringAndSize(<const char*>self.inbound, size)
        return miss

    cdef bint must_linger(self, Miss miss) noexcept:
        """Whether to close behind the answer would lose it.

        The kernel resets a socket that is closed with something unread.  Who waited
        had time to send more, if only the line end too many of old clients.
        """
        return not miss.keep_alive and bw_has_unread(miss.fd)

    cdef int end_waiting(self, Miss miss) except -1:
        """Let *miss* wait no more.  One that was not kept before is not kept again."""
        cdef int fd = miss.fd
        miss.fd = -1
        del self.waiting[fd]
        if self.kept.at[fd].fresh:
            forget(&self.kept, fd)
        return 0

    cdef tuple release_waiting(self, Miss miss):
        """What ``release`` returns; what came meanwhile is read, too."""
        cdef int fd = miss.fd
        cdef Connection own = self.kept.at[fd]  # a copy
        cdef ssize_t more = recv(fd, self.inbound, IN_BYTES, 0)
        cdef bytes data = miss.data
        if more > 0:
            data += PyBytes_FromStringAndSize(<const char*>self.inbound, more)
        self.end_waiting(miss)
        if not own.fresh:
            forget(&self.kept, fd)
        self.held += 1
        return (
            fd,
            data,
            not (own.fresh or own.unasked),
            own.proven != 0,
            ends_of(&own.caller),
        )

    cdef inline bint may_leave(self, const Answer* answer) noexcept:
        return is_granted(&self.revocations, answer.phone, answer.mac, answer.own)

    cdef bint write(self, Request* request, Answer* answer) noexcept:
        """Write what http.response does into ``out``; False when it may not leave.

        That is asked last of all: this process may have been stopped for a while.
        """
        cdef int64_t second
        cdef bint current = is_current(request, answer.document)
        if self.finishing:
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
        return self.may_leave(answer)

    cdef void tell(self, const Answer* answer, const bw_end* peer) noexcept:
        cdef SightingRecord* record = sighting_place(self.ring)
        cdef const char* detail
        cdef Py_ssize_t size = 0
        if record is NULL:
            return
        record.at = self.wall
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

    # Memory of texts

    cdef Memo* agent_of(self, const Request* request) except? NULL:
        """What is known of the User-Agent, its words of twelve hex digits left out."""
        cdef uint8_t key[MAX_AGENT]
        cdef Py_ssize_t first = -1
        cdef Py_ssize_t size = agent_key(request, key, &first)
        cdef Memo* memo = memo_at(self.agents, key, size)
        if memo.detail is not NULL:
            return memo
        text = PyUnicode_DecodeASCII(
            <const char*>request.agent, request.agent_size, NULL
        ) if request.agent is not NULL else ""
        model, detail, end, deciding = self.describe(text)
        if self.agent_count == MAX_MEMOS:
            forget_memos(self.agents)
            self.agent_count = 0
            memo = memo_at(self.agents, key, size)
        fill_memo(memo, key, size, model, detail)
        memo.end = end
        # Where a MAC decided, too, what was learnt is of this one phone.
        memo.usable = first < 0 or deciding <= first
        self.agent_count += 1
        return memo

    cdef Memo* type_of(self, const Request* request) except NULL:
        """What is known of the phone type in the URL."""
        cdef Memo* memo = memo_at(self.types, request.type, request.type_size)
        if memo.detail is not NULL:
            return memo
        text = PyUnicode_DecodeASCII(
            <const char*>request.type, request.type_size, NULL
        )
        model = self.model_of(text)
        if self.type_count == MAX_MEMOS:
            forget_memos(self.types)
            self.type_count = 0
            memo = memo_at(self.types, request.type, request.type_size)
        fill_memo(memo, request.type, request.type_size, model, "")
        self.type_count += 1
        return memo

    cdef Listener* listener_of(self, int fd) except NULL:
        cdef int i
        cdef bw_end own
        cdef Listener* new
        for i in range(self.listener_count):
            if self.listeners[i].fd == fd:
                return &self.listeners[i]
        if self.listener_count == LISTENERS:
            self.listener_count = 0
        new = &self.listeners[self.listener_count]
        new.fixed = self.one_url
        new.url = self.url
        if not self.one_url:
            if bw_own_end(fd, &own):
                PyErr_SetFromErrno(OSError)
            for i in range(16):
                if own.address[i]:
                    # Bound to one address, to which all of its connections are.
                    new.fixed = True
                    new.url = self.hash_of_url(&own)
                    break
        new.fd = fd
        self.listener_count += 1
        return new

    cdef bint url_for(self, const Listener* listener, int fd, Caller* caller) except -1:
        """Find to which base URL the connection *fd* is; False when there is none."""
        cdef bw_end own
        if caller.reached.family:
            if not self.one_url:
                return self.url_at(&caller.reached, caller)
            caller.url = self.url
            return True
        if listener.fixed:
            caller.url = listener.url
            return True
        if bw_own_end(fd, &own) or not own.family:
            return False
        own.zone = 0
        return self.url_at(&own, caller)

    cdef bint url_at(self, const bw_end* own, Caller* caller) except -1:
        cdef int i
        for i in range(self.place_count):
            if memcmp(&self.places[i].end, own, sizeof(bw_end)) == 0:
                caller.url = self.places[i].url
                return True
        try:
            caller.url = self.hash_of_url(own)
        except Exception:
            return False
        if self.place_count == PLACES:
            self.place_count = 0
        self.places[self.place_count].end = own[0]
        self.places[self.place_count].url = caller.url
        self.place_count += 1
        return True

    cdef uint64_t hash_of_url(self, const bw_end* own) except? 0:
        """Ask for the base URL of what is reached at *own*, and remember its text."""
        cdef str url = self.url_of(text_of(own, False), own.port)
        if len(self.url_texts) < MAX_URLS:
            # Requests to others do not wait here.
            self.url_texts[<uint64_t>hash(url)] = url
        return <uint64_t>hash(url)

    # Connections

    cdef inline bint has_room(self, bint proven) noexcept:
        cdef int total = self.held + self.kept.count
        return total < (self.capacity if proven else self.crowded)

    cdef int hand_over(
        self, int fd, Py_ssize_t size, bint answered, bint proven, const Caller* caller
    ) except -1:
        try:
            data = PyBytes_FromStringAndSize(<const char*>self.inbound, size)
            self.handed.append((fd, data, answered, proven, ends_of(caller)))
        except BaseException:
            close(fd)
            raise
        self.held += 1
        return 0

    cdef int give(self, int fd, Py_ssize_t size) except -1:
        """Hand over a connection that was kept here."""
        cdef Connection own = self.kept.at[fd]  # a copy
        forget(&self.kept, fd)
        return self.hand_over(fd, size, not own.unasked, own.proven, &own.caller)

    cdef list finished(self):
        cdef list handed = self.handed
        self.count_up()
        if handed:
            self.handed = []
            return handed
        return None

    cdef void count_up(self) noexcept:
        cdef int i
        for i in range(COUNTED):
            if self.counts[i]:
                bw_add(self.counters + self.counted[i], self.counts[i])
                self.counts[i] = 0

    cdef void idle(self, int fd, bint proven) noexcept:
        """Wait for the next request on *fd*."""
        if not self.kept.at[fd].watched and not watch(&self.kept, fd, EPOLLIN):
            drop(&self.kept, fd)
            return
        self.kept.at[fd].state = IDLE
        enter_list(&self.kept, fd, proven)
        wait_for(&self.kept, fd, self.idle_seconds)

    cdef void expect(self, int fd) noexcept:
        """Wait for the first request on *fd*, which has just begun to be kept."""
        self.kept.at[fd].unasked = True
        enter_list(&self.kept, fd, False)
        wait_for(&self.kept, fd, self.head_seconds)

    cdef void begin_sending(
        self, int fd, const char* at, Py_ssize_t size, bint proven
    ) noexcept:
        """Keep at[0:size], which the kernel has not taken, until it takes more."""
        cdef Connection* own = &self.kept.at[fd]
        own.outbound = <char*>malloc(<size_t>size)
        if own.outbound is NULL or not watch(&self.kept, fd, EPOLLOUT):
            bw_reset_on_close(fd)
            drop(&self.kept, fd)
            return
        memcpy(own.outbound, at, <size_t>size)
        own.size = <uint32_t>size
        own.sent = 0
        own.state = SENDING
        enter_list(&self.kept, fd, proven)
        wait_for(&self.kept, fd, self.stall_seconds)

    cdef int send_on(self, int fd) except -1:
        cdef Connection* own = &self.kept.at[fd]
        cdef ssize_t sent = send(
            fd, own.outbound + own.sent, own.size - own.sent, MSG_NOSIGNAL
        )
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                drop(&self.kept, fd)
            return 0
        own.sent += <uint32_t>sent
        if own.sent < own.size:
            if sent:
                wait_for(&self.kept, fd, self.stall_seconds)
            return 0
        free(own.outbound)
        own.outbound = NULL
        if (
            not own.keep_alive
            or self.finishing
            or not watch(&self.kept, fd, EPOLLIN)
        ):
            drop(&self.kept, fd)
            return 0
        self.idle(fd, own.proven)
        return 0

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

    cdef void end(self, int fd, bint known) noexcept:
        if known:
            drop(&self.kept, fd)
        else:
            close(fd)
