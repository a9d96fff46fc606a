# What is remembered of texts that many phones send: what Python made of them.  Of a
# User-Agent that is without the MACs in it, which are looked for each time.

from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from httprequest cimport MAX_AGENT, Request, next_mac
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    MEMOS = 512
    MAX_MEMOS = 384

cdef struct Memo:
    uint64_t model  # hash of the model's name
    PyObject* name  # of the model; owned
    PyObject* detail  # owned; NULL when the place is free
    uint32_t hash
    uint16_t size
    int16_t end  # where the text's description of a phone ends, -1 without one
    bint usable
    uint8_t[MAX_AGENT] key


cdef inline uint32_t hash_of(const uint8_t* at, Py_ssize_t size) noexcept nogil:
    cdef uint64_t mixed = <uint64_t>size, word
    while size > 0:
        word = 0
        memcpy(&word, at, <size_t>(8 if size > 8 else size))
        mixed = (mixed ^ word) * <uint64_t>0x9E3779B97F4A7C15
        mixed ^= mixed >> 32
        at += 8
        size -= 8
    return <uint32_t>mixed


cdef inline Memo* memo_at(
    Memo* memos, const uint8_t* key, Py_ssize_t size
) noexcept nogil:
    """The place of *key*: what is remembered of it, or a free one."""
    cdef uint32_t hash = hash_of(key, size)
    cdef uint32_t at = hash % MEMOS
    while memos[at].detail is not NULL:
        if (
            memos[at].hash == hash
            and memos[at].size == size
            and memcmp(memos[at].key, key, <size_t>size) == 0
        ):
            break
        at = (at + 1) % MEMOS
    return &memos[at]


cdef inline int fill_memo(
    Memo* memo, const uint8_t* key, Py_ssize_t size, str model, str detail
) except -1:
    memo.model = <uint64_t>hash(model)
    memcpy(memo.key, key, <size_t>size)
    memo.size = <uint16_t>size
    memo.hash = hash_of(key, size)
    memo.end = -1
    memo.usable = True
    Py_INCREF(model)
    memo.name = <PyObject*>model
    Py_INCREF(detail)
    memo.detail = <PyObject*>detail
    return 0


cdef inline void forget_memos(Memo* memos) noexcept:
    cdef int i
    for i in range(MEMOS):
        if memos[i].detail is not NULL:
            Py_DECREF(<object>memos[i].name)
            Py_DECREF(<object>memos[i].detail)
            memos[i].detail = NULL


cdef inline Py_ssize_t agent_key(
    const Request* request, uint8_t* key, Py_ssize_t* first
) noexcept nogil:
    """Write the User-Agent without its words of twelve hex digits; the size.

    *first* is where the first of those is, and stays as it is without one.
    """
    cdef Py_ssize_t size = 0, start = 0, found
    cdef int64_t mac
    while start < request.agent_size:
        found = next_mac(request.agent, request.agent_size, start, &mac)
        if found < 0:
            break
        if first[0] < 0:
            first[0] = found
        memcpy(key + size, request.agent + start, <size_t>(found - start))
        size += found - start
        key[size] = 1  # stands in no field
        size += 1
        start = found + 12
    if start < request.agent_size:
        memcpy(key + size, request.agent + start, <size_t>(request.agent_size - start))
        size += request.agent_size - start
    return size


cdef inline uint64_t agent_mac(
    const Request* request, Py_ssize_t start, const uint32_t* vendors, int count
) noexcept nogil:
    """The MAC that the User-Agent names from *start* on (phone.useragent), or 0.

    The last one, of those of *vendors* if there are any; 0 for a negative *start*.
    """
    cdef int64_t mac = 0
    cdef uint64_t last = 0, own = 0
    cdef int i
    if start < 0:
        return 0
    while True:
        start = next_mac(request.agent, request.agent_size, start, &mac)
        if start < 0:
            return own or last
        start += 12
        if not mac or mac >> 40 & 1:
            continue
        last = <uint64_t>mac
        for i in range(count):
            if mac >> 24 == vendors[i]:
                own = last
