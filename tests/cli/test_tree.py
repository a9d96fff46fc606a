"""The table of commands: the names are a contract, and each leads somewhere."""

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from bootwave.cli.tree import TREE, Branch, Leaf
from tests.cli.conftest import Command


def leaves(table: Mapping[str, Leaf | Branch], before: str = "") -> dict[str, Leaf]:
    found = {}
    for name, entry in table.items():
        if isinstance(entry, Leaf):
            found[before + name] = entry
        else:
            found |= leaves(entry.commands, f"{before}{name} ")
    return found


LEAVES = leaves(TREE)


def test_the_names_promised_are_there() -> None:
    assert set(LEAVES) == {
        *("watch", "metrics", "device would-serve"),
        *("init", "serve", "status", "demo", "document", "lint", "version", "url"),
        *("options check", "phone boot", "store upgrade"),
        "store rekey",
        *("dhcp render", "pnp probe"),
        *("domain add", "domain list", "domain set", "domain remove"),
        *("domain show", "admin add", "admin list", "admin set", "admin passwd"),
        *("admin remove", "admin link"),
        *("admin token add", "admin token list", "admin token revoke"),
        "domain token",
        *("domain trust add", "domain trust remove", "domain trust list"),
        *("phonebook import", "phonebook export", "phonebook list", "phonebook clear"),
        *("dialplan set", "dialplan unset", "dialplan list", "dialplan clear"),
        *("language set", "language unset", "language list"),
        *("account add", "account import", "account bind", "account unbind"),
        *("account export", "account replace", "search"),
        *("account list", "account show", "account set", "account remove"),
        *("window open", "window close", "window list"),
        *("device list", "device show", "device check", "device reset", "device token"),
        *("audit list", "audit verify"),
        *("device credentials rotate", "device credentials revoke"),
        *("profile add", "profile list", "profile show", "profile remove"),
        *("profile assign", "profile unassign"),
        *("group add", "group list", "group show", "group remove"),
        *("group assign", "group unassign"),
        *("settings set", "settings unset", "settings list", "settings ranges"),
        *("settings explain", "settings diff"),
        *("keys set", "keys clear", "keys list"),
        *("firmware list", "firmware set", "firmware unset", "firmware explain"),
        *("firmware pin", "firmware unpin", "firmware forbid", "firmware permit"),
        *("firmware export", "firmware import", "firmware edit"),
        *("firmware images", "firmware upload", "firmware remove"),
        "resync",
        *("rollout list", "rollout show", "rollout pause", "rollout resume"),
        *("rollout cancel", "rollout firmware"),
        *("redirection set", "redirection status", "redirection sync"),
        *("redirection unset", "redirection troubled"),
        *("tls check", "tls block", "tls unblock", "tls blocks"),
        *("tls init", "tls dev"),
    }


@pytest.mark.parametrize("path", LEAVES)
def test_a_command_is_a_documented_function(path: str) -> None:
    module, _, name = LEAVES[path].target.partition(":")
    function = getattr(import_module(f"bootwave.cli.{module}"), name)
    assert inspect.getdoc(function)
    assert LEAVES[path].help.endswith(".")


@pytest.mark.parametrize("path", LEAVES)
def test_a_command_shows_its_help_and_takes_an_options_file(
    path: str, run: Command
) -> None:
    done = run(*path.split(), "--help")
    assert done.status == 0
    assert done.out.startswith(f"Usage: bootwave {path} ")
    usage = done.out.partition("\n\n")[0]
    # What may be given more than once has its dots once.
    assert "...]..." not in usage
    assert "[[" not in usage
    assert "-o, --options FILE" in done.out
    # What is asked for is said in people's words, not by a type of Python's.
    assert not re.search("<(str|int|float|path|list)", done.out)


@pytest.mark.parametrize("path", sorted(set(LEAVES) - {"serve", "demo", "phone boot"}))
def test_a_command_that_prints_data_can_print_json(path: str, run: Command) -> None:
    assert "--json" in run(*path.split(), "--help").out


@pytest.mark.parametrize(
    "name", [name for name, entry in TREE.items() if isinstance(entry, Branch)]
)
def test_a_branch_alone_lists_its_commands(name: str, run: Command) -> None:
    done = run(name)
    assert done.status == 0
    entry = TREE[name]
    assert isinstance(entry, Branch)
    for word in entry.commands:
        assert f"\n  {word} " in done.out


@pytest.mark.parametrize("path", LEAVES)
def test_a_command_is_in_the_manual(path: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    assert f"| `bootwave {path}" in page
