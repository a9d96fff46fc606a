"""The machine: cores, processor time, kernel settings, and what identifies it."""

import contextlib
import os
import platform
import resource
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER_CORE = 0
CLIENT_CORE = 1

_TICKS = os.sysconf("SC_CLK_TCK")
_SETTINGS = {
    "net/ipv4/ip_local_port_range": "10240 65535",
    "net/core/somaxconn": "4096",
}


def on_core(core: int) -> list[str]:
    """Return what pins the command behind it to *core*; to 0 on a single-core one."""
    return ["taskset", "-c", str(min(core, (os.cpu_count() or 1) - 1))]


def processes_under(pid: int) -> list[int]:
    """Return *pid* and everything it started that lives."""
    found = [pid]
    for one in found:
        for task in _entries(f"/proc/{one}/task"):
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{one}/task/{task}/children").read_text()
                found += map(int, children.split())
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time, user and system, that *pids* took until now.

    In nanoseconds from schedstat where the kernel has it, else in clock ticks.
    """
    return sum(map(_cpu_seconds, pids))


def _cpu_seconds(pid: int) -> float:
    try:
        return (
            sum(
                int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
                for task in _entries(f"/proc/{pid}/task")
            )
            / 1e9
        )
    except (OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def own_bytes(pid: int) -> int:
    """Return the memory that *pid* alone has and wrote.

    Pages of a file that it maps are not counted: the kernel takes them back.
    """
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(
        int(line.split()[1])
        for line in text.splitlines()
        if line.startswith("Private_Dirty")
    )


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of loopback that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def prepared() -> Iterator[list[str]]:
    """Raise what new connections run out of, and put it back; give what could not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before: dict[Path, str] = {}
    refused: list[str] = []
    for name, value in _SETTINGS.items():
        path = Path("/proc/sys") / name
        try:
            before[path] = path.read_text()
            path.write_text(value)
        except OSError:
            refused.append(f"{name.replace('/', '.')} = {value}")
    try:
        yield refused
    finally:
        for path, text in before.items():
            with contextlib.suppress(OSError):
                path.write_text(text)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def awake(spinner: Path, core: int = SERVER_CORE) -> Iterator[None]:
    """Keep *core* busy at equal niceness, so that no wake-up counts as work."""
    process = subprocess.Popen([*on_core(core), str(spinner)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def description() -> dict[str, str]:
    """Return what tells this machine and this tree from others."""
    cpu = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    return {
        "processor": cpu,
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "system": _first_line(["lsb_release", "-ds"]) or platform.platform(),
        "python": platform.python_version(),
        "compiler": _first_line(["gcc", "--version"]),
        "commit": _first_line(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        ),
    }


def _first_line(command: list[str]) -> str:
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (asked.stdout.splitlines() or [""])[0].strip()


def _entries(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []
