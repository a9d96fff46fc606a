"""A command that was not called right."""

import typer

from bootwave.cli.misuse import Misuse


def test_a_misuse_is_its_sentence_and_status_2() -> None:
    error = Misuse("Say which.")
    assert error.format_message() == "Say which."
    assert error.exit_code == 2
    assert isinstance(error, typer.TyperException)
