"""The engine as it ships: ``bootwave serve`` with one worker, on a store of its own.

A fleet is a store of so many bound devices, their windows open.  Phone i has the MAC
FIRST_MAC + i and asks from 127.0.0.(1 + i % 8); its first request uses its window up,
and from then on it is served under that grant.
"""

import os
import shutil
import signal
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bootwave.control.session import open_session
from bootwave.optionsfile import load
from bootwave.store.boot import boot_id
from bootwave.store.create import create
from bootwave.store.revisions import HEAD
from bootwave.store.secrets import KeyRing
from perf.contenders.process import START_SECONDS, Served
from perf.programs import Wrong
from perf.progress import tell

DOMAIN = "pbx.example.com"
FIRST_MAC = 0x000413200000
MODEL = "snom370"
WINDOW_MINUTES = 1440
_FILLING = 120  # settings of the domain that bring a document to about 8 KB
_CHUNK = 50_000  # devices in one transaction
_OPEN_SECONDS = 6 * 3600  # for which windows opened before still do


def mac_of(phone: int) -> str:
    """Return the MAC of *phone*, as it stands in URLs."""
    return f"{FIRST_MAC + phone:012X}"


def row_of(phone: int) -> dict[str, str]:
    """Return the account of *phone*, as a row of an import."""
    return {
        "extension": str(1_000_000 + phone),
        "domain": DOMAIN,
        "name": f"Desk {phone}",
        "password": f"secret-{phone:09}",
        "mac": mac_of(phone),
    }


def make_fleet(place: Path, devices: int) -> Path:
    """Return the options file of a store of *devices* bound devices at *place*.

    One that is there already is taken as it is, unless its schema is an older one.
    ``imported`` beside it says the schema, and how many seconds the import took.
    """
    file = place / "bootwave.toml"
    done = place / "imported"
    if done.exists() and done.read_text().startswith(f"{HEAD} "):
        return file
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    file.write_text(
        "[server]\nworkers = 1\n"
        f"[pairing]\nwindow_minutes = {WINDOW_MINUTES}\n"
        '[pnp]\nlisten = "127.0.0.1:0"\ninterfaces = ["127.0.0.1"]\n'
        '[http]\nlisten = ["127.0.0.1:0"]\n[https]\nlisten = []\n'
        # What is measured of the machine would make every document anew in between.
        "[waves]\nrequests_per_second = 2000\n"
        '[control]\nlisten = ""\n'
    )
    options = load(file, {}).options
    KeyRing.create(options.store.key)
    create(options.store.database)
    domain = {"name": DOMAIN, "language": "English", "tone_scheme": "GBR"}
    with open_session(options) as session:
        session.call("bulk", domains=[domain])
        for number in range(_FILLING):
            session.call(
                "settings.set",
                scope="domain",
                target=DOMAIN,
                name=f"bench_setting_{number}",
                value="filling",
            )
    began = time.monotonic()
    for start in range(0, devices, _CHUNK):
        tell(f"importing, {start:,} of {devices:,}")
        store(file, map(row_of, range(start, min(start + _CHUNK, devices))))
    done.write_text(f"{HEAD} {time.monotonic() - began:.0f}")
    return file


def open_windows(file: Path) -> None:
    """Open the windows of the whole fleet, unless they were opened not long ago."""
    done = file.parent / "opened"
    mark = f"{boot_id()} "
    if done.exists() and done.read_text().startswith(mark):
        if time.monotonic() - float(done.read_text().split()[1]) < _OPEN_SECONDS:
            return
    tell("opening windows")
    with open_session(load(file, {}).options) as session:
        session.call("window.open", accounts=[], domain=DOMAIN, minutes=WINDOW_MINUTES)
    done.write_text(f"{mark}{time.monotonic()}")


def store(
    file: Path, rows: Iterable[Mapping[str, str]], *, opened: bool = False
) -> None:
    """Store *rows*, their windows open or as they are; raises Wrong if refused."""
    with open_session(load(file, {}).options) as session:
        result: dict[str, Any] = session.call(
            "bulk",
            accounts=list(rows),
            open_minutes=WINDOW_MINUTES if opened else None,
            update=True,
        )
    if result["error_count"]:
        raise Wrong(f"the store refused: {result['errors'][0]}")


class Engine(Served):
    """``bootwave serve`` on a fleet; ``port`` is HTTP's, ``pnp`` is SIP's."""

    def __init__(self, file: Path, **variables: str) -> None:
        """Start it and wait for its "ready"; raises Wrong.

        *variables* are of its environment, which says options that differ.
        """
        command = [sys.executable, "-m", "bootwave", "-o", str(file), "serve"]
        super().__init__("bootwave", command, 0, file.parent, variables)
        self._wait(lambda: "ready\n" in self.said.read_text(errors="replace"))
        self._control = file.parent / "control.sock"
        self.file = file
        self.pnp = self.https = 0
        for line in self.said.read_text(errors="replace").splitlines():
            if line.startswith("http "):
                self.port = int(line.rpartition(":")[2])
            elif line.startswith("https "):
                self.https = int(line.rpartition(":")[2])
            elif line.startswith("pnp udp "):
                self.pnp = int(line.rpartition(":")[2])

    @property
    def worker(self) -> int:
        """The pid of its worker."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            end.connect(os.fspath(self._control))
            raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        control = struct.unpack("3i", raw)[0]
        supervisor = self.supervisor
        (worker,) = {p for p in self.pids() if p not in (control, supervisor)}
        return int(worker)

    @property
    def supervisor(self) -> int:
        """The pid of the process that HUP goes to."""
        return self.process.pid

    def forget(self) -> None:
        """Let a new worker replace the worker: grants stay, caches are empty."""
        before = self.worker
        os.kill(self.supervisor, signal.SIGHUP)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            time.sleep(0.1)
            try:
                if self.worker != before:
                    time.sleep(0.5)
                    return
            except (ValueError, OSError):  # between the two
                continue
        raise Wrong("the worker was not replaced")


def fetch(
    engine: Engine, path: str, source: int, context: ssl.SSLContext | None = None
) -> bytes:
    """Return what *path* gives 127.0.0.(1 + *source* % 8); raises Wrong if refused.

    Over TLS with *context*.
    """
    raw = b""
    own = (f"127.0.0.{1 + source % 8}", 0)
    port = engine.https if context is not None else engine.port
    with ExitStack() as open_:
        sock = open_.enter_context(
            socket.create_connection(("127.0.0.1", port), 10, own)
        )
        if context is not None:
            sock = open_.enter_context(
                context.wrap_socket(sock, server_hostname="127.0.0.1")
            )
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        while some := sock.recv(65536):
            raw += some
    head, _, body = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Wrong(f"{path}: {head[:100]!r}")
    return body


def fetch_own(
    engine: Engine,
    phone: int,
    source: int | None = None,
    context: ssl.SSLContext | None = None,
) -> bytes:
    """Return the document of *phone*; raises Wrong when its values are not in it."""
    path = f"/{mac_of(phone)}.xml"
    body = fetch(engine, path, phone if source is None else source, context)
    row = row_of(phone)
    for value in (row["extension"], row["password"]):
        if f">{value}<".encode() not in body:
            raise Wrong(f"{path} is not the document of its phone")
    return body
