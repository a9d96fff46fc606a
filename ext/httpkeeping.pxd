# How an answer leaves, and what becomes of its connection then: closed, kept for the
# next request, or kept until the kernel takes the rest.

from httpconnections cimport (
    IDLE,
    NOBODY,
    SENDING,
    Caller,
    Connection,
    Connections,
    drop,
    enter_list,
    is_kept,
    keep,
    wait_for,
    watch,
)
from httpends cimport text_of
from httpsockets cimport (
    EPOLLIN,
    EPOLLOUT,
    MSG_MORE,
    MSG_NOSIGNAL,
    bw_no_delay,
    bw_reset_on_close,
    close,
    send,
)
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy


cdef inline bint has_room(const Connections* all, bint proven) noexcept nogil:
    cdef int total = all.held + all.count
    return total < (all.capacity if proven else all.crowded)


cdef inline void end(Connections* all, int fd, bint known) noexcept nogil:
    if known:
        drop(all, fd)
    else:
        close(fd)


cdef inline object close_first(Connections* all, int list):
    """Close the one longest in *list*; its address, or None when there is none."""
    cdef int fd = all.oldest[list]
    if fd == NOBODY:
        return None
    address = text_of(&all.at[fd].caller.peer, True)
    drop(all, fd)
    return address


cdef inline void idle(Connections* all, int fd, bint proven) noexcept nogil:
    """Wait for the next request on *fd*."""
    if not all.at[fd].watched and not watch(all, fd, EPOLLIN):
        drop(all, fd)
        return
    all.at[fd].state = IDLE
    enter_list(all, fd, proven)
    wait_for(all, fd, all.idle_seconds)


cdef inline void expect(Connections* all, int fd) noexcept nogil:
    """Wait for the first request on *fd*, which has just begun to be kept."""
    all.at[fd].unasked = True
    enter_list(all, fd, False)
    wait_for(all, fd, all.head_seconds)


cdef inline void begin_sending(
    Connections* all, int fd, const char* at, Py_ssize_t size, bint proven
) noexcept nogil:
    """Keep at[0:size], which the kernel has not taken, until it takes more."""
    cdef Connection* own = &all.at[fd]
    own.outbound = <char*>malloc(<size_t>size)
    if own.outbound is NULL or not watch(all, fd, EPOLLOUT):
        bw_reset_on_close(fd)
        drop(all, fd)
        return
    memcpy(own.outbound, at, <size_t>size)
    own.size = <uint32_t>size
    own.sent = 0
    own.state = SENDING
    enter_list(all, fd, proven)
    wait_for(all, fd, all.stall_seconds)


cdef inline void send_on(Connections* all, int fd) noexcept nogil:
    """Send more of what is kept, as the kernel takes more."""
    cdef Connection* own = &all.at[fd]
    cdef ssize_t sent = send(
        fd, own.outbound + own.sent, own.size - own.sent, MSG_NOSIGNAL
    )
    if sent < 0:
        if errno != EAGAIN and errno != EINTR:
            drop(all, fd)
        return
    own.sent += <uint32_t>sent
    if own.sent < own.size:
        if sent:
            wait_for(all, fd, all.stall_seconds)
        return
    free(own.outbound)
    own.outbound = NULL
    if not own.keep_alive or all.finishing or not watch(all, fd, EPOLLIN):
        drop(all, fd)
        return
    idle(all, fd, own.proven)


cdef inline ssize_t send_first(
    int fd, const char* at, Py_ssize_t size, bint keep_alive
) noexcept nogil:
    """Send what the kernel takes of at[0:size]; how much, or -1 for what errno says.

    The end of an answer waits for the close that follows, so that the two leave in one
    segment: a packet less for the kernels at both ends.  What arrives in between,
    behind a request to close, would have the kernel reset instead.
    """
    return send(
        fd,
        at,
        <size_t>size,
        MSG_NOSIGNAL if keep_alive else MSG_NOSIGNAL | MSG_MORE,
    )


cdef inline bint go_on(
    Connections* all,
    int fd,
    const char* at,
    Py_ssize_t size,
    ssize_t sent,
    int error,
    bint keep_alive,
    bint proven,
    const Caller* caller,
) noexcept nogil:
    """Close *fd* or keep it after send_first of at[0:size] returned *sent*.

    False when it would be kept and there is no room: it is the caller's then.
    """
    cdef bint known = is_kept(all, fd)
    if keep_alive and (not known or all.at[fd].unasked):
        # Nagle would hold the end of an answer until the peer, which may delay
        # its acknowledgement by 40 ms, has seen the rest.  A close flushes.
        bw_no_delay(fd)
    if known:
        all.at[fd].unasked = False
    if sent < 0:
        if error != EAGAIN and error != EINTR:
            end(all, fd, known)
            return True
        sent = 0
    if sent == size:
        if not keep_alive:
            end(all, fd, known)
        elif not known and not has_room(all, proven):
            return False
        elif known or keep(all, fd, caller):
            idle(all, fd, proven)
        return True
    if known or keep(all, fd, caller):
        all.at[fd].keep_alive = keep_alive
        begin_sending(all, fd, at + sent, size - sent, proven)
    return True
