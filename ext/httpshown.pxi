# What the lane reads in a request, shown to those that hold it against what others read
# there.  Included by http.pyx, so that they see what was compiled for the lane.

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from httpconnections cimport Caller
from httpends cimport ends_of
from httprequest cimport TOKEN_BYTES, Request, recognised
from libc.stdint cimport uint8_t
from proxyprotocol cimport proxied


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
