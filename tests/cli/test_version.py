"""bootwave version."""

import platform

from bootwave import __version__
from tests.cli.conftest import Command


def test_the_versions_of_all_that_matters_are_printed(run: Command) -> None:
    found = run("version", "--json").json
    assert found["bootwave"] == __version__
    assert found["python"] == platform.python_version()
    assert {"sqlite", "h11", "cryptography"} <= set(found)
    assert f"bootwave      {__version__}\n" in run("version").out
