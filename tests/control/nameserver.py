"""dnsmasq as a name server that knows what a test says and asks nobody else."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bootwave.options import Address
from tests.peers.peer import require

PATIENCE = 20.0


def free_port() -> int:
    """Return a port that nobody has by UDP nor by TCP."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as by_udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as by_tcp,
        ):
            by_udp.bind(("127.0.0.1", 0))
            port = int(by_udp.getsockname()[1])
            try:
                by_tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def name_server(*records: str) -> Iterator[Address]:
    """Serve *records*, each an option of dnsmasq without its dashes."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(require("dnsmasq", "dnsmasq-base"), "--no-daemon", "--user=root"),
            *("--conf-file=/dev/null", "--pid-file=", "--no-resolv", "--no-hosts"),
            *("--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}"),
            *("--local=/example.com/", "--local=/example.net/", "--local-ttl=60"),
            *(f"--{record}" for record in records),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            assert process.poll() is None, "dnsmasq ended"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield Address("127.0.0.1", port)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def silent_name_server() -> Iterator[Address]:
    """Listen for questions, and answer none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", end.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
