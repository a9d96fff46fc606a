"""A server in a process of its own, pinned to the server's core."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from perf.machine import SERVER_CORE, cpu_seconds, on_core, processes_under
from perf.programs import Missing, Wrong

START_SECONDS = 30.0
STOP_SECONDS = 15.0


def installed(command: str, package: str) -> str:
    """Return the path of *command*; raises Missing when *package* is not there."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    path = shutil.which(command, path=places)
    if path is None:
        raise Missing(f"apt-get install {package}")
    return path


class Served:
    """A running server: its port and its processes."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        place: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start *command*; what it says goes to a file in *place*."""
        self.name = name
        self.port = port
        self.said = place / f"{name}.out"
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [*on_core(SERVER_CORE), *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=place,
                start_new_session=True,
                env={**os.environ, **(variables or {})},
            )

    def wait_until_listening(self) -> None:
        """Return when something takes connections on the port; raises Wrong."""
        self._wait(self._takes_connections)

    def wait_until_bound(self) -> None:
        """Return when the UDP port is taken; raises Wrong."""
        self._wait(self._has_udp_port)

    def cpu(self) -> float:
        """Return the processor seconds of all its processes until now."""
        return cpu_seconds(self.pids())

    def pids(self) -> list[int]:
        """Return its processes."""
        return processes_under(self.process.pid)

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def _wait(self, ready: "object") -> None:
        assert callable(ready)
        until = time.monotonic() + START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                said = self.said.read_text(errors="replace").strip()[-400:]
                raise Wrong(f"{self.name} did not start: {said}")
            time.sleep(0.02)

    def _takes_connections(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def _has_udp_port(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("127.0.0.1", self.port))
            except OSError:
                return True
        return False
