"""Whose turn it is to read the PnP sockets.

A worker that is replaced on HUP and its successor run side by side for a moment.  Were
both to read, a phone's answer could reach the one that never asked it.  So a worker
takes the turn before it reads and gives it back when it stops; the kernel takes it from
one that dies (POSIX record locks belong to a process and end with it, fcntl(2)).
"""

import fcntl
import os


class Turn:
    """One turn, shared by the processes forked after it was made."""

    def __init__(self) -> None:
        """Make the file that is locked; it has no name and no content."""
        self._descriptor = os.memfd_create("bootwave-pnp-turn")

    def take(self) -> bool:
        """Whether this process has the turn now; never waits."""
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def give_back(self) -> None:
        """Let another process have the turn."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file, which gives the turn back; twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
