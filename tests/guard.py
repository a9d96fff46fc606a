"""Buffers that end exactly where readable memory ends, so an over-read faults.

A fault kills the process: run whatever uses these in a child process.
"""

import ctypes
import mmap

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)


def flush_right(data: bytes) -> memoryview:
    """Return *data* (at most one page) laid against an unreadable page."""
    area = mmap.mmap(-1, 2 * PAGE)
    area[PAGE - len(data) : PAGE] = data
    base = ctypes.addressof(ctypes.c_char.from_buffer(area))
    if LIBC.mprotect(ctypes.c_void_p(base + PAGE), PAGE, 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    return memoryview(area)[PAGE - len(data) : PAGE]
