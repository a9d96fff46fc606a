"""A command that was not called right."""

import pytest
import typer

from bootwave.cli.misuse import Misuse
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_a_misuse_is_its_sentence_and_status_2() -> None:
    error = Misuse("Say which.")
    assert error.format_message() == "Say which."
    assert error.exit_code == 2
    assert isinstance(error, typer.TyperException)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("window open a@b --most x", "--most is not a whole number: x"),
        ("window open a@b --most 1.5", "--most is not a whole number: 1.5"),
        (f"window open a@b --most {'1' * 5000}", "--most is not a whole number: 1111"),
        ("window open a@b --minutes x", "--minutes is not a number: x"),
        ("audit list --limit x", "--limit is not a whole number: x"),
        ("audit list --limit 0", "--limit must be at least 1: 0"),
        ("settings set a b --engine --index 1000", "--index must be at most 999: 1000"),
        ("phone boot --mac 0 --timeout 0", "--timeout must be at least 0.1: 0"),
    ],
)
def test_a_wrong_number_is_told_in_our_words(
    run: Command, words: str, sentence: str
) -> None:
    told = refused(run(*words.split()), 2)
    assert told.startswith(sentence)
    assert len(told) < 120
    group = " ".join(words.split()[:2])
    assert told.endswith(f"; see bootwave {group} --help.")
