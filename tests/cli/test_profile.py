"""bootwave profile."""

from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"


def test_a_profile_is_made_filled_given_shown_and_removed(store: Command) -> None:
    done = store("profile", "add", DOMAIN, "sales")
    assert done.out == "Added the profile sales@pbx.example.com.\n"
    words = ["--profile", f"sales@{DOMAIN}"]
    assert store("keys", "set", "P1", "blf 402", "--label", "Bob", *words).status == 0
    assert store("settings", "set", "language", "Deutsch", *words).status == 0
    done = store("profile", "assign", DOMAIN, "sales", "401")
    assert done.out == "401@pbx.example.com has the profile sales.\n"
    shown = store("profile", "show", DOMAIN, "sales")
    assert "P1" in shown.out
    assert "Deutsch" in shown.out
    assert shown.out.endswith("accounts: 401\n")
    (listed,) = store("profile", "list", DOMAIN, "--json").json
    assert listed == {"name": "sales", "accounts": 1, "keys": 1, "settings": 1}
    assert "sales" in store("account", "show", f"401@{DOMAIN}").out
    assert "--force" in refused(store("profile", "remove", DOMAIN, "sales"))
    done = store("profile", "unassign", DOMAIN, "401")
    assert done.out == "401@pbx.example.com has no profile.\n"
    done = store("profile", "remove", DOMAIN, "sales")
    assert done.out == "Removed the profile sales@pbx.example.com.\n"
    assert "has no profiles" in store("profile", "list", DOMAIN).err


def test_many_accounts_get_it_at_once(store: Command) -> None:
    for number in ("402", "403"):
        store("account", "add", f"{number}@{DOMAIN}", "--password", "x")
    store("profile", "add", DOMAIN, "sales")
    done = store("profile", "assign", DOMAIN, "sales", "--numbers", "402-403")
    assert done.out == "2 accounts have the profile sales.\n"
    done = store("profile", "assign", DOMAIN, "sales", "--all", "--json")
    assert len(done.json["accounts"]) == 3
    shown = store("profile", "show", DOMAIN, "sales", "--json").json
    assert shown["accounts"] == ["401", "402", "403"]
    assert "which accounts" in refused(store("profile", "assign", DOMAIN, "sales"))
