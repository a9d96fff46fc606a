"""The native tests pass under AddressSanitizer and UndefinedBehaviorSanitizer.

And a fault planted on purpose makes them fail: a sanitizer run that cannot fail says
nothing.  Both run in copies of the tree, whose sources are built with
NATIVE_BUILD=sanitize.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.peer import missing

ROOT = Path(__file__).parents[1]
# What the build and the native tests need of the tree.
BUILT = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "ext", "engine")
TESTED = (
    *("native", "torture", "oracle", "captures", "corpus", "property", "peers"),
    *("conftest.py", "guard.py"),
)
# The properties of the native modules, with mutated and invented inputs.
PROPERTIES = tuple(
    f"tests/property/test_{name}.py"
    for name in ("lane", "sip", "transactions", "pnp_lane", "xml")
)
# How often all of it; from the second time on with other examples.
RUNS = int(os.environ.get("BOOTWAVE_TEST_RUNS", "1"))

STANDSTILL_SECONDS = 1200  # many times what one takes

PYTEST = (sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider")

# One byte too many, in a buffer on the heap: of the parser, of a cached document.
FAULT = (
    (
        "from libc.stdint cimport",
        "from libc.stdlib cimport free, malloc\nfrom libc.string cimport memcpy\n"
        "from libc.stdint cimport",
    ),
    ("    cdef Py_buffer view\n", "    cdef Py_buffer view\n    cdef char* planted\n"),
    (
        "        message = Message.__new__(Message)\n",
        "        planted = <char*>malloc(view.len)\n"
        "        memcpy(planted, view.buf, view.len + 1)\n"  # one byte too many
        "        if planted[0] == 0x7F:\n"  # so that nobody optimises it away
        "            where = 1\n"
        "        free(planted)\n"
        "        message = Message.__new__(Message)\n",
    ),
)
CACHE_FAULT = (
    (
        "PyBytes_AS_STRING(packed), <size_t>size)\n        return new",
        "PyBytes_AS_STRING(packed), <size_t>size + 1)\n        return new",
    ),
)


def libraries() -> str:
    """Both run-time libraries, to be loaded before Python."""
    found = []
    for name in ("libasan.so", "libubsan.so"):
        try:
            path = subprocess.run(
                ["gcc", f"-print-file-name={name}"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
        except FileNotFoundError:
            missing("gcc is missing: apt-get install gcc")
        if not os.path.isabs(path):  # gcc repeats the name when it finds nothing
            missing(f"{name} is missing: apt-get install gcc libasan8 libubsan1")
        found.append(path)
    return " ".join(found)


def copied(copy: Path, *sources: str) -> None:
    """Copy the tree, with only *sources* of the native ones when any is named."""
    for name in BUILT:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, copy / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, copy / name)
    for name in TESTED:
        source, target = ROOT / "tests" / name, copy / "tests" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    if sources:
        for path in (copy / "ext").glob("*.pyx"):
            if path.name not in sources:
                path.unlink()


def build(copy: Path) -> None:
    """Build the copy in place, with the sanitizers in it."""
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "-j2"],
        cwd=copy,
        env={**os.environ, "NATIVE_BUILD": "sanitize"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for module in copy.glob("engine/bootwave/native/*.so"):
        assert b"__asan_report" in module.read_bytes()


def run(copy: Path, *arguments: str, number: int = 0) -> tuple[int, str, str]:
    """Run pytest there; return its status, its output and the sanitizers' reports.

    Captured file descriptors would hide the reports, and Python's own allocator the
    borders of small objects.
    """
    reports = copy / "reports"
    reports.mkdir(exist_ok=True)
    options = f"abort_on_error=1:halt_on_error=1:log_path={reports}"
    done = subprocess.run(
        [*PYTEST, f"--hypothesis-seed={number}", *arguments],
        cwd=copy,
        env={
            **os.environ,
            "BOOTWAVE_TEST_RANDOM": "1" if number else "0",
            "LD_PRELOAD": libraries(),
            "ASAN_OPTIONS": f"detect_leaks=0:{options}/asan",
            "UBSAN_OPTIONS": f"print_stacktrace=1:{options}/ubsan",
            "PYTHONMALLOC": "malloc",
            "PYTHONPATH": str(copy / "engine"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=STANDSTILL_SECONDS,
    )
    written = "".join(path.read_text() for path in sorted(reports.iterdir()))
    return done.returncode, done.stdout + done.stderr, written


def test_the_native_tests_and_properties_pass_under_the_sanitizers(
    tmp_path: Path,
) -> None:
    libraries()
    copied(tmp_path)
    build(tmp_path)
    for number in range(RUNS):
        status, output, reports = run(
            tmp_path, "tests/native", "tests/torture", *PROPERTIES, number=number
        )
        assert reports == ""
        assert status == 0, output[-4000:]


@pytest.mark.parametrize(
    ("name", "faults", "tests"),
    [
        ("sip.pyx", FAULT, ("tests/torture", "-k", "compact")),
        ("cache.pyx", CACHE_FAULT, ("tests/native/test_cache.py", "-k", "come_and_go")),
    ],
    ids=["sip", "cache"],
)
def test_a_planted_overflow_of_one_byte_is_seen(
    tmp_path: Path,
    name: str,
    faults: tuple[tuple[str, str], ...],
    tests: tuple[str, ...],
) -> None:
    libraries()
    copied(tmp_path, name, "xml.pyx", "sip.pyx")  # the tests of a cache want plans
    source = tmp_path / "ext" / name
    text = source.read_text()
    for old, new in faults:
        assert old in text
        text = text.replace(old, new)
    source.write_text(text)
    build(tmp_path)
    status, _, reports = run(tmp_path, *tests)
    assert status != 0
    assert "heap-buffer-overflow" in reports


def test_missing_sanitizers_fail_in_ci_and_skip_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="libasan"):
        missing("libasan.so is missing")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="libasan"):
        missing("libasan.so is missing")
