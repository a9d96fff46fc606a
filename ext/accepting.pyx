"""One connection from a listener, and what it brought, for those that serve it alone.

The lane (http.pyx) takes its own; this is for connections that have to shake hands
first (server.tls.acceptor).
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from httpends cimport text_of
from httpsockets cimport (
    bw_accept,
    bw_end,
    bw_end_of,
    bw_own_end,
    close,
    recv,
    sockaddr_storage,
)
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint8_t

cdef enum:
    IN_BYTES = 8192


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
