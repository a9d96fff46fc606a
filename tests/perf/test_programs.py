import os
import shutil
from pathlib import Path

import pytest

from perf.programs import SOURCES, Wrong, build

needs_gcc = pytest.mark.skipif(
    shutil.which("gcc") is None and not os.environ.get("CI"),
    reason="gcc is not installed",
)


@needs_gcc
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_program_compiles_without_a_warning(source: Path, tmp_path: Path) -> None:
    assert os.access(build(source, tmp_path), os.X_OK)


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
