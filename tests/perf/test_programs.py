import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perf.programs import LIBRARIES, SOURCES, Missing, Wrong, build, figure
from perf.rows.native import CAPTURE


@contextmanager
def installed() -> Iterator[None]:
    """Skip the test where a library is missing, but not where all must be there."""
    try:
        yield
    except Missing as reason:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(reason))


needs_gcc = pytest.mark.skipif(
    shutil.which("gcc") is None and not os.environ.get("CI"),
    reason="gcc is not installed",
)


@needs_gcc
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_program_compiles_without_a_warning(source: Path, tmp_path: Path) -> None:
    with installed():
        assert os.access(build(source, tmp_path), os.X_OK)


@needs_gcc
@pytest.mark.parametrize("peer", ["parse_sofia", "parse_osip"])
def test_a_peer_that_parses_says_what_a_message_costs_and_refuses_others(
    peer: str, tmp_path: Path
) -> None:
    with installed():
        assert 0 < figure(peer, CAPTURE, 100) < 1000
        other = tmp_path / "other.txt"
        other.write_text("NONSENSE\r\n\r\n")
        with pytest.raises(Wrong, match="not parsed"):
            figure(peer, other, 100)


@needs_gcc
def test_a_library_that_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIBRARIES, "parse_osip", ("no-such-library", "some-dev"))
    source = next(path for path in SOURCES if path.stem == "parse_osip")
    with pytest.raises(Missing, match="some-dev"):
        build(source, tmp_path)


@needs_gcc
def test_a_warning_is_an_error_that_says_what_the_compiler_said(tmp_path: Path) -> None:
    source = tmp_path / "odd.c"
    source.write_text("int main(void) { int unused; return 0; }\n")
    with pytest.raises(Wrong, match="unused"):
        build(source, tmp_path / "built")


@needs_gcc
def test_a_program_is_built_again_when_its_source_is_newer(tmp_path: Path) -> None:
    source = tmp_path / "small.c"
    source.write_text("int main(void) { return 0; }\n")
    program = build(source, tmp_path / "built")
    before = program.stat().st_mtime_ns
    assert build(source, tmp_path / "built").stat().st_mtime_ns == before
    later = program.stat().st_mtime + 2
    os.utime(source, (later, later))
    assert build(source, tmp_path / "built").stat().st_mtime_ns != before
