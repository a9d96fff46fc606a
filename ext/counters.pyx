"""Atomic counters in memory that is shared between processes.

The pages are anonymous shared mappings made before fork.  Each counter is eight
bytes, only ever grows, and is read and written whole, so that no process can see a
torn value and two writers never lose an increment.
"""

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint64_t
from tables cimport BW_COUNTERS_CAPSULE, CounterMemory, bw_add, bw_load


@cython.final
@cython.auto_pickle(False)
cdef class Counters:
    """Counters laid over a writable, 8-byte aligned buffer, which is kept alive.

    Raises ValueError when the buffer holds no counter or is not aligned, and
    IndexError for an index outside it.
    """

    cdef Py_buffer view
    cdef Py_ssize_t count
    cdef CounterMemory shared
    cdef bint held

    def __cinit__(self, buffer):
        PyObject_GetBuffer(buffer, &self.view, PyBUF_SIMPLE | PyBUF_WRITABLE)
        self.held = True
        self.count = self.view.len // 8
        if self.count == 0 or <size_t>self.view.buf % 8:
            raise ValueError("the buffer holds no aligned counter")
        self.shared.at = <uint64_t*>self.view.buf
        self.shared.count = self.count

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)

    def __len__(self):
        """Return how many counters there are."""
        return self.count

    @property
    def memory(self):
        """Where the counters are, for other compiled modules; needs this object."""
        return PyCapsule_New(&self.shared, BW_COUNTERS_CAPSULE, NULL)

    cdef uint64_t* at(self, Py_ssize_t index) except NULL:
        if index < 0 or index >= self.count:
            raise IndexError("no such counter")
        return <uint64_t*>self.view.buf + index

    def add(self, Py_ssize_t index, uint64_t by):
        """Add *by* to one counter and return its new value (modulo 2**64)."""
        return bw_add(self.at(index), by)

    def load(self, Py_ssize_t index):
        """Return the value of one counter."""
        return bw_load(self.at(index))

    def sum3(self, Py_ssize_t first, Py_ssize_t second, Py_ssize_t third):
        """Return the sum of three counters (modulo 2**64).

        Counters only grow, so two equal sums mean that none of the three changed in
        between: one number stands for the state of all.
        """
        return (
            bw_load(self.at(first)) + bw_load(self.at(second))
            + bw_load(self.at(third))
        )
