# Byte scanning shared by the parsers.  Inline functions only: a .pxd without a .pyx
# is copied into each module that cimports it, so nothing here is looked up at run
# time and no cdef class may ever be declared in this file.


cdef inline Py_ssize_t find_byte(
    const unsigned char* at, Py_ssize_t size, unsigned char wanted
) noexcept nogil:
    """Offset of the first *wanted* in at[0:size], or -1."""
    cdef Py_ssize_t i
    for i in range(size):
        if at[i] == wanted:
            return i
    return -1
