"""Batches of UDP datagrams over IPv4: recvmmsg(2), sendmmsg(2), IP_PKTINFO of ip(7).

A datagram is received together with the address of ours that an answer to it must
come from (``ipi_spec_dst``: for multicast, the receiving interface's own one) and the
index of that interface; an answer names both again.  The sockets must not block and
must have IP_PKTINFO on.  The GIL is kept: no call waits, and giving it up would let
another thread keep it for longer than a batch takes.

``Receiver.serve`` lets a lane answer what it can without Python objects (lane.pxd) and
returns the rest.  It answers in the order of arrival until a datagram waited for longer
than a phone waits before it asks again.  Then there is more to do than time to do it:
all that waits is read (udpbacklog.pxd) and the newest answered first, whose phones wait
for certain, and what grew stale meanwhile is dropped.

A response and the request that follows it leave in one system call where one socket
sends both.  A phone that has the response does not ask again, and whoever is killed
between two calls would owe it the request for ever; sendmmsg(2) is not interrupted.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_SetFromErrno
from cpython.mem cimport PyMem_Calloc, PyMem_Free, PyMem_Malloc
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.unicode cimport PyUnicode_DecodeASCII
from lane cimport ANSWER_BYTES, DatagramLane, Heard, Outgoing
from libc.errno cimport (
    EAGAIN,
    EBADF,
    EFAULT,
    EINTR,
    ENOBUFS,
    ENOMEM,
    ENOTSOCK,
    EOPNOTSUPP,
    errno,
)
from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen
from udpbacklog cimport (
    BACKLOG_BYTES,
    BACKLOG_DATAGRAMS,
    Backlog,
    close_backlog,
    drop_older,
    has_room,
    holds_any,
    open_backlog,
    pop_newest,
    push,
)

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct iovec:
        void* iov_base
        size_t iov_len
    struct msghdr:
        void* msg_name
        socklen_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    cmsghdr* CMSG_FIRSTHDR(msghdr*)
    cmsghdr* CMSG_NXTHDR(msghdr*, cmsghdr*)
    unsigned char* CMSG_DATA(cmsghdr*)
    size_t CMSG_LEN(size_t)
    int recvmmsg(int, mmsghdr*, unsigned int, int, void*)
    int sendmmsg(int, mmsghdr*, unsigned int, int)
    enum: AF_INET, MSG_DONTWAIT, MSG_TRUNC, SOL_SOCKET, SO_RXQ_OVFL, SO_TIMESTAMPNS

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec

cdef extern from "<netinet/in.h>" nogil:
    struct in_addr:
        uint32_t s_addr
    struct sockaddr_in:
        unsigned short sin_family
        uint16_t sin_port
        in_addr sin_addr
    struct in_pktinfo:
        int ipi_ifindex
        in_addr ipi_spec_dst
        in_addr ipi_addr
    uint32_t htonl(uint32_t)
    uint32_t ntohl(uint32_t)
    uint16_t htons(uint16_t)
    uint16_t ntohs(uint16_t)
    enum: INET_ADDRSTRLEN, IPPROTO_IP, IP_PKTINFO

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int, const void*, char*, socklen_t)
    int inet_pton(int, const char*, void*)

cdef extern from *:
    """
    /* Room for one in_pktinfo, one drop count and one instant; a multiple of the
       alignment of cmsghdr, so that every row of an array begins aligned. */
    #define BW_CONTROL_BYTES 96
    _Static_assert(
        CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint32_t))
            + CMSG_SPACE(sizeof(struct timespec))
            <= BW_CONTROL_BYTES && BW_CONTROL_BYTES % sizeof(size_t) == 0,
        "ancillary data must fit");
    #define BW_PKTINFO_SPACE CMSG_SPACE(sizeof(struct in_pktinfo))
    """
    size_t BW_PKTINFO_SPACE
    const char* PyUnicode_AsUTF8(object text) except NULL

cdef enum:
    BATCH = 64
    ANSWERS = 2 * BATCH  # a response and a request to each
    CONTROL_BYTES = 96
    READS = 16  # batches that one call of serve() moves into the backlog
    MOST_READS = 512  # after as many without an end, all the backlog holds, answer

BATCH_DATAGRAMS = BATCH
MAX_BACKLOG_DATAGRAMS = BACKLOG_DATAGRAMS
MAX_BACKLOG_BYTES = BACKLOG_BYTES

cdef struct Slots:  # the first BATCH of them receive
    mmsghdr messages[ANSWERS]
    iovec parts[ANSWERS]
    sockaddr_in addresses[ANSWERS]
    unsigned char control[ANSWERS][CONTROL_BYTES]


cdef struct Answers:  # what a lane makes of one batch
    Outgoing here[ANSWERS]  # leave from where the batch was heard
    Outgoing asking[BATCH]  # requests that leave from another socket
    Py_ssize_t here_count
    Py_ssize_t asking_count
    Py_ssize_t used  # of the bytes: answers stand close together, which caches like
    uint8_t bytes[ANSWERS * ANSWER_BYTES]


cdef struct Wake:  # one call of serve()
    int fd
    int requests_fd
    double now
    double wall
    bint waits
    Py_ssize_t batches  # that may still be answered
    Py_ssize_t responses
    Py_ssize_t requests
    Py_ssize_t refused


cdef object text_from_ipv4(uint32_t number):
    cdef char text[INET_ADDRSTRLEN]
    cdef in_addr address
    address.s_addr = htonl(number)
    inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN)
    return PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)


cdef int ipv4_from_text(object text, in_addr* address) except -1:
    if inet_pton(AF_INET, PyUnicode_AsUTF8(text), address) != 1:
        raise ValueError(f"not an IPv4 address: {text!r}")
    return 0


@cython.final
@cython.auto_pickle(False)
cdef class Receiver:
    """Receives from one socket, into buffers of *datagram_bytes* that it keeps.

    *drops* is how many datagrams the socket had already dropped (``SO_MEMINFO``), so
    that a second reader of an inherited socket does not count them again.  Where one
    waited for longer than *late_seconds* there is overload; then those that waited for
    longer than *stale_seconds* are dropped.  That takes SO_TIMESTAMPNS.  Raises
    ValueError when *datagram_bytes* is not 1 to 65535.
    """

    cdef Slots* slots
    cdef unsigned char* buffers
    cdef Heard[BATCH] heard  # the batch of the slots
    cdef Py_ssize_t used
    cdef Py_ssize_t datagram_bytes
    cdef uint32_t last_count
    cdef uint32_t last_local
    cdef object last_local_text
    cdef Answers* answers  # NULL before serve() is called
    cdef Backlog backlog
    cdef list declined
    cdef list unsent
    cdef list unasked
    cdef Py_ssize_t reads  # into the backlog, since the socket was empty
    cdef double late_seconds
    cdef double stale_seconds
    cdef double emptied  # when the socket was last seen empty
    cdef readonly uint64_t drops

    def __cinit__(
        self,
        Py_ssize_t datagram_bytes,
        *,
        uint32_t drops=0,
        double late_seconds=INFINITY,
        double stale_seconds=INFINITY,
    ):
        cdef Py_ssize_t i, stride
        if not 1 <= datagram_bytes <= 65535:
            raise ValueError("datagram_bytes must be 1 to 65535")
        self.datagram_bytes = datagram_bytes
        self.last_count = drops
        self.last_local_text = "0.0.0.0"
        self.used = BATCH
        self.late_seconds = late_seconds
        self.stale_seconds = stale_seconds
        self.emptied = -INFINITY
        # An odd number of cache lines: at a power of two all buffers would share a few
        # sets of the cache.
        stride = (datagram_bytes + 63) // 64
        stride = (stride | 1) * 64
        self.slots = <Slots*>PyMem_Calloc(1, sizeof(Slots))
        self.buffers = <unsigned char*>PyMem_Calloc(BATCH, <size_t>stride)
        if self.slots == NULL or self.buffers == NULL:
            raise MemoryError
        for i in range(BATCH):
            self.slots.parts[i].iov_base = self.buffers + i * stride
            self.slots.parts[i].iov_len = <size_t>datagram_bytes
            self.slots.messages[i].msg_hdr.msg_iov = &self.slots.parts[i]
            self.slots.messages[i].msg_hdr.msg_iovlen = 1
            self.slots.messages[i].msg_hdr.msg_name = &self.slots.addresses[i]
            self.slots.messages[i].msg_hdr.msg_control = self.slots.control[i]

    def __dealloc__(self):
        PyMem_Free(self.slots)
        PyMem_Free(self.buffers)
        PyMem_Free(self.answers)
        close_backlog(&self.backlog)

    def receive(self, int fd):
        """Return what waits at socket *fd*, at most BATCH_DATAGRAMS, oldest first.

        Each datagram is (data, source address, source port, our address, interface
        index, truncated); *truncated* says that it was longer than the buffer and
        data is its beginning.  An empty list says that nothing waits, or that a
        network error was pending and is now cleared.  ``drops`` grows by what the
        kernel dropped before the newest datagram returned (SO_RXQ_OVFL).  Raises
        OSError when *fd* is no socket.
        """
        cdef Py_ssize_t i
        cdef list received = []
        for i in range(self.take(fd, 0.0, 0.0)):
            received.append(self.datagram(&self.heard[i])[:6])
        return received

    def serve(
        self,
        int fd,
        int requests_fd,
        lane,
        double now,
        double wall,
        *,
        bint waits=False,
        int batches=1,
    ):
        """Receive at *fd*, let *lane*, if any, answer, and send what it answered.

        *batches* of BATCH_DATAGRAMS at most are answered; fewer when two of them were
        declined.  Responses leave from *fd*, requests from *requests_fd*, which may be
        the same; *waits* says that others wait for room in a send buffer: then nothing
        is sent.  *now* is monotonic, *wall* since the epoch.

        Returns what was declined, each as receive() tells it with the instant, on the
        clock of *now*, when the kernel received it; the numbers of datagrams received,
        of responses and of requests that the lane made, of those that the kernel
        refused and of datagrams dropped because they were stale; whether some wait here
        that the socket does not tell of, so that another call is due; and as lists for
        send() what is still to be sent from *fd*, and what from *requests_fd* where it
        is another.  Raises as receive() and send() do.
        """
        cdef DatagramLane* answerer = NULL
        cdef Py_ssize_t count, i
        cdef Py_ssize_t received = 0
        cdef Py_ssize_t stale = 0
        cdef Wake wake = Wake(fd, requests_fd, now, wall, waits, batches, 0, 0, 0)
        if lane is not None:
            answerer = <DatagramLane*>PyCapsule_GetPointer(
                lane._lane, "bootwave.native.pnp._lane"
            )
        if self.answers == NULL:
            # Pages that are not touched cost nothing.
            self.answers = <Answers*>PyMem_Malloc(sizeof(Answers))
            if self.answers == NULL:
                raise MemoryError
        self.declined = []
        self.unsent = []
        self.unasked = []
        while wake.batches > 0 and not holds_any(&self.backlog):
            count = self.take(fd, now, wall)
            received += count
            if self.is_late(count, now) and open_backlog(&self.backlog):
                for i in range(count):
                    push(&self.backlog, &self.heard[i])
                break
            self.begin(&wake)
            for i in range(count):
                self.answer(answerer, &self.heard[i], &wake)
            self.send_batch(&wake)
            if count < BATCH:
                break
        if holds_any(&self.backlog):
            stale = drop_older(&self.backlog, now - self.stale_seconds)
            received += self.read_on(fd, now, wall)
            stale += drop_older(&self.backlog, now - self.stale_seconds)
            while (
                wake.batches > 0
                and holds_any(&self.backlog)
                and (self.reads == 0 or self.reads >= MOST_READS)
            ):
                self.begin(&wake)
                count = BATCH
                while count > 0 and holds_any(&self.backlog):
                    self.answer(answerer, pop_newest(&self.backlog), &wake)
                    count -= 1
                self.send_batch(&wake)
            if not holds_any(&self.backlog):
                close_backlog(&self.backlog)
        return (
            self.declined,
            received,
            wake.responses,
            wake.requests,
            wake.refused,
            stale,
            holds_any(&self.backlog),
            self.unsent,
            self.unasked,
        )

    cdef bint is_late(self, Py_ssize_t count, double now) noexcept:
        """Whether the oldest of a batch waited for too long."""
        return count > 0 and now - self.heard[0].received > self.late_seconds

    cdef Py_ssize_t read_on(self, int fd, double now, double wall) except -1:
        """Move what waits at the socket into the backlog; how many datagrams.

        ``reads`` is 0 afterwards when the newest datagram is among them.
        """
        cdef Py_ssize_t i, count
        cdef Py_ssize_t received = 0
        cdef int _
        for _ in range(READS):
            if not has_room(&self.backlog, BATCH, self.datagram_bytes):
                # Only what is answered or grows stale makes room.
                self.reads = MOST_READS
                break
            count = self.take(fd, now, wall)
            received += count
            for i in range(count):
                push(&self.backlog, &self.heard[i])
            self.reads = 0 if count < BATCH else min(self.reads + 1, MOST_READS)
            if count < BATCH:
                break
        return received

    cdef void begin(self, Wake* wake) noexcept:
        """Begin a batch of answers."""
        wake.batches -= 1
        self.answers.here_count = 0
        self.answers.asking_count = 0
        self.answers.used = 0

    cdef int answer(
        self, DatagramLane* lane, const Heard* heard, Wake* wake
    ) except -1:
        """Let *lane* answer one datagram, or decline it."""
        cdef Answers* answers = self.answers
        cdef Outgoing response
        cdef Outgoing request
        response.data = answers.bytes + answers.used
        if lane != NULL and not heard.truncated and lane.answer(
            lane.state, heard, wake.now, wake.wall, &response, &request
        ):
            answers.used += response.size + request.size
            if response.size > 0:
                answers.here[answers.here_count] = response
                answers.here_count += 1
                wake.responses += 1
            if request.size > 0:
                wake.requests += 1
                if wake.requests_fd == wake.fd:
                    answers.here[answers.here_count] = request
                    answers.here_count += 1
                else:
                    answers.asking[answers.asking_count] = request
                    answers.asking_count += 1
            return 0
        self.declined.append(self.datagram(heard))
        if len(self.declined) == 2 * BATCH:
            wake.batches = 0  # each of them costs as much as many answers here
        return 0

    cdef int send_batch(self, Wake* wake) except -1:
        """Send what was answered, or leave it to whoever waits for room."""
        cdef Answers* answers = self.answers
        if wake.waits:
            leave(answers.here, 0, answers.here_count, self.unsent)
            leave(answers.asking, 0, answers.asking_count, self.unasked)
            return 0
        wake.refused += send_answers(
            wake.fd, answers.here, answers.here_count, self.unsent
        )
        wake.refused += send_answers(
            wake.requests_fd, answers.asking, answers.asking_count, self.unasked
        )
        if self.unsent or self.unasked:
            wake.waits = True
        return 0

    cdef Py_ssize_t take(self, int fd, double now, double wall) except -1:
        """Receive a batch into the slots, describe it in ``heard``, return its size."""
        cdef Py_ssize_t i
        cdef int count
        cdef Slots* slots = self.slots
        # The kernel has overwritten the sizes of the slots it used.
        for i in range(self.used):
            slots.messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in)
            slots.messages[i].msg_hdr.msg_controllen = CONTROL_BYTES
        self.used = 0
        while True:
            count = recvmmsg(fd, slots.messages, BATCH, MSG_DONTWAIT, NULL)
            if count >= 0 or errno != EINTR:
                break
        if count < 0:
            if errno in (EBADF, ENOTSOCK, EFAULT, EOPNOTSUPP):
                PyErr_SetFromErrno(OSError)
            count = 0
        self.used = count
        for i in range(count):
            self.describe(i, now, wall)
        if count < BATCH:
            self.emptied = now
        return count

    cdef void describe(self, Py_ssize_t i, double now, double wall) noexcept:
        """Fill ``heard`` of slot *i*; counts what was dropped before it."""
        cdef msghdr* header = &self.slots.messages[i].msg_hdr
        cdef cmsghdr* part = CMSG_FIRSTHDR(header)
        cdef Heard* heard = &self.heard[i]
        cdef in_pktinfo here
        cdef timespec at
        cdef uint32_t dropped
        cdef double waited = 0.0
        memset(&here, 0, sizeof(here))
        while part != NULL:
            # memcpy, because the data of a control message need not be aligned.
            if part.cmsg_level == IPPROTO_IP and part.cmsg_type == IP_PKTINFO:
                memcpy(&here, CMSG_DATA(part), sizeof(here))
            elif part.cmsg_level == SOL_SOCKET and part.cmsg_type == SO_RXQ_OVFL:
                memcpy(&dropped, CMSG_DATA(part), sizeof(dropped))
                # The kernel's counter wraps at 32 bits; the difference does not mind.
                self.drops += <uint32_t>(dropped - self.last_count)
                self.last_count = dropped
            elif (
                part.cmsg_level == SOL_SOCKET
                and part.cmsg_type == SO_TIMESTAMPNS
                and part.cmsg_len == CMSG_LEN(sizeof(at))
            ):
                memcpy(&at, CMSG_DATA(part), sizeof(at))
                # A step of the wall clock must not age what came after the socket was
                # empty, nor make anything come from the future.
                waited = wall - <double>at.tv_sec - 1e-9 * <double>at.tv_nsec
                waited = max(0.0, min(waited, now - self.emptied))
            part = CMSG_NXTHDR(header, part)
        heard.data = <uint8_t*>self.slots.parts[i].iov_base
        heard.size = <int>self.slots.messages[i].msg_len
        heard.source = ntohl(self.slots.addresses[i].sin_addr.s_addr)
        heard.port = ntohs(self.slots.addresses[i].sin_port)
        heard.truncated = (header.msg_flags & MSG_TRUNC) != 0
        heard.local = ntohl(here.ipi_spec_dst.s_addr)
        heard.interface = here.ipi_ifindex
        heard.received = now - waited

    cdef tuple datagram(self, const Heard* heard):
        if heard.local != self.last_local:
            # Nearly always the same as the last: one text serves a whole wave.
            self.last_local_text = text_from_ipv4(heard.local)
            self.last_local = heard.local
        return (
            PyBytes_FromStringAndSize(<const char*>heard.data, heard.size),
            text_from_ipv4(heard.source),
            heard.port,
            self.last_local_text,
            heard.interface,
            heard.truncated,
            heard.received,
        )


def send(int fd, list datagrams not None):
    """Send *datagrams* in order and return (done, refused).

    Each is (data, address, port, our address, interface index): it leaves with our
    address as its source, through that interface; "0.0.0.0" and 0 leave the choice
    to the routing table.  *done* counts from the front what needs no further try;
    *refused* of those the kernel refused for their own sake (no route, port 0, too
    long, an ICMP error pending).  When *done* is less than their number the send
    buffer is full: try the rest once *fd* is writable.

    Raises OSError when *fd* is no socket, ValueError for an address that is not IPv4
    and OverflowError for a port out of range; what stands before it in other batches,
    of twice BATCH_DATAGRAMS at most, may have left by then.
    """
    cdef Slots slots
    cdef Py_ssize_t total = len(datagrams)
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t refused = 0
    cdef Py_ssize_t size, at
    while done < total:
        size = min(total - done, ANSWERS)
        for at in range(size):
            prepare(&slots, at, datagrams[done + at])
        if size < total - done and is_response(&slots.parts[size - 1]):
            size -= 1  # it leaves with the request that may follow it
        at = send_slots(fd, &slots, size, &refused)
        done += at
        if at < size:
            break
    return done, refused


cdef bint is_response(const iovec* part) noexcept:
    return part.iov_len >= 8 and memcmp(part.iov_base, b"SIP/2.0 ", 8) == 0


cdef Py_ssize_t send_slots(
    int fd, Slots* slots, Py_ssize_t size, Py_ssize_t* refused
) except -1:
    """How many of *size* messages need no further try; see send()."""
    cdef Py_ssize_t at = 0
    cdef int count
    while at < size:
        count = sendmmsg(
            fd, &slots.messages[at], <unsigned int>(size - at), MSG_DONTWAIT
        )
        if count >= 0:
            at += count
        elif errno == EINTR:
            continue
        elif errno in (EAGAIN, ENOBUFS, ENOMEM):
            break
        elif errno in (EBADF, ENOTSOCK, EFAULT, EOPNOTSUPP):
            PyErr_SetFromErrno(OSError)
        else:
            at += 1
            refused[0] += 1
    return at


cdef Py_ssize_t send_answers(
    int fd, Outgoing* answers, Py_ssize_t count, list unsent
) except -1:
    """Send *count* answers and add the rest to *unsent*; how many were refused."""
    cdef Slots slots
    cdef Py_ssize_t i
    cdef Py_ssize_t refused = 0
    cdef in_pktinfo here
    for i in range(count):
        slots.addresses[i].sin_addr.s_addr = htonl(answers[i].destination)
        here.ipi_spec_dst.s_addr = htonl(answers[i].local)
        here.ipi_ifindex = answers[i].interface
        fill(&slots, i, answers[i].data, answers[i].size, answers[i].port, &here)
    i = send_slots(fd, &slots, count, &refused)
    leave(answers, i, count, unsent)
    return refused


cdef int leave(
    Outgoing* answers, Py_ssize_t at, Py_ssize_t end, list unsent
) except -1:
    """Add answers[at:end] to *unsent*, as send() takes them."""
    while at < end:
        unsent.append((
            PyBytes_FromStringAndSize(<char*>answers[at].data, answers[at].size),
            text_from_ipv4(answers[at].destination),
            answers[at].port,
            text_from_ipv4(answers[at].local),
            answers[at].interface,
        ))
        at += 1
    return 0


cdef int prepare(Slots* slots, Py_ssize_t at, object datagram) except -1:
    # Keeps only pointers into the bytes, which the caller's list keeps alive.
    cdef bytes data
    cdef uint16_t port
    cdef int interface
    cdef in_pktinfo here
    data, host, port, local, interface = datagram
    if data is None:
        raise TypeError("data must be bytes")
    ipv4_from_text(host, &slots.addresses[at].sin_addr)
    ipv4_from_text(local, &here.ipi_spec_dst)
    here.ipi_ifindex = interface
    fill(slots, at, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), port, &here)
    return 0


cdef void fill(
    Slots* slots,
    Py_ssize_t at,
    void* data,
    Py_ssize_t size,
    uint16_t port,
    in_pktinfo* here,
) noexcept:
    """Make slot *at* ready to be sent to the address that it holds already."""
    cdef msghdr* header = &slots.messages[at].msg_hdr
    cdef sockaddr_in* address = &slots.addresses[at]
    cdef cmsghdr* part
    address.sin_family = AF_INET
    address.sin_port = htons(port)
    here.ipi_addr.s_addr = 0
    slots.parts[at].iov_base = data
    slots.parts[at].iov_len = <size_t>size
    header.msg_name = address
    header.msg_namelen = sizeof(sockaddr_in)
    header.msg_iov = &slots.parts[at]
    header.msg_iovlen = 1
    header.msg_control = slots.control[at]
    header.msg_controllen = BW_PKTINFO_SPACE
    header.msg_flags = 0
    part = CMSG_FIRSTHDR(header)
    part.cmsg_level = IPPROTO_IP
    part.cmsg_type = IP_PKTINFO
    part.cmsg_len = CMSG_LEN(sizeof(in_pktinfo))
    memcpy(CMSG_DATA(part), here, sizeof(in_pktinfo))
