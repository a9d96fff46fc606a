"""The programs of docs/embedding.md run, and print what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "embedding.md").read_text()
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.M | re.S
)


def test_each_program_says_what_it_prints() -> None:
    assert len(PROGRAMS) == PAGE.count("```python") == 3


@pytest.mark.parametrize(("program", "printed"), PROGRAMS, ids=range(len(PROGRAMS)))
def test_the_program_prints_what_the_page_says(
    program: str, printed: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, printed)


@pytest.mark.parametrize("program", [program for program, _ in PROGRAMS])
def test_the_program_is_narrow_enough_to_read(program: str) -> None:
    for line in program.splitlines():
        assert len(line) <= 88
