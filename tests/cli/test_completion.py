"""What the shell completes, asked as bash asks."""

import pytest

from bootwave.cli.completion import one_of
from tests.cli.conftest import Command


def test_the_words_that_begin_so_are_offered_in_their_order() -> None:
    completed = one_of("never", "refused", "new")
    assert completed("") == ["never", "refused", "new"]
    assert completed("ne") == ["never", "new"]
    assert completed("x") == []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("search wi", ["wildcards", "windows"]),
        ("search rollout", ["rollouts", "rollout-phones"]),
        ("search accounts --sort ", ["domain", "identity", "made", "name", "number"]),
        ("search devices --sort ", ["firmware", "last-contact", "mac", "refused"]),
        ("device list --sort ", ["last-contact", "firmware"]),
        ("device list --state ", ["never", "refused"]),
        ("redirection troubled --state o", ["owned"]),
        ("domain add x --reach ", ["auto", "direct", "proxy"]),
        ("phone boot --shape ", ["classic", "m700", "from-mac"]),
        ("language set pbx.example.com ", ["gui", "web"]),
        ("lint - --dialect ", ["xml", "text", "m9", "dect"]),
        ("settings set a b --permission ", ["R", "RW", "!"]),
        ("keys set P1 x --context a", ["active"]),
        ("dialplan set a b --user ", ["Phone", "IP"]),
        ("firmware set a b --part ", ["rootfs", "linux"]),
        ("firmware pin k", ["keep"]),
        ("domain token r", ["require", "remove"]),
    ],
)
def test_where_a_word_is_one_of_some_they_are_offered(
    bootwave: Command, line: str, offered: list[str]
) -> None:
    words = f"bootwave {line}"
    done = bootwave(
        script=True,
        _BOOTWAVE_COMPLETE="complete_bash",
        COMP_WORDS=words,
        COMP_CWORD=str(words.count(" ")),
    )
    assert done.out.split() == offered
