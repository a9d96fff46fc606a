"""Documents kept ready outside the Python heap, by MAC, bounded in bytes.

A phone has one entry: the terms under which its documents may leave, and of each
document the bytes that fill its plan and a reference to the plan.  Entries stand in an
open-addressing table, in a list by last use, and in a list of their domain; every
operation but ``drop_domain`` and ``clear``, which cost what they drop, takes constant
time.  ``table`` lets another compiled module look up and assemble without a Python
object.

Base URLs and models are told apart by Python's hash of them: 64 bits with a key of
this process.
"""

cimport cython
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from siphash cimport bw_siphash_start
from tables cimport (
    ANY_TOKEN,
    BW_BLUEPRINT_CAPSULE,
    BW_TABLE_CAPSULE,
    NO_TOKEN,
    SOURCE_IPV4,
    SOURCE_IPV6,
    SOURCE_OTHER,
    SOURCE_SUBNET,
    Blueprint,
    Document,
    Phone,
    Slot,
    Source,
    Table,
    assemble_into,
    bw_home,
    document_size,
    find_document,
    find_phone,
    has_token,
    packed_of,
    same_source,
    shared_slot,
    tag_of,
    token_hash,
    use_phone,
    variant_of,
)

from hashlib import blake2b
from os import urandom

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int family, const char* text, void* address)
    enum: AF_INET, AF_INET6

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8(object text) except NULL

cdef enum:
    FIRST_SLOTS = 64
    MAX_SLOTS = 1 << 30
    # What a phone takes of the table: 16 bytes at a load from 0.53 to 0.8.
    TABLE_BYTES = 24
    MAX_TAG_BYTES = 255

SOURCE_BYTES = sizeof(Source)
PHONE_BYTES = sizeof(Phone)
DOCUMENT_BYTES = sizeof(Document)


cdef inline uint64_t text_hash(str text) except? 0:
    return <uint64_t>hash(text)


cdef inline uint32_t chunk(size_t size) noexcept nogil:
    """What malloc takes for *size* bytes: glibc's header and rounding."""
    return <uint32_t>((size + 8 + 15) & ~<size_t>15)


def source_bytes(str text not None):
    """Return the source key *text* (pairing.sources) as SOURCE_BYTES bytes.

    Two are equal exactly when their keys are: an IPv4 address, an IPv6 one with its
    zone, an IPv6 /64, or a digest of whatever else it is.
    """
    cdef Source source
    fill_source(text, &source)
    return PyBytes_FromStringAndSize(<const char*>&source, sizeof(source))


cdef int fill_source(str text, Source* source) except -1:
    cdef bytes digest
    memset(source, 0, sizeof(Source))
    if "\0" not in text and is_address(text, source):  # C would read it cut off
        return 0
    memset(source, 0, sizeof(Source))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    source.kind = SOURCE_OTHER
    memcpy(source.address, PyBytes_AS_STRING(digest), 16)
    return 0


cdef bint is_address(str text, Source* source) except -1:
    cdef object host, mark, tail
    if not text.isascii():
        return False
    if inet_pton(AF_INET, PyUnicode_AsUTF8(text), source.address) == 1:
        source.kind = SOURCE_IPV4
        return True
    host, mark, tail = text.partition("/")
    if mark:
        source.kind = SOURCE_SUBNET
        return (
            tail == "64" and is_ipv6(host, source) and lower_half_is_zero(source)
        )
    host, mark, tail = text.partition("%")
    if not is_ipv6(host, source):
        return False
    source.kind = SOURCE_IPV6
    if not mark:
        return True
    if not tail.isdigit() or tail[0] == "0" or len(tail) > 10 or int(tail) >> 32:
        return False
    source.zone = <uint32_t>int(tail)
    return True


cdef bint lower_half_is_zero(const Source* source) noexcept nogil:
    cdef int i
    for i in range(8, 16):
        if source.address[i]:
            return False
    return True


cdef bint is_ipv6(str text, Source* source) except -1:
    # An IPv4-mapped address is an IPv4 source, and is written as one.
    return (
        inet_pton(AF_INET6, PyUnicode_AsUTF8(text), source.address) == 1
        and not text.lower().startswith("::ffff:")
    )


def shared_key(
    int kind, str base_url not None, str model not None, str firmware not None
):
    """Return under which key a document is kept that belongs to no phone."""
    return shared_slot(
        <uint8_t>kind,
        text_hash(base_url),
        variant_of(text_hash(model), text_hash(firmware)),
    )


cdef void free_document(Document* document) noexcept:
    cdef void* plan = document.plan
    free(document)
    if plan is not NULL:
        Py_DECREF(<object>plan)


cdef void free_documents(Document* document) noexcept:
    cdef Document* next
    while document is not NULL:
        next = document.next
        free_document(document)
        document = next


@cython.final
@cython.auto_pickle(False)
cdef class Cache:
    """At most *limit* bytes and *phones* entries, of *documents* documents each.

    A MAC is any 64-bit key.  For one thread at a time.
    """

    cdef Table shared
    cdef uint64_t limit
    cdef uint64_t taken
    cdef uint32_t phones
    cdef uint8_t documents
    cdef dict domains  # domain -> address of the first of its phones
    cdef list boots  # the boots that entries name, by number

    def __cinit__(
        self, uint64_t limit, *, uint32_t phones=MAX_SLOTS // 2, uint8_t documents=8
    ):
        cdef bytes secret = urandom(16)
        if not documents or not phones:
            raise ValueError("a cache has room for one document of one phone at least")
        memset(&self.shared, 0, sizeof(Table))
        bw_siphash_start(
            &self.shared.token_key, <const uint8_t*>PyBytes_AS_STRING(secret)
        )
        self.limit = limit
        self.taken = 0
        self.phones = phones
        self.documents = documents
        self.domains = {}
        self.boots = []

    def __dealloc__(self):
        self.free_all()
        free(self.shared.slots)

    def __len__(self):
        """Return how many phones are kept."""
        return self.shared.used

    @property
    def size(self):
        """The bytes in use, the entries' share of the table included."""
        return self.taken

    @property
    def table(self):
        """Where the entries are, for other compiled modules; needs this cache."""
        return PyCapsule_New(&self.shared, BW_TABLE_CAPSULE, NULL)

    def boot_number(self, str boot_id not None):
        """Return the number by which entries name the boot *boot_id*."""
        return self.number_of_boot(boot_id)

    def terms(self, uint64_t mac):
        """Count *mac* as used; return its terms, or None when nothing is kept.

        They are (domain, stamp, until, boot_id, source, clear), the source as
        ``source_bytes`` has it.
        """
        cdef Phone* phone = find_phone(&self.shared, mac)
        if phone is NULL:
            return None
        use_phone(&self.shared, phone)
        return (
            phone.domain,
            phone.stamp,
            phone.until,
            self.boots[phone.boot],
            PyBytes_FromStringAndSize(<const char*>&phone.source, sizeof(Source)),
            phone.clear != 0,
        )

    def document(
        self,
        uint64_t mac,
        uint8_t kind,
        str base_url not None,
        str model not None,
        str firmware not None,
    ):
        """Return a document of *mac* as (plan, packed, etag), or None.

        The plan is None when the packed bytes are the document.
        """
        cdef Phone* phone = find_phone(&self.shared, mac)
        cdef Document* found
        if phone is NULL:
            return None
        found = find_document(
            phone,
            kind,
            text_hash(base_url),
            variant_of(text_hash(model), text_hash(firmware)),
        )
        if found is NULL:
            return None
        return (
            None if found.plan is NULL else <object>found.plan,
            PyBytes_FromStringAndSize(<const char*>packed_of(found), found.packed_size),
            PyBytes_FromStringAndSize(<const char*>tag_of(found), found.tag_size),
        )

    def documents_of(self, uint64_t mac):
        """Return how many documents are kept of *mac*."""
        cdef Phone* phone = find_phone(&self.shared, mac)
        return 0 if phone is NULL else phone.count

    def assemble(
        self,
        uint64_t mac,
        uint8_t kind,
        str base_url not None,
        str model not None,
        str firmware not None,
    ):
        """Return the content of a document as other compiled modules assemble it.

        None when there is none, or when it can only be assembled by its plan.
        """
        cdef Phone* phone = find_phone(&self.shared, mac)
        cdef Document* found
        cdef bytes content
        if phone is NULL:
            return None
        found = find_document(
            phone,
            kind,
            text_hash(base_url),
            variant_of(text_hash(model), text_hash(firmware)),
        )
        if found is NULL or (found.plan is not NULL and found.blueprint is NULL):
            return None
        content = PyBytes_FromStringAndSize(NULL, found.content_size)
        if found.blueprint is NULL:
            memcpy(PyBytes_AS_STRING(content), packed_of(found), found.packed_size)
        else:
            assemble_into(
                found.blueprint, packed_of(found), PyBytes_AS_STRING(content)
            )
        return content

    def keep(
        self,
        uint64_t mac,
        int64_t domain,
        uint64_t stamp,
        double until,
        str boot_id not None,
        str source not None,
        bint clear,
        uint8_t kind,
        str base_url not None,
        str model not None,
        str firmware not None,
        object plan,
        bytes packed not None,
        bytes etag not None,
    ):
        """Keep a document of *mac* under terms; return how many phones had to go.

        Documents already kept of *mac* stay if they were made under the same stamp;
        then clear HTTP stays granted, too, to the same source.  The phone of *mac*
        itself goes when it alone is too large.  Raises ValueError when *packed* does
        not fit a native plan, and for what is too long to keep.
        """
        cdef Source source_key
        cdef uint32_t boot = self.number_of_boot(boot_id)
        cdef uint64_t url = text_hash(base_url)
        cdef uint64_t variant = variant_of(text_hash(model), text_hash(firmware))
        cdef Phone* phone
        cdef Document* new
        cdef uint32_t dropped = 0
        fill_source(source, &source_key)
        new = self.new_document(kind, url, variant, plan, packed, etag)
        phone = find_phone(&self.shared, mac)
        if phone is not NULL and phone.stamp == stamp:
            if phone.clear and same_source(&phone.source, &source_key):
                clear = True
            self.leave_domain(phone)
        else:
            if phone is not NULL:
                self.forget(phone)
            phone = self.new_phone(mac, new)
        # Nothing below fails but join_domain, for want of memory.
        phone.domain = domain
        phone.stamp = stamp
        phone.until = until
        phone.boot = boot
        phone.source = source_key
        phone.clear = clear
        use_phone(&self.shared, phone)
        self.append(phone, new)
        try:
            self.join_domain(phone)
        except BaseException:
            self.unlink(phone)
            raise
        while self.shared.used and (
            self.taken > self.limit or self.shared.used > self.phones
        ):
            self.forget(self.shared.oldest)
            dropped += 1
        return dropped

    def guard(self, uint64_t mac, bytes token):
        """Let what is kept of *mac* leave only to a URL with *token*.

        None lets it leave to any URL, which is how it is at first; with ``b""`` no URL
        is right.
        """
        cdef Phone* phone = find_phone(&self.shared, mac)
        if phone is NULL:
            return
        if token is None:
            phone.token = ANY_TOKEN
        elif not token:
            phone.token = NO_TOKEN
        else:
            phone.token = token_hash(
                &self.shared,
                <const uint8_t*>PyBytes_AS_STRING(token),
                <size_t>PyBytes_GET_SIZE(token),
            )

    def admits(self, uint64_t mac, bytes token):
        """Whether what is kept of *mac* may leave to a URL with *token*.

        None is a URL without one.  False when nothing is kept.
        """
        cdef Phone* phone = find_phone(&self.shared, mac)
        if phone is NULL:
            return False
        if token is None:
            return has_token(&self.shared, phone, NULL, 0)
        return has_token(
            &self.shared,
            phone,
            <const uint8_t*>PyBytes_AS_STRING(token),
            <size_t>PyBytes_GET_SIZE(token),
        )

    def drop(self, uint64_t mac):
        """Forget *mac*."""
        cdef Phone* phone = find_phone(&self.shared, mac)
        if phone is not NULL:
            self.forget(phone)

    def drop_domain(self, int64_t domain):
        """Forget every phone of a domain."""
        while True:
            first = self.domains.get(domain)
            if first is None:
                return
            self.forget(<Phone*><size_t>first)

    def clear(self):
        """Forget everything."""
        self.free_all()

    cdef uint32_t number_of_boot(self, str boot_id) except? 0xffffffff:
        # One in a process that runs; several only where time is made up.
        if boot_id not in self.boots:
            self.boots.append(boot_id)
        return <uint32_t>self.boots.index(boot_id)

    cdef Document* new_document(
        self,
        uint8_t kind,
        uint64_t url,
        uint64_t variant,
        object plan,
        bytes packed,
        bytes etag,
    ) except NULL:
        cdef Py_ssize_t size = PyBytes_GET_SIZE(packed)
        cdef Py_ssize_t tag_size = PyBytes_GET_SIZE(etag)
        cdef Py_ssize_t content_size = 0
        cdef const Blueprint* blueprint = NULL
        cdef Document* new
        cdef object capsule
        if size > 0x7fffffff or tag_size > MAX_TAG_BYTES:
            raise ValueError("too long to be kept")
        if plan is None:
            content_size = size
        else:
            capsule = getattr(plan, "blueprint", None)
            if capsule is not None:
                blueprint = <const Blueprint*>PyCapsule_GetPointer(
                    capsule, BW_BLUEPRINT_CAPSULE
                )
                content_size = document_size(
                    blueprint, <const unsigned char*>PyBytes_AS_STRING(packed), size
                )
                if content_size < 0:
                    raise ValueError("the packed values do not fit the plan's slots")
                if content_size > 0x7fffffff:
                    raise ValueError("too long to be kept")
        new = <Document*>malloc(sizeof(Document) + <size_t>(tag_size + size))
        if new is NULL:
            raise MemoryError
        new.next = NULL
        new.plan = NULL
        if plan is not None:
            Py_INCREF(plan)
            new.plan = <void*><PyObject*>plan
        new.blueprint = blueprint
        new.url = url
        new.variant = variant
        new.packed_size = <uint32_t>size
        new.content_size = <uint32_t>content_size
        new.kind = kind
        new.tag_size = <uint8_t>tag_size
        memcpy(<void*>tag_of(new), PyBytes_AS_STRING(etag), <size_t>tag_size)
        memcpy(<void*>packed_of(new), PyBytes_AS_STRING(packed), <size_t>size)
        return new

    cdef Phone* new_phone(self, uint64_t mac, Document* new) except NULL:
        """Put an empty phone into the table; on failure *new* is freed."""
        cdef Phone* phone = <Phone*>calloc(1, sizeof(Phone))
        cdef uint32_t at
        if phone is NULL or not self.make_room():
            free(phone)
            free_document(new)
            raise MemoryError
        phone.key = mac
        phone.size = chunk(sizeof(Phone)) + TABLE_BYTES
        self.taken += phone.size
        at = bw_home(mac, self.shared.capacity)
        while self.shared.slots[at].phone is not NULL:
            at += 1
            if at == self.shared.capacity:
                at = 0
        self.shared.slots[at].key = mac
        self.shared.slots[at].phone = phone
        self.shared.used += 1
        phone.older = self.shared.newest
        if phone.older is NULL:
            self.shared.oldest = phone
        else:
            phone.older.newer = phone
        self.shared.newest = phone
        return phone

    cdef bint make_room(self) noexcept:
        """See to a free slot; False when there is no memory for it."""
        cdef uint32_t old = self.shared.capacity, capacity, at, to
        cdef Slot* slots
        if <uint64_t>(self.shared.used + 1) * 5 <= <uint64_t>old * 4:
            return True
        capacity = FIRST_SLOTS if not old else old + old // 2
        if capacity > MAX_SLOTS:
            return False
        slots = <Slot*>calloc(capacity, sizeof(Slot))
        if slots is NULL:
            return False
        for at in range(old):
            if self.shared.slots[at].phone is NULL:
                continue
            to = bw_home(self.shared.slots[at].key, capacity)
            while slots[to].phone is not NULL:
                to += 1
                if to == capacity:
                    to = 0
            slots[to] = self.shared.slots[at]
        free(self.shared.slots)
        self.shared.slots = slots
        self.shared.capacity = capacity
        return True

    cdef void append(self, Phone* phone, Document* new) noexcept:
        """Make *new* the youngest document of *phone*, in place of its namesake."""
        cdef Document** at = &phone.documents
        cdef Document* gone = NULL
        cdef uint64_t before = phone.size
        while at[0] is not NULL:
            if (
                at[0].kind == new.kind
                and at[0].url == new.url
                and at[0].variant == new.variant
            ):
                gone = at[0]
                at[0] = gone.next
                break
            at = &at[0].next
        if gone is NULL and phone.count == self.documents:
            gone = phone.documents
            phone.documents = gone.next
        if gone is not NULL:
            phone.count -= 1
            phone.size -= document_chunk(gone)
        at = &phone.documents
        while at[0] is not NULL:
            at = &at[0].next
        at[0] = new
        phone.count += 1
        phone.size += document_chunk(new)
        self.taken += phone.size
        self.taken -= before
        if gone is not NULL:
            free_document(gone)

    cdef int join_domain(self, Phone* phone) except -1:
        cdef object first = self.domains.get(phone.domain)
        cdef Phone* head = NULL if first is None else <Phone*><size_t>first
        phone.domain_before = phone.domain_next = NULL
        self.domains[phone.domain] = <size_t>phone
        phone.domain_next = head
        if head is not NULL:
            head.domain_before = phone
        return 0

    cdef int leave_domain(self, Phone* phone) except -1:
        if phone.domain_next is not NULL:
            phone.domain_next.domain_before = phone.domain_before
        if phone.domain_before is not NULL:
            phone.domain_before.domain_next = phone.domain_next
        elif phone.domain_next is not NULL:
            self.domains[phone.domain] = <size_t>phone.domain_next
        else:
            del self.domains[phone.domain]
        phone.domain_before = phone.domain_next = NULL
        return 0

    cdef int forget(self, Phone* phone) except -1:
        self.leave_domain(phone)
        self.unlink(phone)
        return 0

    cdef void unlink(self, Phone* phone) noexcept:
        """Take *phone*, which is in no domain, out of table and list; free it."""
        cdef uint32_t at = bw_home(phone.key, self.shared.capacity), next, home
        cdef uint32_t capacity = self.shared.capacity
        cdef Slot* slots = self.shared.slots
        cdef Document* documents = phone.documents
        while slots[at].phone is not phone:
            at += 1
            if at == capacity:
                at = 0
        # Close the gap: whoever stands behind it and does not belong there moves up.
        next = at
        while True:
            next += 1
            if next == capacity:
                next = 0
            if slots[next].phone is NULL:
                break
            home = bw_home(slots[next].key, capacity)
            if (next + capacity - home) % capacity >= (next + capacity - at) % capacity:
                slots[at] = slots[next]
                at = next
        slots[at].phone = NULL
        self.shared.used -= 1
        if phone.newer is NULL:
            self.shared.newest = phone.older
        else:
            phone.newer.older = phone.older
        if phone.older is NULL:
            self.shared.oldest = phone.newer
        else:
            phone.older.newer = phone.newer
        self.taken -= phone.size
        free(phone)
        free_documents(documents)

    cdef void free_all(self) noexcept:
        cdef Phone* phone = self.shared.newest
        cdef Phone* next
        self.shared.newest = self.shared.oldest = NULL
        self.shared.used = 0
        self.taken = 0
        if self.shared.slots is not NULL:
            memset(self.shared.slots, 0, self.shared.capacity * sizeof(Slot))
        if self.domains is not None:
            self.domains.clear()
        while phone is not NULL:
            next = phone.older
            free_documents(phone.documents)
            free(phone)
            phone = next


cdef inline uint32_t document_chunk(const Document* document) noexcept nogil:
    return chunk(sizeof(Document) + document.tag_size + document.packed_size)
