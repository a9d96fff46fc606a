"""bootwave keys."""

import pytest

from bootwave.cli.keys import index_from_key
from bootwave.cli.misuse import Misuse
from tests.cli.conftest import Command
from tests.cli.test_main import refused

ACCOUNT = ["--account", "401@pbx.example.com"]


def test_keys_are_set_listed_and_cleared(store: Command) -> None:
    done = store("keys", "set", "P2", "blf 402", "--label", "Bob <&>", *ACCOUNT)
    assert done.out == "Set P2 for account 401@pbx.example.com: blf 402\n"
    assert (
        store("keys", "set", "p5", "speed 0123", *ACCOUNT, "--json").json["index"] == 4
    )
    rows = store("keys", "list", *ACCOUNT).out.splitlines()
    assert rows[1].split("  ")[0] == "P2"
    assert rows[1].endswith("Bob <&>  blf 402")
    assert 'idx="1"' in store("document", "0004132E08B4").out
    one = store("keys", "clear", "P2", *ACCOUNT)
    assert one.out == "Cleared P2 for account 401@pbx.example.com.\n"
    assert store("keys", "clear", *ACCOUNT, "--json").json == {"cleared": [4]}
    assert "No such key" in refused(store("keys", "clear", *ACCOUNT))


@pytest.mark.parametrize(("key", "index"), [("P1", 0), ("p12", 11), ("P120", 119)])
def test_keys_are_named_as_on_the_phone(key: str, index: int) -> None:
    assert index_from_key(key) == index


@pytest.mark.parametrize("key", ["", "0", "1", "P0", "P", "P1a", "P²", "P1234"])
def test_a_bare_number_is_refused_since_it_could_be_either_count(key: str) -> None:
    with pytest.raises(Misuse, match="write P1, P2"):
        index_from_key(key)
