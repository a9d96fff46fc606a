"""Independent programs as judges: found, or skipped by name, or a failure in CI."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

LIST = Path(__file__).parents[2] / "tools" / "peers.txt"


def packages() -> set[str]:
    """Return the Debian packages that tools/peers.txt names for CI to install."""
    lines = LIST.read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and line[0] != "#"}


def require(command: str, package: str = "") -> str:
    """Return the path of *command*, which *package* (by default its name) holds.

    When it is missing the calling test is skipped with the line that installs it, or
    fails when CI=true.
    """
    package = package or command
    assert package in packages(), f"add {package} to tools/peers.txt"
    path = shutil.which(command)
    if path is None:
        missing(f"{command} is missing: apt-get install {package}")
    return path


def missing(reason: str) -> NoReturn:
    """Skip the calling test for *reason*, or fail it when CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
