"""What every run tells about itself, and what no test may be hurt by."""

import importlib.metadata
import os
import platform
import sqlite3
import ssl

from hypothesis import settings

import bootwave
from bootwave.native import sip

# The same examples in every run: a change is judged by what it changed.  With
# BOOTWAVE_TEST_RANDOM=1 they are new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("random", derandomize=False)
settings.load_profile(
    "random" if os.environ.get("BOOTWAVE_TEST_RANDOM") == "1" else "repeatable"
)


def pytest_report_header() -> list[str]:
    """Say what is tested: a figure or a failure without it cannot be compared."""
    names = ("cython", "h11", "uvloop", "hypothesis")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return [
        f"bootwave {bootwave.__version__}, native build "
        f"{os.environ.get('NATIVE_BUILD', 'release')} from {sip.__file__}",
        f"{versions}, SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}",
        f"kernel {platform.release()}, {os.cpu_count()} processors",
    ]
