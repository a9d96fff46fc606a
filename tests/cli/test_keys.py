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


def test_keys_of_expansion_modules_are_named_by_module(store: Command) -> None:
    assert index_from_key("M1 P3", "snomD785") == 26
    on = store("keys", "set", "M1 P1", "blf 402", "--on", "snomD785", *ACCOUNT)
    assert on.out.startswith("Set P25 for")
    model = ["--model", "snomD785"]
    assert store("keys", "set", "m2p1", "line", *model, "--json").json["index"] == 42
    assert store("keys", "clear", "M2 P1", *model).out.startswith("Cleared P43 for")
    unnamed = refused(store("keys", "set", "M1 P1", "line", *ACCOUNT), 2)
    assert "name it with --on" in unnamed
    none = refused(store("keys", "set", "M1 P1", "line", "--model", "snomD712"), 2)
    assert "takes no expansion modules" in none


def test_a_key_has_the_attributes_it_is_given(store: Command) -> None:
    store("keys", "set", "P2", "blf 402", *ACCOUNT)
    assert "attributes" not in store("keys", "list", *ACCOUNT).out
    given = ["--attribute", "icon_type=bell", "--attribute", 'short_label=A "&']
    done = store("keys", "set", "P1", "line", *given, *ACCOUNT, "--json")
    attributes = {"icon_type": "bell", "short_label": 'A "&'}
    assert done.json["attributes"] == attributes
    first, _second = store("keys", "list", *ACCOUNT, "--json").json
    assert first["attributes"] == attributes
    rows = store("keys", "list", *ACCOUNT).out.splitlines()
    assert rows[1].endswith('icon_type=bell short_label=A "&')
    document = store("document", "0004132E08B4").out
    assert 'icon_type="bell" short_label="A &quot;&amp;"' in document
    store("keys", "set", "P1", "line", *ACCOUNT)
    assert "icon_type" not in store("document", "0004132E08B4").out


@pytest.mark.parametrize(
    ("attribute", "status", "sentence"),
    [
        ("icon_type", 2, "write NAME=VALUE"),
        ("idx=3", 1, "is not an attribute of a function key"),
        ("clp=yes", 1, "a number from 0 to 1"),
    ],
)
def test_what_is_no_attribute_is_refused(
    store: Command, attribute: str, status: int, sentence: str
) -> None:
    done = store("keys", "set", "P1", "line", "--attribute", attribute, *ACCOUNT)
    assert sentence in refused(done, status)
