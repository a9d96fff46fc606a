# What is remembered of texts that many phones send: what Python made of them.  Of a
# User-Agent that is without the MACs in it, which are looked for each time.

from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeASCII
from httprequest cimport MAX_AGENT, Request, next_mac
from libc.stdint cimport int16_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

cdef enum:
    MEMOS = 512
    MAX_MEMOS = 384
    MAX_VENDORS = 8

cdef struct Memo:
    uint64_t model  # hash of the model's name
    uint64_t firmware  # hash of the firmware's name
    PyObject* name  # of the model; owned
    PyObject* version  # the firmware's name, owned
    PyObject* detail  # owned; NULL when the place is free
    uint32_t hash
    uint16_t size
    int16_t end  # where the text's description of a phone ends, -1 without one
    bint usable
    uint8_t[MAX_AGENT] key

cdef struct Memory:
    Memo* agents
    int agent_count
    Memo* types
    int type_count
    uint64_t no_model  # hash of the empty name
    PyObject* no_name  # that name, owned
    uint32_t[MAX_VENDORS] vendors  # preferred when a text names several MACs
    int vendor_count


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
    Memo* memo, const uint8_t* key, Py_ssize_t size, str model, str firmware, str detail
) except -1:
    memo.model = <uint64_t>hash(model)
    memo.firmware = <uint64_t>hash(firmware)
    memcpy(memo.key, key, <size_t>size)
    memo.size = <uint16_t>size
    memo.hash = hash_of(key, size)
    memo.end = -1
    memo.usable = True
    Py_INCREF(model)
    memo.name = <PyObject*>model
    Py_INCREF(firmware)
    memo.version = <PyObject*>firmware
    Py_INCREF(detail)
    memo.detail = <PyObject*>detail
    return 0


cdef inline void forget_memos(Memo* memos) noexcept:
    cdef int i
    for i in range(MEMOS):
        if memos[i].detail is not NULL:
            Py_DECREF(<object>memos[i].name)
            Py_DECREF(<object>memos[i].version)
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


cdef inline int start_memory(Memory* memory, tuple vendors) except -1:
    """Make room; end_memory gives it back, also after a failure and for one zeroed."""
    cdef str none = ""
    cdef int i
    if len(vendors) > MAX_VENDORS:
        raise ValueError("those are too many vendors")
    memory.vendor_count = <int>len(vendors)
    for i in range(memory.vendor_count):
        memory.vendors[i] = vendors[i]
    memory.no_model = <uint64_t>hash(none)
    Py_INCREF(none)
    memory.no_name = <PyObject*>none
    memory.agents = <Memo*>calloc(MEMOS, sizeof(Memo))
    memory.types = <Memo*>calloc(MEMOS, sizeof(Memo))
    if memory.agents is NULL or memory.types is NULL:
        raise MemoryError
    return 0


cdef inline void end_memory(Memory* memory) noexcept:
    if memory.agents is not NULL:
        forget_memos(memory.agents)
    if memory.types is not NULL:
        forget_memos(memory.types)
    free(memory.agents)
    free(memory.types)
    if memory.no_name is not NULL:
        Py_DECREF(<object>memory.no_name)
        memory.no_name = NULL


cdef inline Memo* agent_of(
    Memory* memory, const Request* request, describe
) except NULL:
    """What is known of the User-Agent, its words of twelve hex digits left out."""
    cdef uint8_t key[MAX_AGENT]
    cdef Py_ssize_t first = -1
    cdef Py_ssize_t size = agent_key(request, key, &first)
    cdef Memo* memo = memo_at(memory.agents, key, size)
    if memo.detail is not NULL:
        return memo
    text = PyUnicode_DecodeASCII(
        <const char*>request.agent, request.agent_size, NULL
    ) if request.agent is not NULL else ""
    model, firmware, detail, end, deciding = describe(text)
    if memory.agent_count == MAX_MEMOS:
        forget_memos(memory.agents)
        memory.agent_count = 0
        memo = memo_at(memory.agents, key, size)
    fill_memo(memo, key, size, model, firmware, detail)
    memo.end = end
    # Where a MAC decided, too, what was learnt is of this one phone.
    memo.usable = first < 0 or deciding <= first
    memory.agent_count += 1
    return memo


cdef inline Memo* type_of(
    Memory* memory, const Request* request, model_of
) except NULL:
    """What is known of the phone type in the URL."""
    cdef Memo* memo = memo_at(memory.types, request.type, request.type_size)
    if memo.detail is not NULL:
        return memo
    text = PyUnicode_DecodeASCII(<const char*>request.type, request.type_size, NULL)
    model = model_of(text)
    if memory.type_count == MAX_MEMOS:
        forget_memos(memory.types)
        memory.type_count = 0
        memo = memo_at(memory.types, request.type, request.type_size)
    fill_memo(memo, request.type, request.type_size, model, "", "")
    memory.type_count += 1
    return memo
