"""Commands of the manual, run as a page says, with an engine on the usual ports."""

import os
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.program import made_place

ROOT = Path(__file__).parents[1]


def run_as_written(directory: Path, commands: str) -> str:
    """Return what *commands* of a shell print in *directory*, where an engine runs.

    In a network namespace, which has all ports to itself.  The first that fails ends
    them, and the test.
    """
    programs = directory / "bin"
    programs.mkdir()
    for name, options in (("bootwave", "-m bootwave "), ("python3", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {options}"$@"\n')
        program.chmod(0o755)
    (directory / "docs").symlink_to(ROOT / "docs")
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
            ["sh", "-e", "-c", commands],
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
        return done.stdout
    finally:
        engine.clean_up()
