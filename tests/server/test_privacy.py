import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, resource, sys
from bootwave.server.privacy import keep_memory_private

PR_GET_DUMPABLE = 3
dumpable = lambda: ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
assert dumpable() == 1
keep_memory_private()
assert dumpable() == 0
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
child = os.fork()
if child == 0:
    assert dumpable() == 0
    os.abort()
_, status = os.waitpid(child, 0)
assert os.WTERMSIG(status) == 6, status
assert not os.WCOREDUMP(status)
"""


def test_neither_a_core_nor_a_tracer_sees_the_memory_of_the_process_or_its_children(
    tmp_path: object,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if "dumpable() == 1" in done.stderr:
        pytest.skip("this environment lets no process be dumped anyway")
    assert (done.returncode, done.stderr) == (0, "")
