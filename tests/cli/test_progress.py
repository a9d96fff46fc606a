"""The progress bar: late, on terminals only, and gone at the end."""

import io
import sys
import time

import pytest

from bootwave.cli.output import print_line
from bootwave.cli.progress import Progress, is_shown


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


def until_shown(screen: Terminal, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in screen.getvalue():
        assert time.monotonic() < deadline, screen.getvalue()
        time.sleep(0.01)


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return what stands for standard error; not in a fixture, which capturing ends."""
    found = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", found)
    return found


def test_what_says_nothing_of_its_steps_has_a_bar_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    with Progress("Waiting", shown_after=0.0) as progress:
        until_shown(screen, "Waiting")
        progress.update(0, 0)
        progress.update(1, 2)
        until_shown(screen, "50%")


def test_nothing_is_left_when_it_ended_before_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    with Progress("Waiting", shown_after=600.0):
        assert is_shown()
    assert not is_shown()
    assert screen.getvalue() == ""


def test_one_in_another_has_the_terminal_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    with Progress("Importing", shown_after=0.0) as outer:
        until_shown(screen, "Importing")
        with Progress("Reading", shown_after=0.0):
            until_shown(screen, "Reading")
            screen.truncate(0)
            outer.update(1, 2)
            assert "Importing" not in screen.getvalue()
        outer.update(2, 2)
        until_shown(screen, "Importing")


def test_what_is_printed_meanwhile_stays_on_standard_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = terminal(monkeypatch)
    file = io.StringIO()
    monkeypatch.setattr(sys, "stdout", file)
    with Progress("Roll-out 1", shown_after=0.0) as progress:
        progress.update(1, 2)
        until_shown(screen, "Roll-out 1")
        print_line("Stage 1 of 2")
    assert file.getvalue() == "Stage 1 of 2\n"
    assert "Stage 1" not in screen.getvalue()
