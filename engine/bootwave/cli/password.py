"""Where a command gets a password from."""

import sys
from typing import Annotated

import typer

from bootwave.cli.misuse import Misuse
from bootwave.errors import OptionError

Password = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="The SIP password; other users of this machine may see it.",
        show_default=False,
    ),
]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the SIP password from standard input."),
]


def password_from(password: str | None, from_stdin: bool) -> str | None:
    """Return the password given one way or the other, or None.

    Standard input gives one line, without its end.  Raises Misuse when both ways
    were asked for, OptionError when there is no line.
    """
    if not from_stdin:
        return password
    if password is not None:
        raise Misuse("Give --password or --password-stdin, not both.")
    return line_from_stdin()


def line_from_stdin() -> str:
    """Return the one line of standard input, without its end; raises OptionError."""
    # Bytes, so that the terminal's encoding does not matter.
    line = sys.stdin.buffer.readline(4096)
    try:
        text = line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise OptionError("The password on standard input is not UTF-8.") from None
    if not text:
        raise OptionError("There is no password on standard input.")
    return text


def required_password(password: str | None, from_stdin: bool) -> str:
    """Return the password as above, or what a person types when there is a terminal.

    Raises Misuse when there is none to be had.
    """
    given = password_from(password, from_stdin)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise Misuse(
            "The account needs its SIP password: give --password-stdin and write it "
            "to standard input."
        )
    return _prompted("SIP password")


def typed_password(what: str) -> str:
    """Return the password that a person types; raises Misuse without a terminal."""
    if not sys.stdin.isatty():
        raise Misuse("Give --password-stdin and write the password to standard input.")
    return _prompted(what)


def _prompted(what: str) -> str:
    """Return what a person types for *what*, unseen."""
    typed: str = typer.prompt(what, hide_input=True, err=True)
    return typed
