"""bootwave group."""

from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"
MAC = "0004132E08B4"


def test_a_group_is_made_filled_shown_and_removed(store: Command) -> None:
    done = store("group", "add", DOMAIN, "ground floor")
    assert done.out == "Added the group ground floor@pbx.example.com.\n"
    assert "no devices" in store("group", "show", DOMAIN, "ground floor").err
    done = store("group", "assign", DOMAIN, "ground floor", MAC)
    assert done.out == f"{MAC} is in the group ground floor.\n"
    assert MAC in store("group", "show", DOMAIN, "ground floor").out
    assert store("group", "list", DOMAIN, "--json").json == [
        {"name": "ground floor", "devices": 1}
    ]
    assert "ground floor" in store("group", "list", DOMAIN).out
    done = store("group", "unassign", DOMAIN, MAC)
    assert done.out == f"{MAC} is in no group.\n"
    done = store("group", "remove", DOMAIN, "ground floor")
    assert done.out == "Removed the group ground floor@pbx.example.com.\n"
    assert "has no groups" in store("group", "list", DOMAIN).err
    assert "no group" in refused(store("group", "show", DOMAIN, "ground floor"))
