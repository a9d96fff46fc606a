"""No SQL is built from values: read from the source, like the floors."""

import ast
from pathlib import Path

import pytest

import bootwave.store

SOURCES = sorted(
    path
    for path in Path(bootwave.store.__file__).parent.rglob("*.py")
    if "migrations" not in path.parts
)
CALLS = {"execute", "executemany", "executescript"}


def is_constant(node: ast.expr) -> bool:
    """A literal, a name, table or sum of them, or ``NAME.format(placeholders(…))``."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.Name):
        return True
    if isinstance(node, ast.BinOp):
        return is_constant(node.left) and is_constant(node.right)
    if isinstance(node, ast.Subscript):
        return isinstance(node.value, ast.Name)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and isinstance(node.func.value, ast.Name)
        and all(
            (isinstance(argument, ast.Name) and argument.id == "marks")
            or (
                isinstance(argument, ast.Call)
                and isinstance(argument.func, ast.Name)
                and argument.func.id == "placeholders"
            )
            for argument in node.args
        )
    )


def assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_sql_is_constant_text(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = assigned(tree)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALLS
            and node.args
        ):
            sql = node.args[0]
            assert is_constant(sql), f"{path.name}:{node.lineno}"
            if isinstance(sql, ast.Name):
                values = names.get(sql.id, [])
                assert all(
                    is_constant(value) or isinstance(value, ast.Tuple)
                    for value in values
                ), f"{path.name}:{node.lineno}"
