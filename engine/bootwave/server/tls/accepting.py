"""One connection from a listener and what it brought, where there is no native lane.

``native.http.take_connection`` does the same in a quarter of the time.
"""

import errno
import socket

from bootwave.http.contact import plain_address
from bootwave.server.addresses import source_of

_READ_BYTES = 8192

# Descriptor, source, (address, port) that it is to, what was read.
Taken = tuple[int, str, tuple[str, int] | None, bytes | None]


def take_connection(listener: int, with_local: bool) -> int | Taken:
    """Accept one connection of *listener* and read what it brought.

    Returns (descriptor, source, local, data), or the number of the error that kept it
    from that: EAGAIN when there is none.  *local* is None unless it is wanted; *data*
    is empty at the peer's end, and None when nothing came yet.  The descriptor is
    non-blocking, and the caller's.  Raises OSError when the peer is gone already.
    """
    listening = socket.socket(fileno=listener)
    try:
        accepted, address = listening.accept()
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        listening.detach()
    try:
        accepted.setblocking(False)
        local = None
        if with_local:
            host, port = accepted.getsockname()[:2]
            local = plain_address(host), port
        data: bytes | None
        try:
            data = accepted.recv(_READ_BYTES)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        return accepted.detach(), source_of(address), local, data
    except BaseException:
        accepted.close()
        raise
