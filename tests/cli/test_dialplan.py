"""bootwave dialplan."""

from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"


def test_rules_are_set_tried_and_taken_back(store: Command) -> None:
    assert "keep theirs" in store("dialplan", "list", DOMAIN).err
    done = store(
        *("dialplan", "set", DOMAIN, "9,11", "--rewrite", "9911", "--user", "Phone")
    )
    assert done.out == f"Set 9,11 for {DOMAIN}.\n"
    store("dialplan", "set", DOMAIN, "9*", "--timeout", "5")
    assert "\\*" in store("dialplan", "set", DOMAIN, "*97").err
    tried = store("dialplan", "list", DOMAIN, "--dial", "911").out
    assert tried.endswith("911 takes 9,11: 9911 is sent at once.\n")
    tried = store("dialplan", "list", DOMAIN, "--dial", "94").out
    assert tried.endswith("94 takes 9*: 94 is sent after 5 s.\n")
    assert "No rule is for 7" in store("dialplan", "list", DOMAIN, "--dial", "7").out
    assert store("dialplan", "unset", DOMAIN, "*97").status == 0
    assert len(store("dialplan", "list", DOMAIN, "--json").json["rules"]) == 2
    assert "Took 2 rules out" in store("dialplan", "clear", DOMAIN).out
    assert "is empty" in store("dialplan", "list", DOMAIN).err
    assert "Phones keep" in store("dialplan", "clear", DOMAIN, "--forget").out


def test_what_is_no_pattern_is_refused(store: Command) -> None:
    assert "is not a pattern" in refused(store("dialplan", "set", DOMAIN, "9 1"))
