import os
import shutil
from pathlib import Path

import pytest

from perf.syscalls import counted

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("strace", "gcc", "taskset")))
    and not os.environ.get("CI"),
    reason="strace, gcc or taskset is not installed",
)

FOUR = ("accept4", "recvfrom", "sendto", "close")


def test_a_ready_document_on_a_new_connection_takes_four_system_calls(
    tmp_path: Path,
) -> None:
    calls = counted(tmp_path, 200)
    for name in FOUR:
        # One more for connections that were not there any more, and what wakes up.
        assert 1 <= calls[name] < 1.2, calls
    # Between threads of Python, and what is shared by the many of one wake-up.
    others = {n: each for n, each in calls.items() if n not in (*FOUR, "futex")}
    assert sum(others.values()) < 0.8, calls
