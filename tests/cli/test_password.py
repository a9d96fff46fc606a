"""Where a password comes from, and what is refused."""

import io
import sys

import pytest

from bootwave.cli.misuse import Misuse
from bootwave.cli.password import password_from, required_password, typed_password
from bootwave.errors import OptionError


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "password"),
    [
        (b"secret\n", "secret"),
        (b"secret", "secret"),
        (b"secret\r\nmore\n", "secret"),
        (b" with blanks \n", " with blanks "),
        ("pässwört €\n".encode(), "pässwört €"),
    ],
)
def test_standard_input_gives_one_line_as_it_is(
    monkeypatch: pytest.MonkeyPatch, data: bytes, password: str
) -> None:
    stdin(monkeypatch, data)
    assert password_from(None, True) == password


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "no password"), (b"\n", "no password"), (b"\xff\n", "UTF")],
)
def test_standard_input_without_a_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, data: bytes, reason: str
) -> None:
    stdin(monkeypatch, data)
    with pytest.raises(OptionError, match=reason):
        password_from(None, True)


def test_both_ways_at_once_are_refused() -> None:
    with pytest.raises(Misuse, match="not both"):
        password_from("x", True)


def test_a_password_that_must_be_there_is_asked_for_only_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stdin(monkeypatch, b"")
    assert password_from(None, False) is None
    assert required_password("x", False) == "x"
    with pytest.raises(Misuse, match="give --password-stdin"):
        required_password(None, False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *words, **how: "typed")
    assert required_password(None, False) == "typed"


def test_another_password_is_typed_at_a_terminal_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stdin(monkeypatch, b"")
    with pytest.raises(Misuse, match="Give --password-stdin"):
        typed_password("Password of the service")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda what, **how: f"{what}: typed")
    assert typed_password("Password of the service") == "Password of the service: typed"
