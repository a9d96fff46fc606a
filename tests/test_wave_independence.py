"""The simulated phone shares no code with what it tests."""

import ast
from pathlib import Path

import pytest

import bootwave

WAVE = Path(bootwave.__file__).parent / "wave"
# Exceptions, what they quote, and numbers are shared; nothing that reads or writes a
# message is.
ALLOWED = {"wave", "errors", "limits", "quoting"}


@pytest.mark.parametrize("path", sorted(WAVE.glob("*.py")), ids=lambda path: path.name)
def test_the_simulated_phone_imports_nothing_of_the_server(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            top, _dot, rest = name.partition(".")
            assert top != "bootwave" or rest.partition(".")[0] in ALLOWED
            assert top != "h11"
