# The ends of a connection: as Python writes them, and what a window is pinned to.

from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from httpconnections cimport Caller
from httpsockets cimport (
    AF_INET,
    AF_INET6,
    INET6_ADDRSTRLEN,
    bw_end,
    bw_is_on_link,
    inet_ntop,
    inet_pton,
)
from libc.stdint cimport uint32_t
from libc.stdlib cimport strtoul
from libc.string cimport memchr, memcpy, memset, strlen
from tables cimport SOURCE_IPV4, SOURCE_IPV6, SOURCE_SUBNET, Source


cdef inline void source_of(const bw_end* peer, Source* source) noexcept nogil:
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


cdef inline object text_of(const bw_end* end, bint with_zone):
    cdef char text[INET6_ADDRSTRLEN]
    cdef object host
    inet_ntop(
        AF_INET if end.family == 4 else AF_INET6, end.address, text, INET6_ADDRSTRLEN
    )
    host = PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)
    return f"{host}%{end.zone}" if with_zone and end.zone else host


cdef inline bint end_of_text(str text, bw_end* end) except -1:
    """Read an address as ``text_of`` writes one, without port; False for none."""
    cdef char host[INET6_ADDRSTRLEN]
    cdef Py_ssize_t size = 0, length
    cdef const char* at = PyUnicode_AsUTF8AndSize(text, &size)
    cdef const char* zone = <const char*>memchr(at, c"%", <size_t>size)
    length = zone - at if zone is not NULL else size
    if length >= INET6_ADDRSTRLEN:
        return False
    memset(end, 0, sizeof(bw_end))
    memcpy(host, at, <size_t>length)
    host[length] = 0
    if inet_pton(AF_INET, host, end.address) == 1:
        end.family = 4
    elif inet_pton(AF_INET6, host, end.address) == 1:
        end.family = 6
        if zone is not NULL:
            end.zone = <uint32_t>strtoul(zone + 1, NULL, 10)
    return end.family != 0


cdef inline object ends_of(const Caller* caller):
    """The ends that a load balancer named, or None without one."""
    if not caller.reached.family:
        return None
    return text_of(&caller.peer, True), (
        text_of(&caller.reached, False),
        caller.reached.port,
    )
