"""The installed program, as an operator has it: processes, commands and sockets."""

import ctypes
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

PATIENCE = 30.0
DOMAIN = "pbx.example.com"


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Return as soon as *condition* holds; fail, saying *what*, when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.01)


class Answer(NamedTuple):
    """What came over one connection until its end."""

    raw: bytes

    @property
    def status(self) -> int:
        """The status, or 0 when nothing came."""
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def etag(self) -> str:
        """The entity tag, as it stands there."""
        found = re.search(rb"\nETag: (\S+)", self.raw)
        assert found is not None
        return found[1].decode()

    @property
    def body(self) -> bytes:
        """What stands after the head."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def timeless(self) -> bytes:
        """All bytes but the values of Date and of the nonces."""
        head, _, body = self.raw.partition(b"\r\n\r\n")
        lines = []
        for line in head.split(b"\r\n"):
            if line.startswith(b"Date: "):
                line = b"Date: *"
            before, nonce, after = line.partition(b'nonce="')
            if nonce:
                line = before + nonce + b"*" + after[after.index(b'"') :]
            lines.append(line)
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Client:
    """One connection of a phone, from *source* when it is given."""

    def __init__(self, address: tuple[str, int], source: str = "") -> None:
        """Connect, which needs no process on the other side: the kernel does it."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        try:
            if source:
                self.socket.bind((source, 0))
            self.socket.connect(address)
        except BaseException:
            self.socket.close()
            raise

    def ask(self, path: str, *fields: str) -> None:
        """Send the last request of this connection."""
        self.ask_and_stay(path, "Connection: close", *fields)

    def ask_and_stay(self, path: str, *fields: str) -> None:
        """Send a request after which the connection stays open."""
        lines = [f"GET {path} HTTP/1.1", "Host: x", *fields, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())

    def one_answer(self) -> Answer:
        """Return the next answer, by its Content-Length, and stay."""
        raw = b""
        while b"\r\n\r\n" not in raw:
            raw += self._some()
        head, _, body = raw.partition(b"\r\n\r\n")
        found = re.search(rb"\nContent-Length: (\d+)", head)
        assert found is not None
        # A 304 tells the length that a 200 would have (RFC 9110 section 8.6).
        size = 0 if Answer(raw).status == 304 else int(found[1])
        while len(body) < size:
            body += self._some()
        return Answer(head + b"\r\n\r\n" + body)

    @property
    def is_closed(self) -> bool:
        """Whether this side has closed it."""
        return self.socket.fileno() < 0

    def _some(self) -> bytes:
        some = self.socket.recv(65536)
        assert some, "the connection ended within an answer"
        return some

    def answer(self) -> Answer:
        """Return what comes until the other side closes, and close."""
        raw = b""
        with self.socket:
            while some := self.socket.recv(65536):
                raw += some
        return Answer(raw)


def made_place(directory: Path) -> "Program":
    """Return the program on the place that ``bootwave init`` made of *directory*."""
    subprocess.run([*_BOOTWAVE, "init", directory], check=True, capture_output=True)
    return Program(directory)


class Program:
    """``bootwave serve`` on the place at *directory*, and commands beside it.

    *environ* are its options as variables, by their names without ``BOOTWAVE_``.
    """

    def __init__(self, directory: Path, **environ: str) -> None:
        """Start nothing yet."""
        self.directory = directory
        self.environ = {
            "PNP__LISTEN": "127.0.0.1:0",
            "HTTP__LISTEN": "127.0.0.1:0",
            "HTTPS__LISTEN": "127.0.0.1:0",
            "CONTROL__LISTEN": "",
            "SERVER__WORKERS": "2",
            # Who is not root could not look at its descriptors.
            **({"SERVER__DUMPABLE": "true"} if os.geteuid() else {}),
            **environ,
        }
        self.lines: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = directory / "stderr.txt"
        self._groups: list[int] = []
        self._clients: list[Client] = []

    # The engine

    def start(self, *, files: int = 0, under: Sequence[str] = ()) -> "Program":
        """Start the engine, again if need be, and wait for its ``ready``.

        With *files* none of its processes may open more than so many.  *under* is a
        command that becomes the engine, as prlimit(1) does.
        """
        limit = ["prlimit", f"--nofile={files}:{files}"] if files else []
        self._close_output()
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [*under, *limit, *_BOOTWAVE, "serve"],
                env=self._env(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # so that its end is the end of all of it
                preexec_fn=_die_with_the_tests,
            )
        self._groups.append(self._process.pid)
        self.lines = self._said()
        return self

    def _said(self) -> list[str]:
        process = self._running()
        assert process.stdout is not None
        said = b""
        deadline = time.monotonic() + PATIENCE
        while not said.endswith(b"ready\n"):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([process.stdout], [], [], left)[0]:
                self.fail(f"no ready after {said!r}")
            some = os.read(process.stdout.fileno(), 4096)
            if not some:
                self.fail(f"it ended with {process.wait()} after {said!r}")
            said += some
        return said.decode().splitlines()

    def stop(self) -> int:
        """Tell the engine to stop; return its exit status."""
        self._running().terminate()
        return self._running().wait(PATIENCE)

    def kill(self) -> None:
        """Kill the supervisor, as the kernel does when memory runs out."""
        self._running().kill()
        self._running().wait(PATIENCE)

    def signal(self, number: int) -> None:
        """Send a signal to the supervisor."""
        self._running().send_signal(number)

    def clean_up(self) -> None:
        """Leave nothing of it behind, whatever it did."""
        for group in self._groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for client in self._clients:
            client.socket.close()
        self._close_output()

    def _close_output(self) -> None:
        if self._process is not None:
            self._process.wait(PATIENCE)
            assert self._process.stdout is not None
            self._process.stdout.close()

    def errors(self) -> str:
        """Return what the engine wrote on standard error so far."""
        return self._errors.read_text() if self._errors.exists() else ""

    def fail(self, what: str) -> NoReturn:
        """Fail, with what the engine said."""
        raise AssertionError(f"{what}\n{self.errors()}")

    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process

    def _env(self) -> dict[str, str]:
        plain = {k: v for k, v in os.environ.items() if not k.startswith("BOOTWAVE_")}
        return {
            **plain,
            "BOOTWAVE_OPTIONS": str(self.directory / "bootwave.toml"),
            **{f"BOOTWAVE_{name}": value for name, value in self.environ.items()},
        }

    # Where it listens

    @property
    def listening(self) -> list[tuple[str, int]]:
        """Where it listens for HTTP, address by address."""
        return [_address(line, "http ") for line in self.lines if line[:5] == "http "]

    @property
    def http(self) -> tuple[str, int]:
        """Where it listens for HTTP first of all."""
        return self.listening[0]

    @property
    def https(self) -> tuple[str, int]:
        """Where it listens for HTTPS first of all."""
        (line, *_) = (line for line in self.lines if line.startswith("https "))
        return _address(line, "https ")

    @property
    def https_legacy(self) -> tuple[str, int]:
        """Where it listens for HTTPS of old firmware."""
        (line,) = (line for line in self.lines if line.startswith("https legacy "))
        return _address(line, "https legacy ")

    @property
    def pnp(self) -> tuple[str, int]:
        """Where it listens for SIP that is sent to it alone."""
        (line,) = (line for line in self.lines if line.startswith("pnp udp "))
        return _address(line, "pnp udp ")

    @property
    def group(self) -> str:
        """The multicast group and port it has joined."""
        (line,) = (line for line in self.lines if line.startswith("pnp group "))
        return line.split()[2]

    # Its processes

    @property
    def pid(self) -> int:
        """The supervisor's."""
        return self._running().pid

    def processes(self) -> set[int]:
        """Return the pids of every process of its session that lives."""
        sessions = {str(group) for group in self._groups}
        return {pid for pid, stat in _stats().items() if stat[3] in sessions}

    def children(self) -> set[int]:
        """Return the pids of what the supervisor started and has not lost."""
        supervisor = str(self._running().pid)
        return {pid for pid, stat in _stats().items() if stat[1] == supervisor}

    def control(self) -> int:
        """Return the pid of the control process: who listens on the socket; or 0."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            try:
                end.connect(str(self.directory / "control.sock"))
            except OSError:
                return 0
            raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack("3i", raw)[0]
        return pid

    def workers(self) -> list[int]:
        """Return the pids of the workers; the control process must be there."""
        control = self.control()
        assert control
        return sorted(self.children() - {control})

    def pause(self, pid: int) -> None:
        """Stop a process in its tracks; it does nothing more when this returns."""
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: _state(pid) == "T", "the process is stopped")

    def resume(self, pid: int) -> bool:
        """Let a stopped process go on; False when it was killed meanwhile."""
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return False
        return True

    # Commands

    def run(
        self, *arguments: str, stdin: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run one command to its end, whatever comes of it."""
        return subprocess.run(
            [*_BOOTWAVE, *arguments],
            env=self._env(),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=4 * PATIENCE,
            check=False,
        )

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command that goes on until it is told to end."""
        return subprocess.Popen(
            [*_BOOTWAVE, *arguments],
            env=self._env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=_die_with_the_tests,
        )

    def command(self, *arguments: str, stdin: str = "") -> Any:
        """Return what a command prints with --json; it must succeed."""
        done = self.run(*arguments, "--json", stdin=stdin)
        if done.returncode:
            self.fail(f"{' '.join(arguments)}: {done.returncode} {done.stderr}")
        return json.loads(done.stdout)

    def python(self, script: str) -> None:
        """Run *script* in a process of its own, with the place's directory named."""
        done = subprocess.run(
            [sys.executable, "-c", script, str(self.directory)],
            env=self._env(),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def import_accounts(self, rows: dict[str, str], *, minutes: int = 0) -> None:
        """Add an account for each extension of *rows*, bound to its MAC, and open it.

        A MAC may be ``*`` or ``?``.  With *minutes* 0 nothing is opened.
        """
        text = "extension,password,mac\n" + "".join(
            f"{extension},secret-{extension},{mac}\n" for extension, mac in rows.items()
        )
        self.command("account", "import", "-", "--domain", DOMAIN, stdin=text)
        if minutes:
            names = [f"{extension}@{DOMAIN}" for extension in rows]
            self.command("window", "open", *names, "--minutes", str(minutes))

    def boot(self, *arguments: str) -> Any:
        """Return the verdict over simulated phones, booted or not.

        They wait for as long as the tests do: no verdict is of how fast a machine is.
        """
        patience = ("--timeout", f"{PATIENCE:g}")
        done = self.run("phone", "boot", *patience, *arguments, "--json")
        if done.returncode > 1 or not done.stdout:
            self.fail(f"phone boot: {done.returncode} {done.stderr}")
        return json.loads(done.stdout)

    def reasons(self, mac: str) -> list[str]:
        """Return what is known to have happened to a phone, newest first.

        The sightings of a worker are written a moment after they happened.
        """
        shown = self.command("device", "show", mac)
        return [seen["reason"] for seen in shown["time_line"]]

    # Requests

    def get(self, path: str, source: str = "") -> Answer:
        """Return the answer to one GET over a connection of its own."""
        client = self.client(source)
        client.ask(path)
        return client.answer()

    def client(self, source: str = "", *, listener: int = 0) -> Client:
        """Return a connection to one of the listeners, which ends with the program."""
        self._clients = [each for each in self._clients if not each.is_closed]
        client = Client(self.listening[listener], source)
        self._clients.append(client)
        return client


def _die_with_the_tests() -> None:
    """Have the kernel end this process when the one that runs the tests is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_BOOTWAVE = [sys.executable, "-m", "bootwave"]


def _address(line: str, prefix: str) -> tuple[str, int]:
    host, _, port = line.removeprefix(prefix).rpartition(":")
    return host.strip("[]"), int(port)


def _stats() -> dict[int, list[str]]:
    """Return state, ppid, pgrp, session of every process that is no zombie."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and (fields := _fields(int(entry))):
            if fields[0] not in "ZX":
                found[int(entry)] = fields
    return found


def _fields(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()[:4]


def _state(pid: int) -> str:
    return (_fields(pid) or [""])[0]
