"""The C programs: built when they are older than their sources, run, and read."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from perf.machine import CLIENT_CORE, ROOT, SERVER_CORE, on_core

FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror")
BUILT = ROOT / "build" / "perf"
FOLDERS = ("limits", "load", "peers")
SOURCES = tuple(sorted(path for f in FOLDERS for path in ROOT.glob(f"perf/{f}/*.c")))
# What pkg-config knows a library as, and the Debian package that brings it.
LIBRARIES = {
    "parse_osip": ("libosip2", "libosip2-dev"),
    "parse_sofia": ("sofia-sip-ua", "libsofia-sip-ua-dev"),
    "sqlite_rows": ("sqlite3", "libsqlite3-dev"),
    "tls_load": ("openssl", "libssl-dev"),
}


class Missing(Exception):
    """A peer that is not installed; says what would install it."""


class Wrong(Exception):
    """A measurement that must not count; says why."""


def build(source: Path, directory: Path = BUILT) -> Path:
    """Return the program of *source*, compiled if need be.

    Raises Missing without the library it needs, Wrong with what the compiler said.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        raise Wrong("gcc is not installed")
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / source.stem
    newest = max(path.stat().st_mtime for path in (source, *source.parent.glob("*.h")))
    if not program.exists() or program.stat().st_mtime < newest:
        command = [compiler, *FLAGS, "-o", str(program), str(source)]
        command += _library(source.stem)
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        if asked.returncode:
            raise Wrong(asked.stderr)
    return program


def _library(name: str) -> list[str]:
    if name not in LIBRARIES:
        return []
    library, package = LIBRARIES[name]
    try:
        asked = subprocess.run(
            ["pkg-config", "--cflags", "--libs", library],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        raise Missing("apt-get install pkg-config") from None
    if asked.returncode:
        raise Missing(f"apt-get install {package}")
    return asked.stdout.split()


def program(name: str) -> Path:
    """Return the program *name* (``load/http_load``)."""
    return build(ROOT / "perf" / f"{name}.c")


def figure(name: str, *arguments: object, core: int = SERVER_CORE) -> float:
    """Return the one figure that the peer *name* prints; raises Missing or Wrong."""
    command = [*on_core(core), str(program(f"peers/{name}")), *map(str, arguments)]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise Wrong(f"{name}: {asked.stderr.strip()[:400]}")
    return float(asked.stdout)


def load(name: str, *arguments: object, timeout: float = 900) -> dict[str, Any]:
    """Run the load program *name* on the client's core; return what it printed.

    Raises Wrong when it failed.
    """
    command = [
        *on_core(CLIENT_CORE),
        str(program(f"load/{name}")),
        *map(str, arguments),
    ]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"{name} did not end within {timeout:.0f} s") from None
    if asked.returncode:
        raise Wrong(f"{name}: {asked.stderr.strip()[:400]}")
    told: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    told["said"] = asked.stderr.strip()[:400]
    return told
