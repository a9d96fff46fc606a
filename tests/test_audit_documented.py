"""Everything that is noted in the audit log stands in the manual."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import bootwave.store

ACTION = re.compile(r"[a-z]+\.[a-z]+")
STORE = Path(bootwave.store.__file__).parent
PAGE = (Path(__file__).parents[1] / "docs" / "secrets.md").read_text()


def noted() -> Iterator[str]:
    """Yield what is handed to who notes it."""
    for path in STORE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func).rpartition(".")[2]
            if name not in ("note", "_changed", "_commanded"):
                continue
            for each in call.args:
                if isinstance(each, ast.Constant) and ACTION.fullmatch(str(each.value)):
                    yield str(each.value)


def told() -> set[str]:
    """Return what the table names: actions, and beginnings of them."""
    table = PAGE.split("| what | when |", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"`([a-z]+\.(?:[a-z]+|…))`", table))


def test_every_action_is_in_the_table() -> None:
    actions = set(noted())
    assert {"window.closed", "dialplan.set", "rollout.paused"} <= actions
    named = told()
    missing = {
        action
        for action in actions
        if action not in named and action.partition(".")[0] + ".…" not in named
    }
    assert not missing
