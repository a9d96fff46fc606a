"""Network namespaces made by a test, so that no packet leaves it.

``in_namespace`` runs a function in a child process inside a namespace of its own, in
which it may make, rename and remove interfaces as it likes.  A ``Machine`` made there
is a second namespace, on the other end of a cable.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.peers.peer import missing

CLONE_NEWNET = 0x40000000
FORBIDDEN = 77
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(command: str) -> None:
    """Run one command of ip(8), given without its name."""
    subprocess.run(["ip", *command.split()], check=True, capture_output=True)


def enter_new_namespace() -> bool:
    """Move this process into a new network namespace with loopback up, if it may."""
    if LIBC.unshare(CLONE_NEWNET):
        return False
    ip("link set lo up")
    return True


class Machine:
    """Another machine, whose sockets this process holds.

    It is there until the process ends: make one only inside ``in_namespace``.
    """

    def __init__(self) -> None:
        """Make the machine, without interfaces other than loopback."""
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        assert enter_new_namespace()
        self._namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
        assert LIBC.setns(self._home, CLONE_NEWNET) == 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be on that machine: sockets made meanwhile stay there."""
        assert LIBC.setns(self._namespace, CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert LIBC.setns(self._home, CLONE_NEWNET) == 0

    def plug(self, here: str, there: str, address: str) -> None:
        """Make a cable from interface *here* to *there*, which is up with *address*."""
        namespace = f"/proc/{os.getpid()}/fd/{self._namespace}"
        ip(f"link add {here} type veth peer name {there} netns {namespace}")
        with self.entered():
            ip(f"addr add {address} dev {there}")
            ip(f"link set {there} up")

    def udp_socket(self, address: str, port: int = 0) -> socket.socket:
        """Return a socket of that machine which multicasts from *address*."""
        with self.entered():
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, port))
        made.setblocking(False)
        made.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address)
        )
        return made


def in_namespace(run: Callable[[], None]) -> None:
    """Run *run* in a child process in a new network namespace.

    Fails the calling test with the child's traceback.  Where namespaces cannot be
    made the test is skipped, or fails when CI=true.
    """
    if shutil.which("ip") is None:
        missing("ip is missing: apt-get install iproute2")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if not enter_new_namespace():
                status = FORBIDDEN
            else:
                run()
                status = 0
        except BaseException:
            os.write(writing, traceback.format_exc()[-60_000:].encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        text = told.read().decode()
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) == FORBIDDEN:
        missing("making network namespaces is forbidden here: run the tests as root")
    if status:
        pytest.fail(f"in the namespace (status {status}): {text}", pytrace=False)
