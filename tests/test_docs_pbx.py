"""The PBX of docs/api.md, run as the page says, does what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.program import made_place
from tests.namespaces import in_namespace

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "api.md").read_text()
SCRIPT = ROOT / "docs" / "examples" / "pbx.py"
FOUND = re.search(
    r"^## A small PBX\n.*?^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.M | re.S
)
assert FOUND is not None
COMMANDS, PRINTED = FOUND.groups()
# How long phones took, and what may not be written down yet when it is read.
VARYING = re.compile(
    r"\d+\.\d\d s|\d+ SUBSCRIBEs?|\d+ phones: (?!it was given its settings)"
)


def sorted_lines(printed: str) -> list[str]:
    """Return lines without what is different each time.

    Sentences that as many phones have stand in no order.
    """
    return sorted(VARYING.sub("*", line) for line in printed.splitlines())


def _as_written(directory: Path) -> None:
    programs = directory / "bin"
    programs.mkdir()
    for name, options in (("bootwave", "-m bootwave "), ("python3", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {options}"$@"\n')
        program.chmod(0o755)
    (directory / "docs").symlink_to(ROOT / "docs")
    # The namespace has all ports to itself: these are the usual ones.
    engine = made_place(directory / "place")
    engine.environ |= {
        "PNP__LISTEN": "0.0.0.0:5060",
        "HTTP__LISTEN": "0.0.0.0:8080",
        "CONTROL__LISTEN": "127.0.0.1:8095",
    }
    plain = {k: v for k, v in os.environ.items() if not k.startswith("BOOTWAVE_")}
    try:
        engine.start()
        done = subprocess.run(
            ["sh", "-e", "-c", COMMANDS],
            cwd=directory,
            env={
                **plain,
                "PATH": f"{programs}:{plain['PATH']}",
                "BOOTWAVE_OPTIONS": str(directory / "place" / "bootwave.toml"),
            },
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout + engine.errors()
        said = done.stdout[done.stdout.index("The first push") :]
        assert sorted_lines(said) == sorted_lines(PRINTED)
    finally:
        engine.clean_up()


def test_the_pbx_provisions_500_phones_as_the_page_shows(tmp_path: Path) -> None:
    in_namespace(lambda: _as_written(tmp_path))


def test_it_is_small_and_needs_the_standard_library_only() -> None:
    text = SCRIPT.read_text()
    assert len(text.splitlines()) < 150
    imported = re.findall(r"^(?:from|import) ([a-z]+)", text, re.M)
    assert imported
    assert {*imported} <= sys.stdlib_module_names
