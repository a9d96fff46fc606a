# What one compiled module reads in the memory of another.  A pointer to it crosses as
# a PyCapsule whose name is checked; whoever reads keeps the object alive that owns the
# memory.  Structures and inline functions only: no cdef class crosses a module.

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from siphash cimport bw_siphash, bw_siphash_key

cdef extern from *:
    """
    #include <stdint.h>

    #define BW_BLUEPRINT_CAPSULE "bootwave.native.xml.Blueprint"
    #define BW_COUNTERS_CAPSULE "bootwave.native.counters.Memory"
    #define BW_TABLE_CAPSULE "bootwave.native.cache.Table"

    static inline uint64_t bw_add(uint64_t *at, uint64_t by) {
        return __atomic_add_fetch(at, by, __ATOMIC_SEQ_CST);
    }
    static inline uint64_t bw_load(const uint64_t *at) {
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);
    }

    /* Which of *slots* places *key* belongs to: the upper half of a product by 2**32
       over the golden ratio spreads keys in sequence, and a second product scales it
       to any number of places. */
    static inline uint32_t bw_home(uint64_t key, uint32_t slots) {
        uint64_t mixed = key * UINT64_C(0x9E3779B97F4A7C15);
        return (uint32_t)(((mixed >> 32) * slots) >> 32);
    }
    """
    const char* BW_BLUEPRINT_CAPSULE
    const char* BW_COUNTERS_CAPSULE
    const char* BW_TABLE_CAPSULE
    uint64_t bw_add(uint64_t* at, uint64_t by) noexcept nogil
    uint64_t bw_load(const uint64_t* at) noexcept nogil
    uint32_t bw_home(uint64_t key, uint32_t slots) noexcept nogil


# Counters in shared memory (native.counters).

cdef struct CounterMemory:
    uint64_t* at
    Py_ssize_t count


cdef inline CounterMemory* memory_of(counters) except NULL:
    """Where *counters*, a native.counters.Counters, counts."""
    return <CounterMemory*>PyCapsule_GetPointer(counters.memory, BW_COUNTERS_CAPSULE)


cdef inline uint64_t* counter_in(
    const CounterMemory* memory, Py_ssize_t at
) except NULL:
    if not 0 <= at < memory.count:
        raise ValueError("there is no such counter")
    return memory.at + at


# Plans (native.xml), and what is packed to fill them.

# Four bytes of base 128: no slot of a settings document comes near 256 MiB.
cdef enum:
    MAX_SIZE_BYTES = 4

cdef struct Blueprint:
    # Piece i is baked[ends[i - 1]:ends[i]], the first from 0; a slot stands between
    # two pieces, so there are slots + 1 of them.
    const char* baked
    Py_ssize_t* ends
    Py_ssize_t slots


cdef inline Py_ssize_t read_size(
    const unsigned char* at, Py_ssize_t size, Py_ssize_t* value
) noexcept nogil:
    """Read the packed size at the start of at[0:size] into *value*.

    Returns how many bytes it takes, or 0 when it is cut off or not in shortest form.
    """
    cdef Py_ssize_t i, read = 0
    for i in range(MAX_SIZE_BYTES):
        if i >= size:
            return 0
        read |= <Py_ssize_t>(at[i] & 0x7f) << 7 * i
        if at[i] < 0x80:
            if i and not at[i]:
                return 0
            value[0] = read
            return i + 1
    return 0


cdef inline Py_ssize_t document_size(
    const Blueprint* plan, const unsigned char* at, Py_ssize_t size
) noexcept nogil:
    """Size of the document that at[0:size] fills, or -1 when they do not fit *plan*."""
    cdef Py_ssize_t _slot, used, value = 0, total = plan.ends[plan.slots]
    for _slot in range(plan.slots):
        used = read_size(at, size, &value)
        if not used or value > size - used:
            return -1
        at += used + value
        size -= used + value
        total += value
    return total if size == 0 else -1


cdef inline void assemble_into(
    const Blueprint* plan, const unsigned char* at, char* out
) noexcept nogil:
    """Write the document; *at* passed document_size and *out* holds what it said."""
    cdef Py_ssize_t i, start = 0, value = 0
    for i in range(plan.slots):
        memcpy(out, plan.baked + start, <size_t>(plan.ends[i] - start))
        out += plan.ends[i] - start
        start = plan.ends[i]
        at += read_size(at, MAX_SIZE_BYTES, &value)
        memcpy(out, at, <size_t>value)
        out += value
        at += value
    memcpy(out, plan.baked + start, <size_t>(plan.ends[plan.slots] - start))


# Cached documents (native.cache).

# What a window is pinned to (pairing.sources.source_key), in bytes that compare equal
# exactly when the texts do.
cdef enum:
    SOURCE_OTHER = 0  # a digest of a text of any other form
    SOURCE_IPV4 = 4
    SOURCE_IPV6 = 6  # with its zone
    SOURCE_SUBNET = 64  # the upper half of an IPv6 address

cdef struct Source:
    uint8_t kind
    uint8_t[3] zeros
    uint32_t zone
    uint8_t[16] address

cdef struct Document:
    # One allocation: the tag's bytes and then the packed ones follow this head.
    Document* next  # the next younger one of the same phone
    void* plan  # a Python object, owned; NULL when the packed bytes are the document
    const Blueprint* blueprint  # NULL also for a plan that is no native one
    uint64_t url  # hash of the base URL
    uint64_t variant  # variant_of the hashes of model and firmware
    uint32_t packed_size
    uint32_t content_size  # of the whole document; 0 without a blueprint
    uint8_t kind
    uint8_t tag_size

cdef struct Phone:
    uint64_t key  # the MAC
    Phone* newer
    Phone* older
    Phone* domain_next
    Phone* domain_before
    Document* documents  # the oldest first
    int64_t domain
    uint64_t stamp
    double until
    Source source
    uint64_t token  # token_hash of what a URL must hold; ANY_TOKEN, NO_TOKEN
    uint64_t size
    uint32_t boot
    uint8_t clear
    uint8_t count

cdef enum:
    # Of Phone.token; a token_hash is neither, for it is odd.
    ANY_TOKEN = 0  # none is asked for
    NO_TOKEN = 2  # there is none that is right

cdef struct Slot:
    uint64_t key
    Phone* phone  # NULL when free

cdef struct Table:
    Slot* slots
    uint32_t capacity
    uint32_t used
    Phone* newest
    Phone* oldest
    bw_siphash_key token_key


cdef inline Phone* find_phone(const Table* table, uint64_t key) noexcept nogil:
    """What is kept under *key*, or NULL."""
    cdef uint32_t at
    if not table.used:
        return NULL
    at = bw_home(key, table.capacity)
    while table.slots[at].phone is not NULL:
        if table.slots[at].key == key:
            return table.slots[at].phone
        at += 1
        if at == table.capacity:
            at = 0
    return NULL


cdef inline uint64_t token_hash(
    const Table* table, const uint8_t* at, size_t size
) noexcept nogil:
    """What is kept of the token at[0:size]: nobody without the key can find another."""
    cdef uint64_t high, low
    bw_siphash(&table.token_key, at, size, &high, &low)
    return high | 1


cdef inline bint has_token(
    const Table* table, const Phone* phone, const uint8_t* at, size_t size
) noexcept nogil:
    """Whether a URL with the token at[0:size], NULL without, may have the documents."""
    if phone.token == ANY_TOKEN:
        return True
    return at is not NULL and token_hash(table, at, size) == phone.token


cdef inline void use_phone(Table* table, Phone* phone) noexcept nogil:
    """Count *phone* as the one used last."""
    if phone is table.newest:
        return
    # It has a newer one, then.
    phone.newer.older = phone.older
    if phone.older is NULL:
        table.oldest = phone.newer
    else:
        phone.older.newer = phone.newer
    phone.older = table.newest
    phone.newer = NULL
    table.newest.newer = phone
    table.newest = phone


cdef inline uint64_t variant_of(uint64_t model, uint64_t firmware) noexcept nogil:
    """What tells the documents of a model's phones with some firmware from others.

    Of the hashes of both names; without a firmware it is that of the model.
    """
    return model ^ firmware * <uint64_t>0x9E3779B97F4A7C15


cdef inline Document* find_document(
    const Phone* phone, uint8_t kind, uint64_t url, uint64_t variant
) noexcept nogil:
    """The document of *phone* that these tell apart, or NULL."""
    cdef Document* found = phone.documents
    while found is not NULL:
        if found.url == url and found.variant == variant and found.kind == kind:
            return found
        found = found.next
    return NULL


cdef inline const unsigned char* tag_of(const Document* document) noexcept nogil:
    """Where the entity tag's bytes are."""
    return <const unsigned char*>document + sizeof(Document)


cdef inline const unsigned char* packed_of(const Document* document) noexcept nogil:
    """Where the packed bytes are."""
    return tag_of(document) + document.tag_size


cdef inline bint same_source(const Source* one, const Source* other) noexcept nogil:
    """Whether two requests came from where one window may be used from."""
    return memcmp(one, other, sizeof(Source)) == 0


cdef inline uint64_t shared_slot(
    uint8_t kind, uint64_t url, uint64_t variant
) noexcept nogil:
    """Under which key a document is kept that belongs to no phone."""
    cdef uint64_t mixed = (url ^ kind) * <uint64_t>0xff51afd7ed558ccd
    return (mixed ^ mixed >> 32 ^ variant) * <uint64_t>0xc4ceb9fe1a85ec53
