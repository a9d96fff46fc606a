"""Independent programs as judges: found, or skipped by name, or a failure in CI."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

LIST = Path(__file__).parents[2] / "tools" / "peers.txt"


def packages() -> dict[str, str]:
    """Return the Debian package of each command named in tools/peers.txt."""
    lines = (line.split("#")[0].split() for line in LIST.read_text().splitlines())
    return {line[0]: line[1] for line in lines if line}


def require(command: str) -> str:
    """Return the path of *command*.

    When it is missing the calling test is skipped with the line that installs it, or
    fails when CI=true.  Raises KeyError for a command that tools/peers.txt omits.
    """
    package = packages()[command]
    path = shutil.which(command)
    if path is None:
        missing(f"{command} is missing: apt-get install {package}")
    return path


def missing(reason: str) -> NoReturn:
    """Skip the calling test for *reason*, or fail it when CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
