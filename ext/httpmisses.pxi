# Requests that wait for their answer, each on a connection that is not watched
# meanwhile.  Included by http.pyx, for a cdef class is of one module.

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.ref cimport PyObject
from httpasked cimport Answer, is_own
from httpconnections cimport (
    WAITING,
    Caller,
    Connection,
    Connections,
    forget,
    is_kept,
    leave_list,
    take_in,
    unwatch,
    wait_for,
)
from httpends cimport ends_of, text_of
from httprequest cimport TOKEN_BYTES, Request
from httpsockets cimport bw_end, bw_has_unread, recv
from libc.stdint cimport uint8_t, uint16_t, uint64_t
from libc.string cimport memset
from tables cimport variant_of


@cython.final
@cython.auto_pickle(False)
@cython.no_gc
cdef class Miss:
    """A request that a lane holds until it is told the answer; made by the lane.

    *mac* is whose document it is, or in a general one the MAC that the phone mentions
    (0 for none).  *model* is what the phone says it is, as far as the document depends
    on it, *agent_model* what its User-Agent alone says, *firmware* what that says of
    it, *detail* both together.
    *if_none_match* is one strong entity tag, or None, *token* that in the URL, or None.
    """

    cdef readonly uint64_t mac
    cdef readonly int kind
    cdef readonly str base_url, model, firmware, agent_model, detail, source
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


cdef bytes bytes_or_none(const uint8_t* at, Py_ssize_t size):
    return None if at is NULL else PyBytes_FromStringAndSize(<const char*>at, size)


cdef Miss new_miss(
    bytes data,
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
    miss.firmware = <str>answer.version
    miss.agent_model = <str>answer.agent_name
    miss.detail = <str>answer.detail
    miss.source = text_of(peer, True)
    miss.if_none_match = bytes_or_none(request.tag, request.tag_size)
    miss.token = bytes_or_none(request.token, TOKEN_BYTES)
    miss.head = request.head
    miss.is_1_0 = request.is_1_0
    miss.keep_alive = request.keep_alive
    miss.data = data
    return miss


cdef int asked_by(Miss miss, Request* request, Answer* answer) except -1:
    """Make of *miss*, which must outlive the two, what was made of its request."""
    memset(request, 0, sizeof(Request))
    request.head = miss.head
    request.is_1_0 = miss.is_1_0
    request.keep_alive = miss.keep_alive
    if miss.if_none_match is not None:
        request.tag = <const uint8_t*>PyBytes_AS_STRING(miss.if_none_match)
        request.tag_size = <uint16_t>PyBytes_GET_SIZE(miss.if_none_match)
    answer.mac = miss.mac
    answer.variant = variant_of(
        <uint64_t>hash(miss.model), <uint64_t>hash(miss.firmware)
    )
    answer.kind = <uint8_t>miss.kind
    answer.own = is_own(miss.kind)
    answer.detail = <PyObject*>miss.detail
    answer.token = NULL
    if miss.token is not None:
        answer.token = <const uint8_t*>PyBytes_AS_STRING(miss.token)
    return 0


cdef bint must_linger(Miss miss) noexcept:
    """Whether to close behind the answer would lose it.

    The kernel resets a socket that is closed with something unread.  Who waited
    had time to send more, if only the line end too many of old clients.
    """
    return not miss.keep_alive and bw_has_unread(miss.fd)


cdef bint begin_waiting(Connections* kept, int fd, const Caller* caller) noexcept:
    """Keep *fd* until its answer is known; False, and it is closed, on failure."""
    if not is_kept(kept, fd):
        if not take_in(kept, fd, caller):
            return False
        kept.at[fd].fresh = True
    else:
        leave_list(kept, fd)
        unwatch(kept, fd)
    kept.at[fd].state = WAITING
    wait_for(kept, fd, kept.answer_seconds)
    return True


cdef int end_waiting(Connections* kept, dict waiting, Miss miss) except -1:
    """Let *miss* wait no more.  One that was not kept before is not kept again."""
    cdef int fd = miss.fd
    miss.fd = -1
    del waiting[fd]
    if kept.at[fd].fresh:
        forget(kept, fd)
    return 0


cdef tuple release_waiting(
    Connections* kept, dict waiting, Miss miss, uint8_t* inbound, size_t room
):
    """Return *miss* as the lane hands it over; what came meanwhile is read, too.

    That goes through inbound[0:room].
    """
    cdef int fd = miss.fd
    cdef Connection own = kept.at[fd]  # a copy
    cdef ssize_t more = recv(fd, inbound, room, 0)
    cdef bytes data = miss.data
    if more > 0:
        data += PyBytes_FromStringAndSize(<const char*>inbound, more)
    end_waiting(kept, waiting, miss)
    if not own.fresh:
        forget(kept, fd)
    kept.held += 1
    return (
        fd,
        data,
        not (own.fresh or own.unasked),
        own.proven != 0,
        ends_of(&own.caller),
    )
