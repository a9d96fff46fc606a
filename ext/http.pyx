"""The lane: plain requests for documents that are ready, from accept to close.

It reads what a new connection brought, recognises a complete GET or HEAD without body
(RFC 9112, the forms in which phones write one), finds the document, checks its grant
and its revocation counters, assembles it into the buffer and sends it.  Whatever it
does not recognise completely, or has no answer ready for, is handed over: the socket,
and every byte that was read.  So it decides nothing that others decide otherwise; it
answers sooner.

Its parts: httprequest.pxd recognises, httpmemos.pxd remembers what Python said of
texts, httpconnections.pxd keeps connections open, httpsockets.pxd calls the system,
proxyprotocol.pxd reads whom a load balancer speaks for.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeASCII
from httpconnections cimport (
    IDLE,
    NOBODY,
    SENDING,
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
    wait_for,
)
from httpmemos cimport (
    MAX_MEMOS,
    MEMOS,
    Memo,
    fill_memo,
    forget_memos,
    memo_at,
)
from httprequest cimport (
    FILES,
    FIRMWARE,
    MAX_AGENT,
    SETTINGS,
    Request,
    next_mac,
    recognised,
)
from httpsockets cimport (
    AF_INET,
    AF_INET6,
    CLOCK_BOOTTIME,
    CLOCK_REALTIME,
    EPOLL_CLOEXEC,
    EPOLL_CTL_MOD,
    EPOLLIN,
    EPOLLOUT,
    INET6_ADDRSTRLEN,
    MSG_NOSIGNAL,
    bw_accept,
    bw_clock,
    bw_date,
    bw_end,
    bw_end_of,
    bw_is_on_link,
    bw_no_delay,
    bw_own_end,
    bw_reset_on_close,
    bw_watch,
    close,
    epoll_create1,
    epoll_event,
    epoll_wait,
    inet_ntop,
    recv,
    send,
    snprintf,
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
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset, strlen
from proxyprotocol cimport MAX_SUBNETS, Subnet, is_within, proxied
from tables cimport (
    BW_COUNTERS_CAPSULE,
    BW_TABLE_CAPSULE,
    SOURCE_IPV4,
    SOURCE_IPV6,
    SOURCE_SUBNET,
    CounterMemory,
    Document,
    Phone,
    Source,
    Table,
    assemble_into,
    bw_add,
    bw_load,
    find_document,
    find_phone,
    packed_of,
    same_source,
    shared_slot,
    tag_of,
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


def read_proxy_header(data):
    """Return what the PROXY header at the start of *data* says, or None.

    None means that the lane leaves it to others.  Otherwise (its size, the phone's
    address, (address, port) it reached).
    """
    cdef Py_buffer view
    cdef bw_end source, reached
    cdef Py_ssize_t size
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        size = proxied(<const uint8_t*>view.buf, view.len, &source, &reached)
        return (size, *ends_of(&source, &reached)) if size else None
    finally:
        PyBuffer_Release(&view)


# What a base URL is remembered by.

cdef enum:
    PLACES = 64  # own addresses remembered
    LISTENERS = 64

cdef struct Place:
    bw_end end
    uint64_t url

cdef struct Listener:
    int fd
    bint fixed  # all its connections are to one base URL
    uint64_t url

cdef struct Record:
    # One answer, as a sighting tells it.
    double at
    uint64_t mac
    bw_end peer
    PyObject* detail  # owned
    uint8_t reason

cdef struct Answer:
    Document* document
    uint64_t mac
    PyObject* detail  # borrowed of a memo
    bint own

cdef enum:
    BATCH = 64
    IN_BYTES = 8192
    OUT_BYTES = 262144
    MAX_ANSWER_HEAD = 640
    HEAD_ROOM = 160
    RING = 32768  # a power of two
    COUNTED = 5

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


cdef void source_of(const bw_end* peer, Source* source) noexcept nogil:
    """What a window used from *peer* is pinned to (pairing.sources.source_key)."""
    memset(source, 0, sizeof(Source))
    if peer.family == 4:
        source.kind = SOURCE_IPV4
        memcpy(source.address, peer.address, 4)
    elif bw_is_on_link(peer.address):
        source.kind = SOURCE_IPV6
        source.zone = peer.zone
        memcpy(source.address, peer.address, 16)
    else:
        source.kind = SOURCE_SUBNET
        memcpy(source.address, peer.address, 8)


cdef object text_of(const bw_end* end, bint with_zone):
    cdef char text[INET6_ADDRSTRLEN]
    cdef object host
    inet_ntop(
        AF_INET if end.family == 4 else AF_INET6, end.address, text, INET6_ADDRSTRLEN
    )
    host = PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)
    return f"{host}%{end.zone}" if with_zone and end.zone else host


cdef object ends_of(const bw_end* peer, const bw_end* reached):
    """The ends that a load balancer named, or None without one."""
    if not reached.family:
        return None
    return text_of(peer, True), (text_of(reached, False), reached.port)


cdef inline char* put(char* out, const void* at, Py_ssize_t size) noexcept nogil:
    memcpy(out, at, <size_t>size)
    return out + size


cdef char* put_number(char* out, uint32_t number) noexcept nogil:
    cdef char digits[10]
    cdef int at = 10
    while True:
        at -= 1
        digits[at] = <char>(c"0" + number % 10)
        number //= 10
        if not number:
            return put(out, digits + at, 10 - at)


@cython.final
@cython.auto_pickle(False)
cdef class Lane:
    """Answers what is ready; one for each worker, for one thread.

    *documents* and *general* are native.cache.Cache objects, *revocations* and
    *counters* native.counters.Counters.  *layout* tells of the revocations the index
    for everything, the first one of domains and how many there are, and the same of
    MACs (both powers of two).  *row* is added to each index of *counted*: connections,
    requests, documents, documents with secrets, cache hits.  *reasons* are
    the numbers told for a general document, a phone's own, and one not modified.
    *boot* is the present boot's number in *documents*.

    *url* is the base URL of every connection; when it is empty, *url_of* is asked for
    that of an address and port connected to.  *describe* returns of a User-Agent
    (model, detail, end of what describes a phone or -1, how many characters decide);
    *model_of* the model a phone type names.  *vendors* are the OUIs preferred when a
    User-Agent names several MACs.  *idle*, *stall* and *head* are deadlines in seconds.
    *capacity* is how many connections there may be with those of others, *crowded*
    from when on unproven ones are not kept.  *balancers* are the networks of load
    balancers, whose connections begin with a PROXY header: (4 or 6, length, address).
    """

    cdef object documents_owner, general_owner, revocations_owner, counters_owner
    cdef object url_of, describe, model_of
    cdef Table* documents
    cdef Table* general
    cdef uint64_t* revocations
    cdef Py_ssize_t everything, first_domain, domain_mask, first_mac, mac_mask
    cdef uint64_t* counters
    cdef Py_ssize_t[COUNTED] counted
    cdef uint64_t[COUNTED] counts
    cdef uint8_t[3] reasons
    cdef uint32_t boot
    cdef uint64_t url, no_model
    cdef bint one_url
    cdef uint32_t[8] vendors
    cdef int vendor_count
    cdef double idle_seconds, stall_seconds, head_seconds

    cdef Connections kept
    cdef list handed
    cdef int held
    cdef int capacity, crowded
    cdef bint finishing
    cdef Subnet[MAX_SUBNETS] balancers
    cdef int balancer_count

    cdef Memo* agents
    cdef int agent_count
    cdef Memo* types
    cdef int type_count
    cdef Place[PLACES] places
    cdef int place_count
    cdef Listener[LISTENERS] listeners
    cdef int listener_count

    cdef Record* ring
    cdef uint64_t written, read_
    cdef uint64_t lost

    cdef int64_t second
    cdef char[HEAD_ROOM] ok_head
    cdef char[HEAD_ROOM] same_head
    cdef Py_ssize_t ok_size, same_size
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
        tuple reasons not None,
        uint32_t boot,
        str url not None,
        url_of,
        describe,
        model_of,
        tuple vendors not None,
        double idle,
        double stall,
        int capacity,
        int crowded,
        tuple balancers not None=(),
        double head=5.0,
    ):
        cdef CounterMemory* memory
        cdef Py_ssize_t i
        start_empty(&self.kept)
        self.documents_owner, self.general_owner = documents, general
        self.revocations_owner, self.counters_owner = revocations, counters
        self.url_of, self.describe, self.model_of = url_of, describe, model_of
        self.documents = <Table*>PyCapsule_GetPointer(documents.table, BW_TABLE_CAPSULE)
        self.general = <Table*>PyCapsule_GetPointer(general.table, BW_TABLE_CAPSULE)
        memory = <CounterMemory*>PyCapsule_GetPointer(
            revocations.memory, BW_COUNTERS_CAPSULE
        )
        self.revocations = memory.at
        self.everything, self.first_domain, domains, self.first_mac, macs = layout
        self.domain_mask, self.mac_mask = domains - 1, macs - 1
        if (
            min(self.everything, self.first_domain, self.first_mac) < 0
            or domains < 1 or domains & domains - 1
            or macs < 1 or macs & macs - 1
            or self.everything >= memory.count
            or self.first_domain + domains > memory.count
            or self.first_mac + macs > memory.count
        ):
            raise ValueError("the layout does not fit the revocations")
        memory = <CounterMemory*>PyCapsule_GetPointer(
            counters.memory, BW_COUNTERS_CAPSULE
        )
        self.counters = memory.at
        if len(counted) != COUNTED or len(reasons) != 3 or len(vendors) > 8:
            raise ValueError("the constructor's tuples are of other sizes")
        for i in range(COUNTED):
            self.counted[i] = row + counted[i]
            if not 0 <= self.counted[i] < memory.count:
                raise ValueError("there is no such counter")
            self.counts[i] = 0
        for i in range(3):
            self.reasons[i] = reasons[i]
        self.vendor_count = <int>len(vendors)
        for i in range(self.vendor_count):
            self.vendors[i] = vendors[i]
        for family, length, address in balancers:
            self.add_balancer(family, length, address)
        self.boot = boot
        self.one_url = url != ""
        self.url = <uint64_t>hash(url)
        self.no_model = <uint64_t>hash("")
        self.idle_seconds, self.stall_seconds, self.head_seconds = idle, stall, head
        self.capacity, self.crowded = capacity, crowded
        self.handed = []
        self.second = -1
        self.agents = <Memo*>calloc(MEMOS, sizeof(Memo))
        self.types = <Memo*>calloc(MEMOS, sizeof(Memo))
        self.ring = <Record*>calloc(RING, sizeof(Record))
        self.inbound = <uint8_t*>malloc(IN_BYTES)
        self.out = <char*>malloc(OUT_BYTES)
        if (
            self.agents is NULL or self.types is NULL or self.ring is NULL
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
        if self.ring is not NULL:
            while self.read_ != self.written:
                Py_DECREF(<object>self.ring[self.read_ % RING].detail)
                self.read_ += 1
        free(self.ring)
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

    @property
    def dropped(self):
        """How many sightings were lost because nobody drained them."""
        return self.lost

    def stamp(self, uint64_t mac, int64_t domain):
        """Return the present stamp of a device in a domain."""
        return self.stamp_of(mac, domain)

    def accept(self, int listener, int limit, int held):
        """Accept at most *limit* connections and answer what is ready.

        *held* is how many connections others hold.  Returns (errors, handed): the
        number of the error that ended it, 0 for none, and what ``turn`` returns.
        """
        cdef sockaddr_storage from_
        cdef bw_end peer, reached
        cdef Source source
        cdef Listener* known = self.listener_of(listener)
        cdef uint64_t url
        cdef int fd, error = 0
        cdef ssize_t size
        cdef int _i
        self.held = held
        memset(&reached, 0, sizeof(bw_end))
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
            reached.family = 0
            if size > 0:
                bw_end_of(&from_, &peer)
                if self.balancer_count:
                    size = self.introduced(size, &peer, &reached)
                if peer.family and self.url_for(known, fd, &reached, &url):
                    source_of(&peer, &source)
                    if size == 0 and self.has_room(False):
                        # The balancer spoke at once, and the phone has yet to.
                        if keep(&self.kept, fd, &peer, &reached, &source, url):
                            self.expect(fd)
                        continue
                    if self.serve(fd, size, &peer, &reached, &source, url) == DONE:
                        continue
            self.hand_over(fd, size if size > 0 else 0, False, False, &peer, &reached)
        return error, self.finished()

    def turn(self, int held):
        """Do what the connections kept here wait for; at most 64 of them.

        Returns what is handed over: a list of (descriptor, bytes already read,
        whether a request was answered on it, whether on a grant, the ends that a load
        balancer named).  The descriptors belong to the caller.
        """
        cdef int i, fd, count
        self.held = held
        count = epoll_wait(self.kept.set, self.events, BATCH, 0)
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

        Returns the addresses of those that broke one, and whether it was by no longer
        reading an answer; otherwise no request came.
        """
        cdef int fd, _i
        cdef bint sending
        cdef list broken = []
        for _i in range(limit):
            fd = next_late(&self.kept, now)
            if fd == NOBODY:
                break
            sending = self.kept.at[fd].state == SENDING
            if sending or self.kept.at[fd].unasked:
                broken.append((text_of(&self.kept.at[fd].peer, True), sending))
            if sending:
                bw_reset_on_close(fd)
            drop(&self.kept, fd)
        return broken

    def shed(self, int limit):
        """Return at most *limit* unproven connections that idle, to be held by others.

        The longest idle first, in the form of ``turn``.
        """
        while limit > 0 and self.kept.oldest[0] != NOBODY:
            self.give(self.kept.oldest[0], 0)
            limit -= 1
        return self.finished()

    def close_oldest(self):
        """Close the proven connection longest idle; return its address or None."""
        cdef int fd = self.kept.oldest[1]
        if fd == NOBODY:
            return None
        address = text_of(&self.kept.at[fd].peer, True)
        drop(&self.kept, fd)
        return address

    def finish(self):
        """Return every connection that idles; the others close after their answer."""
        cdef int proven
        self.finishing = True
        for proven in range(2):
            while self.kept.oldest[proven] != NOBODY:
                self.give(self.kept.oldest[proven], 0)
        return self.finished()

    def abort(self):
        """Close whatever is left, at once."""
        close_all(&self.kept)

    def resume(self):
        """Keep connections open again after ``finish``."""
        self.finishing = False

    def drain(self, int limit):
        """Return at most *limit* answers not drained yet, the oldest first.

        Each is (wall-clock seconds, MAC, address, reason, detail).
        """
        cdef list drained = []
        cdef Record* record
        while limit > 0 and self.read_ != self.written:
            record = &self.ring[self.read_ % RING]
            drained.append(
                (
                    record.at,
                    record.mac,
                    text_of(&record.peer, True),
                    record.reason,
                    <object>record.detail,
                )
            )
            self.read_ += 1
            Py_DECREF(<object>record.detail)
            limit -= 1
        return drained

    # Answering

    cdef int serve(
        self,
        int fd,
        Py_ssize_t size,
        const bw_end* peer,
        const bw_end* reached,
        const Source* source,
        uint64_t url,
    ) except -1:
        """Answer the request in ``inbound``, if it is the whole of it and ready."""
        cdef Request request
        cdef Answer answer
        cdef bint known, current, ready
        cdef Py_ssize_t total
        if not recognised(self.inbound, size, &request) or request.consumed != size:
            return HANDED
        try:
            ready = self.find(&request, source, url, &answer)
        except Exception:
            return HANDED  # who has the request next fails, too, and says so
        if not ready:
            return HANDED
        current = request.tag is not NULL and (
            request.tag_size == answer.document.tag_size
            and memcmp(request.tag, tag_of(answer.document), request.tag_size) == 0
        )
        if self.finishing:
            request.keep_alive = False
        known = is_kept(&self.kept, fd)
        total = self.write(&request, answer.document, current)
        self.counts[REQUESTS] += 1
        self.counts[DOCUMENTS] += 1
        if answer.own:
            self.counts[HITS] += 1
            self.counts[DOCUMENTS_SECRET] += 1
        self.tell(&answer, peer, self.reasons[2 if current else 1 if answer.own else 0])
        if request.keep_alive and (not known or self.kept.at[fd].unasked):
            # Nagle would hold the end of an answer until the peer, which may delay
            # its acknowledgement by 40 ms, has seen the rest.  A close flushes.
            bw_no_delay(fd)
        if known:
            self.kept.at[fd].unasked = False
        cdef ssize_t sent = send(fd, self.out, <size_t>total, MSG_NOSIGNAL)
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self.end(fd, known)
                return DONE
            sent = 0
        if sent == total:
            if not request.keep_alive:
                self.end(fd, known)
            elif not known and not self.has_room(answer.own):
                self.hand_over(fd, 0, True, answer.own, peer, reached)
            elif known or keep(&self.kept, fd, peer, reached, source, url):
                self.idle(fd, answer.own)
            return DONE
        if known or keep(&self.kept, fd, peer, reached, source, url):
            self.kept.at[fd].keep_alive = request.keep_alive
            self.begin_sending(fd, sent, total, answer.own)
        return DONE

    cdef bint find(
        self, const Request* request, const Source* source, uint64_t url, Answer* answer
    ) except -1:
        """Find the document, and whether it may leave now."""
        cdef Memo* agent = self.agent_of(request)
        cdef Memo* named
        cdef uint64_t model
        cdef uint8_t kind = request.kind
        cdef Phone* phone
        if agent is NULL or not agent.usable:
            return False
        answer.detail = agent.detail
        model = agent.model
        if kind == FILES or kind == FIRMWARE:
            model = self.no_model
        elif request.type is not NULL:
            named = self.type_of(request)
            if named.model != self.no_model:
                model = named.model
        # From here on nothing runs but this: what is found stays where it is.
        answer.own = kind == FILES or kind == SETTINGS
        if answer.own:
            answer.mac = request.mac
            phone = find_phone(self.documents, request.mac)
            if (
                phone is NULL
                or not phone.clear
                or phone.boot != self.boot
                or not same_source(&phone.source, source)
                or not bw_clock(CLOCK_BOOTTIME) < phone.until
                or phone.stamp != self.stamp_of(request.mac, phone.domain)
            ):
                return False
            use_phone(self.documents, phone)
        else:
            answer.mac = self.agent_mac(request, agent)
            phone = find_phone(self.general, shared_slot(kind, url, model))
            if phone is NULL or phone.stamp != bw_load(
                self.revocations + self.everything
            ):
                return False
            use_phone(self.general, phone)
        answer.document = find_document(phone, kind, url, model)
        return (
            answer.document is not NULL
            and (answer.document.blueprint is not NULL or answer.document.plan is NULL)
            and answer.document.content_size <= OUT_BYTES - MAX_ANSWER_HEAD
        )

    cdef inline uint64_t stamp_of(self, uint64_t mac, int64_t domain) noexcept:
        return (
            bw_load(self.revocations + self.everything)
            + bw_load(
                self.revocations + self.first_domain
                + <Py_ssize_t>(<uint64_t>domain & <uint64_t>self.domain_mask)
            )
            + bw_load(
                self.revocations + self.first_mac
                + <Py_ssize_t>((mac ^ mac >> 16 ^ mac >> 32) & <uint64_t>self.mac_mask)
            )
        )

    cdef Py_ssize_t write(
        self, const Request* request, const Document* document, bint current
    ) noexcept:
        """Write the answer into ``out`` as http.response does; return its size."""
        cdef char* out = self.out
        cdef int64_t second = <int64_t>bw_clock(CLOCK_REALTIME)
        if second != self.second:
            self.date(second)
        if current:
            out = put(out, self.same_head, self.same_size)
        else:
            out = put(out, self.ok_head, self.ok_size)
        # A 304 tells the length, too, except of nothing.
        if not current or document.content_size:
            out = put(out, b"Content-Length: ", 16)
            out = put_number(out, document.content_size)
            out = put(out, b"\r\n", 2)
        out = put(out, b"ETag: ", 6)
        out = put(out, tag_of(document), document.tag_size)
        out = put(out, b"\r\nCache-Control: private, no-cache\r\n", 36)
        if not request.keep_alive:
            out = put(out, b"Connection: close\r\n", 19)
        elif request.is_1_0:
            out = put(out, b"Connection: keep-alive\r\n", 24)
        out = put(out, b"\r\n", 2)
        if not current and not request.head:
            if document.blueprint is NULL:
                memcpy(out, packed_of(document), document.packed_size)
            else:
                assemble_into(document.blueprint, packed_of(document), out)
            out += document.content_size
        return out - self.out

    cdef void date(self, int64_t second) noexcept:
        cdef char text[64]
        bw_date(second, text, sizeof(text))
        self.ok_size = snprintf(
            self.ok_head,
            HEAD_ROOM,
            b"HTTP/1.1 200 OK\r\nDate: %s\r\nServer: bootwave\r\n"
            b"Content-Type: application/xml\r\n",
            text,
        )
        self.same_size = snprintf(
            self.same_head,
            HEAD_ROOM,
            b"HTTP/1.1 304 Not Modified\r\nDate: %s\r\nServer: bootwave\r\n",
            text,
        )
        self.second = second

    cdef void tell(
        self, const Answer* answer, const bw_end* peer, uint8_t reason
    ) noexcept:
        cdef Record* record
        if self.written - self.read_ == RING:
            self.lost += 1
            return
        record = &self.ring[self.written % RING]
        record.at = bw_clock(CLOCK_REALTIME)
        record.mac = answer.mac
        record.peer = peer[0]
        record.reason = reason
        record.detail = answer.detail
        Py_INCREF(<object>answer.detail)
        self.written += 1

    # Memory of texts

    cdef Memo* agent_of(self, const Request* request) except? NULL:
        """What is known of the User-Agent, its words of twelve hex digits left out."""
        cdef uint8_t key[MAX_AGENT]
        cdef Py_ssize_t size = 0, start = 0, found, first = -1
        cdef int64_t mac
        cdef Memo* memo
        while start < request.agent_size:
            found = next_mac(request.agent, request.agent_size, start, &mac)
            if found < 0:
                break
            if first < 0:
                first = found
            memcpy(key + size, request.agent + start, <size_t>(found - start))
            size += found - start
            key[size] = 1  # stands in no field
            size += 1
            start = found + 12
        if start < request.agent_size:
            memcpy(key + size, request.agent + start,
                   <size_t>(request.agent_size - start))
            size += request.agent_size - start
        memo = memo_at(self.agents, key, size)
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

    cdef uint64_t agent_mac(self, const Request* request, const Memo* agent) noexcept:
        """The MAC that the User-Agent names (phone.useragent), or 0."""
        cdef Py_ssize_t start = agent.end
        cdef int64_t mac = 0
        cdef uint64_t last = 0, own = 0
        cdef int i
        if agent.end < 0:
            return 0
        while True:
            start = next_mac(request.agent, request.agent_size, start, &mac)
            if start < 0:
                return own or last
            start += 12
            if not mac or mac >> 40 & 1:
                continue
            last = <uint64_t>mac
            for i in range(self.vendor_count):
                if mac >> 24 == self.vendors[i]:
                    own = last

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
                    new.url = <uint64_t>hash(
                        self.url_of(text_of(&own, False), own.port)
                    )
                    break
        new.fd = fd
        self.listener_count += 1
        return new

    cdef bint url_for(
        self, const Listener* listener, int fd, const bw_end* reached, uint64_t* url
    ) except -1:
        """Tell the hash of the base URL the connection *fd* is to; False for none."""
        cdef bw_end own
        if reached.family:
            if not self.one_url:
                return self.url_at(reached, url)
            url[0] = self.url
            return True
        if listener.fixed:
            url[0] = listener.url
            return True
        if bw_own_end(fd, &own) or not own.family:
            return False
        own.zone = 0
        return self.url_at(&own, url)

    cdef bint url_at(self, const bw_end* own, uint64_t* url) except -1:
        cdef int i
        cdef uint64_t found
        for i in range(self.place_count):
            if memcmp(&self.places[i].end, own, sizeof(bw_end)) == 0:
                url[0] = self.places[i].url
                return True
        try:
            found = <uint64_t>hash(self.url_of(text_of(own, False), own.port))
        except Exception:
            return False
        if self.place_count == PLACES:
            self.place_count = 0
        self.places[self.place_count].end = own[0]
        self.places[self.place_count].url = found
        self.place_count += 1
        url[0] = found
        return True

    # Load balancers

    cdef int add_balancer(self, int family, int length, bytes address) except -1:
        cdef Subnet* new
        if (
            self.balancer_count == MAX_SUBNETS
            or family not in (4, 6)
            or len(address) != (4 if family == 4 else 16)
            or not 0 <= length <= 8 * len(address)
        ):
            raise ValueError("there is no room for that network, or it is none")
        new = &self.balancers[self.balancer_count]
        new.family, new.length = <uint8_t>family, <uint8_t>length
        memcpy(new.address, <const char*>address, <size_t>len(address))
        self.balancer_count += 1
        return 0

    cdef Py_ssize_t introduced(
        self, Py_ssize_t size, bw_end* peer, bw_end* reached
    ) noexcept:
        """Take the header from ``inbound`` when *peer* is a balancer.

        Returns how many bytes are left; *peer* is then whom it speaks for, of family 0
        when the header is for others to read.
        """
        cdef Py_ssize_t header
        cdef int i
        for i in range(self.balancer_count):
            if is_within(peer, &self.balancers[i]):
                break
        else:
            return size
        header = proxied(self.inbound, size, peer, reached)
        if not header:
            peer.family = 0
            return size
        memmove(self.inbound, self.inbound + header, <size_t>(size - header))
        return size - header

    # Connections

    cdef inline bint has_room(self, bint proven) noexcept:
        cdef int total = self.held + self.kept.count
        return total < (self.capacity if proven else self.crowded)

    cdef int hand_over(
        self,
        int fd,
        Py_ssize_t size,
        bint answered,
        bint proven,
        const bw_end* peer,
        const bw_end* reached,
    ) except -1:
        try:
            data = PyBytes_FromStringAndSize(<const char*>self.inbound, size)
            self.handed.append((fd, data, answered, proven, ends_of(peer, reached)))
        except BaseException:
            close(fd)
            raise
        self.held += 1
        return 0

    cdef int give(self, int fd, Py_ssize_t size) except -1:
        """Hand over a connection that was kept here."""
        cdef bint proven = self.kept.at[fd].proven
        cdef bint answered = not self.kept.at[fd].unasked
        cdef bw_end peer = self.kept.at[fd].peer, reached = self.kept.at[fd].reached
        forget(&self.kept, fd)
        return self.hand_over(fd, size, answered, proven, &peer, &reached)

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
        self.kept.at[fd].state = IDLE
        enter_list(&self.kept, fd, proven)
        wait_for(&self.kept, fd, self.idle_seconds)

    cdef void expect(self, int fd) noexcept:
        """Wait for the first request on *fd*, which has just begun to be kept."""
        self.kept.at[fd].unasked = True
        enter_list(&self.kept, fd, False)
        wait_for(&self.kept, fd, self.head_seconds)

    cdef void begin_sending(
        self, int fd, Py_ssize_t sent, Py_ssize_t total, bint proven
    ) noexcept:
        """Keep what the kernel has not taken, and wait until it takes more."""
        cdef Connection* own = &self.kept.at[fd]
        leave_list(&self.kept, fd)
        own.proven = own.proven or proven
        own.outbound = <char*>malloc(<size_t>(total - sent))
        if own.outbound is NULL or bw_watch(self.kept.set, EPOLL_CTL_MOD, fd, EPOLLOUT):
            bw_reset_on_close(fd)
            drop(&self.kept, fd)
            return
        memcpy(own.outbound, self.out + sent, <size_t>(total - sent))
        own.size = <uint32_t>(total - sent)
        own.sent = 0
        own.state = SENDING
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
            or bw_watch(self.kept.set, EPOLL_CTL_MOD, fd, EPOLLIN)
        ):
            drop(&self.kept, fd)
            return 0
        self.idle(fd, own.proven)
        return 0

    cdef int receive(self, int fd) except -1:
        cdef Connection* own = &self.kept.at[fd]
        cdef ssize_t size = recv(fd, self.inbound, IN_BYTES, 0)
        # Copies: keeping another connection may move all of them.
        cdef bw_end peer = own.peer, reached = own.reached
        cdef Source source = own.source
        if size < 0 and errno in (EAGAIN, EINTR):
            return 0
        if size <= 0:
            drop(&self.kept, fd)
        elif self.serve(fd, size, &peer, &reached, &source, own.url) == HANDED:
            self.give(fd, size)
        return 0

    cdef void end(self, int fd, bint known) noexcept:
        if known:
            drop(&self.kept, fd)
        else:
            close(fd)
