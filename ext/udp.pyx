"""Batches of UDP datagrams over IPv4: recvmmsg(2), sendmmsg(2), IP_PKTINFO of ip(7).

A datagram is received together with the address of ours that an answer to it must
come from (``ipi_spec_dst``: for multicast, the receiving interface's own one) and the
index of that interface; an answer names both again.  The sockets must not block and
must have IP_PKTINFO on.  The GIL is kept: no call waits, and giving it up would let
another thread keep it for longer than a batch takes.

``Receiver.serve`` lets a lane answer what it can without Python objects (lane.pxd) and
returns the rest as ``receive`` does.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.exc cimport PyErr_SetFromErrno
from cpython.mem cimport PyMem_Calloc, PyMem_Free
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
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset, strlen

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
    enum: AF_INET, MSG_DONTWAIT, MSG_TRUNC, SOL_SOCKET, SO_RXQ_OVFL

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
    /* Room for one in_pktinfo and one drop count; a multiple of the alignment of
       cmsghdr, so that every row of an array begins aligned. */
    #define BW_CONTROL_BYTES 64
    _Static_assert(
        CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint32_t))
            <= BW_CONTROL_BYTES && BW_CONTROL_BYTES % sizeof(size_t) == 0,
        "ancillary data must fit");
    #define BW_PKTINFO_SPACE CMSG_SPACE(sizeof(struct in_pktinfo))
    """
    size_t BW_PKTINFO_SPACE
    const char* PyUnicode_AsUTF8(object text) except NULL

cdef enum:
    BATCH = 64
    CONTROL_BYTES = 64

BATCH_DATAGRAMS = BATCH

cdef struct Slots:
    mmsghdr messages[BATCH]
    iovec parts[BATCH]
    sockaddr_in addresses[BATCH]
    unsigned char control[BATCH][CONTROL_BYTES]


cdef struct Answers:  # what a lane makes of one batch
    Outgoing responses[BATCH]
    Outgoing requests[BATCH]
    uint8_t bytes[2 * BATCH][ANSWER_BYTES]


cdef object text_from_ipv4(const in_addr* address):
    cdef char text[INET_ADDRSTRLEN]
    inet_ntop(AF_INET, address, text, INET_ADDRSTRLEN)
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
    that a second reader of an inherited socket does not count them again.  Raises
    ValueError when *datagram_bytes* is not 1 to 65535.
    """

    cdef Slots* slots
    cdef unsigned char* buffers
    cdef Py_ssize_t datagram_bytes
    cdef Py_ssize_t used
    cdef uint32_t last_count
    cdef in_addr last_local
    cdef object last_local_text
    cdef Answers* answers  # NULL before serve() is called
    cdef readonly uint64_t drops

    def __cinit__(self, Py_ssize_t datagram_bytes, *, uint32_t drops=0):
        cdef Py_ssize_t i
        if not 1 <= datagram_bytes <= 65535:
            raise ValueError("datagram_bytes must be 1 to 65535")
        self.datagram_bytes = datagram_bytes
        self.last_count = drops
        self.last_local_text = "0.0.0.0"
        self.used = BATCH
        self.slots = <Slots*>PyMem_Calloc(1, sizeof(Slots))
        self.buffers = <unsigned char*>PyMem_Calloc(BATCH, <size_t>datagram_bytes)
        if self.slots == NULL or self.buffers == NULL:
            raise MemoryError
        for i in range(BATCH):
            self.slots.parts[i].iov_base = self.buffers + i * datagram_bytes
            self.slots.parts[i].iov_len = <size_t>datagram_bytes
            self.slots.messages[i].msg_hdr.msg_iov = &self.slots.parts[i]
            self.slots.messages[i].msg_hdr.msg_iovlen = 1
            self.slots.messages[i].msg_hdr.msg_name = &self.slots.addresses[i]
            self.slots.messages[i].msg_hdr.msg_control = self.slots.control[i]

    def __dealloc__(self):
        PyMem_Free(self.slots)
        PyMem_Free(self.buffers)
        PyMem_Free(self.answers)

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
        for i in range(self.take(fd)):
            received.append(self.datagram(i))
        return received

    def serve(
        self,
        int fd,
        int requests_fd,
        lane not None,
        double now,
        double wall,
        *,
        bint waits=False,
    ):
        """Receive a batch at *fd*, let *lane* answer, and send what it answered.

        Responses leave from *fd*, requests from *requests_fd*; *waits* says that others
        wait for room in a send buffer: then nothing is sent.  *now* is monotonic,
        *wall* since the epoch.  Returns what the lane declined, as receive() does, and
        the numbers of datagrams received, of responses and of requests that the lane
        made and of those that the kernel refused; and as lists for send() the
        responses and the requests that are still to be sent.  Raises as receive() and
        send() do.
        """
        cdef Py_ssize_t i, count
        cdef Answers* answers = self.answers
        cdef DatagramLane* answerer = <DatagramLane*>PyCapsule_GetPointer(
            lane._lane, "bootwave.native.pnp._lane"
        )
        cdef Heard heard
        cdef in_pktinfo here
        cdef Py_ssize_t responses = 0
        cdef Py_ssize_t requests = 0
        cdef Py_ssize_t refused = 0
        cdef Outgoing* response
        cdef Outgoing* request
        cdef list declined = []
        cdef list unsent_responses = []
        cdef list unsent_requests = []
        if answers == NULL:
            answers = <Answers*>PyMem_Calloc(1, sizeof(Answers))
            if answers == NULL:
                raise MemoryError
            self.answers = answers
        count = self.take(fd)
        for i in range(count):
            response = &answers.responses[responses]
            request = &answers.requests[requests]
            response.data = answers.bytes[responses]
            request.data = answers.bytes[BATCH + requests]
            if not self.slots.messages[i].msg_hdr.msg_flags & MSG_TRUNC:
                self.read_ancillary(i, &here)
                heard.data = <uint8_t*>self.slots.parts[i].iov_base
                heard.size = <int>self.slots.messages[i].msg_len
                heard.source = ntohl(self.slots.addresses[i].sin_addr.s_addr)
                heard.port = ntohs(self.slots.addresses[i].sin_port)
                heard.local = ntohl(here.ipi_spec_dst.s_addr)
                heard.interface = here.ipi_ifindex
                if answerer.answer(
                    answerer.state, &heard, now, wall, response, request
                ):
                    responses += response.size > 0
                    requests += request.size > 0
                    continue
            declined.append(self.datagram(i))
        if waits:
            leave(answers.responses, 0, responses, unsent_responses)
            leave(answers.requests, 0, requests, unsent_requests)
        else:
            refused = send_answers(fd, answers.responses, responses, unsent_responses)
            refused += send_answers(
                requests_fd, answers.requests, requests, unsent_requests
            )
        return (
            declined,
            count,
            responses,
            requests,
            refused,
            unsent_responses,
            unsent_requests,
        )

    cdef Py_ssize_t take(self, int fd) except -1:
        """Receive a batch into the slots and return its size."""
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
            return 0
        self.used = count
        return count

    cdef void read_ancillary(self, Py_ssize_t i, in_pktinfo* here) noexcept:
        """Where datagram *i* was heard; counts what was dropped before it."""
        cdef msghdr* header = &self.slots.messages[i].msg_hdr
        cdef cmsghdr* part = CMSG_FIRSTHDR(header)
        cdef uint32_t dropped
        memset(here, 0, sizeof(in_pktinfo))
        while part != NULL:
            # memcpy, because the data of a control message need not be aligned.
            if part.cmsg_level == IPPROTO_IP and part.cmsg_type == IP_PKTINFO:
                memcpy(here, CMSG_DATA(part), sizeof(in_pktinfo))
            elif part.cmsg_level == SOL_SOCKET and part.cmsg_type == SO_RXQ_OVFL:
                memcpy(&dropped, CMSG_DATA(part), sizeof(dropped))
                # The kernel's counter wraps at 32 bits; the difference does not mind.
                self.drops += <uint32_t>(dropped - self.last_count)
                self.last_count = dropped
            part = CMSG_NXTHDR(header, part)

    cdef tuple datagram(self, Py_ssize_t i):
        cdef in_pktinfo here
        self.read_ancillary(i, &here)
        if here.ipi_spec_dst.s_addr != self.last_local.s_addr:
            # Nearly always the same as the last: one text serves a whole wave.
            self.last_local_text = text_from_ipv4(&here.ipi_spec_dst)
            self.last_local = here.ipi_spec_dst
        return (
            PyBytes_FromStringAndSize(
                <char*>self.slots.parts[i].iov_base,
                <Py_ssize_t>self.slots.messages[i].msg_len,
            ),
            text_from_ipv4(&self.slots.addresses[i].sin_addr),
            ntohs(self.slots.addresses[i].sin_port),
            self.last_local_text,
            here.ipi_ifindex,
            (self.slots.messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0,
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
    and OverflowError for a port out of range; what stands before it in other batches
    of BATCH_DATAGRAMS may have left by then.
    """
    cdef Slots slots
    cdef Py_ssize_t total = len(datagrams)
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t refused = 0
    cdef Py_ssize_t size, at
    while done < total:
        size = min(total - done, BATCH)
        for at in range(size):
            prepare(&slots, at, datagrams[done + at])
        at = send_slots(fd, &slots, size, &refused)
        done += at
        if at < size:
            break
    return done, refused


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
    cdef in_addr host, local
    while at < end:
        host.s_addr = htonl(answers[at].destination)
        local.s_addr = htonl(answers[at].local)
        unsent.append((
            PyBytes_FromStringAndSize(<char*>answers[at].data, answers[at].size),
            text_from_ipv4(&host),
            answers[at].port,
            text_from_ipv4(&local),
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
