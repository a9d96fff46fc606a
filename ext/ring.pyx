"""A bounded ring of sightings: filled in C, drained in batches by Python.

Every use holds the GIL, and neither filling nor draining a record runs Python code, so
a thread may drain what another one fills.
"""

cimport cython
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_New
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, strlen
from ring cimport (
    ADDRESS_BYTES,
    DETAIL_BYTES,
    Ring,
    SightingRecord,
    sighting_place,
)

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    enum: AF_INET, AF_INET6

cdef extern from "<netinet/in.h>" nogil:
    enum: INET6_ADDRSTRLEN

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int, const void*, char*, socklen_t)
    int inet_pton(int, const char*, void*)

MAX_DETAIL_BYTES = DETAIL_BYTES

cdef unsigned char[12] MAPPED  # what an IPv4 address begins with in 16 bytes
MAPPED[:] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]


@cython.final
@cython.auto_pickle(False)
cdef class SightingRing:
    """Holds at most *capacity* sightings; more are dropped, the newest first.

    Raises ValueError when *capacity* is not 1 to 2**20.
    """

    cdef Ring ring
    cdef readonly object _ring

    def __cinit__(self, Py_ssize_t capacity):
        if not 1 <= capacity <= 1 << 20:
            raise ValueError("the capacity is 1 to 2**20")
        # Untouched pages of a large calloc cost nothing.
        self.ring.records = <SightingRecord*>PyMem_RawCalloc(
            <size_t>capacity, sizeof(SightingRecord)
        )
        if self.ring.records == NULL:
            raise MemoryError
        self.ring.capacity = <uint64_t>capacity
        self._ring = PyCapsule_New(&self.ring, "bootwave.native.ring._ring", NULL)

    def __dealloc__(self):
        PyMem_RawFree(self.ring.records)

    def __len__(self):
        """Return how many wait."""
        return <Py_ssize_t>(self.ring.written - self.ring.taken)

    @property
    def dropped(self):
        """How many found no room."""
        return self.ring.dropped

    def add(self, double at, uint64_t mac, str source, int reason, str detail):
        """Add one sighting as native code does.

        Raises ValueError when *source* is no address without zone, or *detail* is
        longer than MAX_DETAIL_BYTES or not ASCII.
        """
        cdef unsigned char address[16]
        cdef bytes text = source.encode()
        cdef bytes words = detail.encode("ascii")
        cdef SightingRecord* place
        memcpy(address, MAPPED, 12)
        if inet_pton(AF_INET, text, address + 12) != 1:
            if inet_pton(AF_INET6, text, address) != 1:
                raise ValueError(f"not an address: {source!r}")
        if len(words) > DETAIL_BYTES:
            raise ValueError("the detail is too long")
        if not 0 <= reason <= 0xFFFF:
            raise ValueError("the reason is not 0 to 65535")
        place = sighting_place(&self.ring)
        if place == NULL:
            return
        place.at = at
        place.mac = mac
        place.reason = reason
        place.detail_size = <unsigned char>len(words)
        memcpy(place.source, address, ADDRESS_BYTES)
        memcpy(place.detail, <const char*>words, place.detail_size)

    def drain(self, Py_ssize_t most):
        """Take at most *most* out: (at, mac, source, reason, detail), oldest first."""
        cdef list taken = []
        cdef SightingRecord* record
        cdef char text[INET6_ADDRSTRLEN]
        while most > 0 and self.ring.taken != self.ring.written:
            record = &self.ring.records[self.ring.taken % self.ring.capacity]
            if memcmp(record.source, MAPPED, 12) == 0:
                inet_ntop(AF_INET, record.source + 12, text, INET6_ADDRSTRLEN)
            else:
                inet_ntop(AF_INET6, record.source, text, INET6_ADDRSTRLEN)
            taken.append((
                record.at,
                record.mac,
                PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL),
                record.reason,
                PyUnicode_DecodeASCII(record.detail, record.detail_size, NULL),
            ))
            self.ring.taken += 1
            most -= 1
        return taken
