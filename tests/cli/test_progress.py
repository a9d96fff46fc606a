"""The progress bar: late, on terminals only, and gone at the end."""

import io
import sys

import pytest

from bootwave.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_shown_of_what_is_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("Importing") as progress:
        progress.update(1, 2)
    assert screen.getvalue() == ""


def test_nothing_is_shown_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("Importing", shown_after=0.0) as progress:
        progress.update(1, 2)
    assert screen.getvalue() == ""


def test_what_takes_long_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("Importing", shown_after=0.0) as progress:
        progress.update(1, 2)
        progress.update(2, 2)
    assert "Importing" in screen.getvalue()
