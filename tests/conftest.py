"""What every run tells about itself, and what no test may be hurt by."""

import importlib.metadata
import os
import platform
import sqlite3
import ssl

import bootwave
from bootwave.native import sip


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
