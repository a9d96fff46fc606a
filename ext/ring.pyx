"""A bounded ring of sightings: filled in C and by Python, emptied in batches.

Every use holds the GIL, and neither filling nor draining a record runs Python code, so
one thread may empty what others fill.  native.sightingfile moves what waits to a file
without a Python object for each.
"""

cimport cython
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_New
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from ring cimport (
    ADDRESS_BYTES,
    AF_INET,
    AF_INET6,
    DETAIL_BYTES,
    Ring,
    SightingRecord,
    bw_mapped,
    fill_detail,
    sighting_fields,
    sighting_place,
)

cdef extern from "<arpa/inet.h>" nogil:
    int inet_pton(int, const char*, void*)

cdef extern from "<net/if.h>" nogil:
    unsigned int if_nametoindex(const char*)

MAX_DETAIL_BYTES = DETAIL_BYTES


cdef int parse_source(
    str source, unsigned char* address, uint32_t* zone
) except -1:
    """Read the text of an address; what is none leaves all zero."""
    cdef str host, name
    memset(address, 0, ADDRESS_BYTES)
    zone[0] = 0
    # An IPv4 address in 16 bytes, as the kernel maps it.
    host, _, name = source.partition("%")
    cdef bytes text = host.encode("utf-8", "replace")
    if inet_pton(AF_INET, text, address + 12) == 1:
        memcpy(address, bw_mapped, 12)
    elif inet_pton(AF_INET6, text, address) != 1:
        memset(address, 0, ADDRESS_BYTES)
    elif name.isdecimal() and len(name) < 10:
        zone[0] = <uint32_t>int(name)
    elif name:
        zone[0] = if_nametoindex(name.encode("utf-8", "replace"))
    return 0


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

    def add(
        self,
        double at,
        uint64_t mac,
        str source not None,
        uint16_t reason,
        str detail not None,
    ):
        """Add one sighting as native code does.

        *detail* is cut to MAX_DETAIL_BYTES of UTF-8.  A *source* that is no address
        is kept as none, "".
        """
        cdef unsigned char address[ADDRESS_BYTES]
        cdef uint32_t zone = 0
        cdef const char* text
        cdef Py_ssize_t size = 0
        cdef SightingRecord* place
        parse_source(source, address, &zone)
        if not detail.isascii():
            # Lone surrogates, which UTF-8 has no form for, can come from a phone.
            detail = detail.encode("utf-8", "backslashreplace").decode()
        text = PyUnicode_AsUTF8AndSize(detail, &size)
        place = sighting_place(&self.ring)
        if place == NULL:
            return
        place.at = at
        place.mac = mac
        place.reason = reason
        place.zone = zone
        memcpy(place.source, address, ADDRESS_BYTES)
        fill_detail(place, text, size)

    def drain(self, Py_ssize_t most):
        """Take at most *most* out: (at, mac, source, reason, detail), oldest first.

        For those who keep sightings elsewhere than in a file.
        """
        cdef list taken = []
        while most > 0 and self.ring.taken != self.ring.written:
            taken.append(
                sighting_fields(
                    &self.ring.records[self.ring.taken % self.ring.capacity]
                )
            )
            self.ring.taken += 1
            most -= 1
        return taken
