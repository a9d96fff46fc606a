"""Where the lane cannot be had, h11 serves alone, and the program says so at start."""

from pathlib import Path

import pytest

from tests.end_to_end.conftest import Serving
from tests.faults.misfits import assert_phones_are_served, open_to_the_phone

# Python imports it at start: then there is no such module, as where epoll is missing.
ABSENT = "import sys; sys.modules['bootwave.native.http'] = None\n"


@pytest.mark.parametrize("lane", ["on"], indirect=True)
def test_where_epoll_is_missing_h11_serves_alone_and_says_so(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = serving(LOG__FORMAT="json")
    assert "http.lane stays off, and h11 serves alone" in program.errors()
    open_to_the_phone(program)
    assert_phones_are_served(program)
