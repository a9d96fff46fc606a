"""What every run tells about itself, and what no test may be hurt by."""

import importlib.metadata
import os
import platform
import signal
import sqlite3
import ssl

from hypothesis import HealthCheck, settings

import bootwave
from bootwave.native import sip
from bootwave.options import HttpOptions, Options

# A shell lets what it starts in the background ignore Ctrl-C; so would every program
# that tests start and end by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run: a change is judged by what it changed.  With
# BOOTWAVE_TEST_RANDOM=1 they are new ones.
# How long an example takes says how busy the machine is, and nothing of the code.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _UNTIMED, derandomize=True)
settings.register_profile("random", _UNTIMED, derandomize=False)
settings.load_profile(
    "random" if os.environ.get("BOOTWAVE_TEST_RANDOM") == "1" else "repeatable"
)


def _serve_with_lane(value: str) -> None:
    """Let http.lane be *value* wherever a test does not say what it is."""
    HttpOptions.model_fields["lane"].default = value
    HttpOptions.model_rebuild(force=True)
    Options.model_fields["http"].default = HttpOptions()
    Options.model_rebuild(force=True)
    assert Options().http.lane == HttpOptions().lane == value


# TEST_HTTP_LANE=off has the tests that serve phones do it without the lane.
if LANE := os.environ.get("TEST_HTTP_LANE", ""):
    _serve_with_lane(LANE)


def pytest_report_header() -> list[str]:
    """Say what is tested: a figure or a failure without it cannot be compared."""
    names = ("cython", "h11", "uvloop", "hypothesis")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return [
        f"bootwave {bootwave.__version__}, native build "
        f"{os.environ.get('NATIVE_BUILD', 'release')} from {sip.__file__}",
        f"{versions}, SQLite {sqlite3.sqlite_version}, {ssl.OPENSSL_VERSION}",
        f"kernel {platform.release()}, {os.cpu_count()} processors, "
        f"http.lane {LANE or 'as each test has it'}",
    ]
