"""File descriptors: as many as connections need, or fewer connections, said aloud.

With more connections allowed than descriptors, idle ones would use the last and the
fair rules of the connection table would never come to act.
"""

import resource

# What a worker needs besides connections: listeners, the store's files and their logs,
# epoll sets, netlink, the log; what an embedder's program has open comes on top.
RESERVE = 128
FEWEST = 16


def raise_limit() -> None:
    """Allow this process, and what it forks, all descriptors it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections_that_fit(wanted: int) -> int:
    """Return how many of *wanted* connections this process has descriptors for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(min(wanted, soft - RESERVE), FEWEST)
