"""No SQL is built from values: read from the source, like the floors."""

import ast
import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import bootwave.store
from bootwave.store.create import create

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


LARGE = {
    *("accounts", "devices", "bindings", "windows", "openings", "audit", "changes"),
    *("settings", "function_keys", "phone_books", "phone_book_entries"),
    *("device_credentials", "device_tokens", "firmware_definitions"),
    *("firmware_scopes", "rollout_phones", "redirection_phones", "idempotency_keys"),
}
# Those that go through all of one, as they are meant to: reads of lists and of fleets,
# which keep nobody from writing, what ends at its first row, and beginnings of others.
WHOLE = {
    *("audit._COUNT", "audit._LIST", "audit._NEWEST", "audit._OLD"),
    *("domains.accounts._SELECT", "domains.windows._LIST", "work.ACCOUNT_ROWS"),
    *("firmware.downgrades._PHONES", "firmware.downgrades._SCOPES"),
    *("firmware.images._USES", "proofs.certificateblocks._ALL_SHOWN"),
    *("proofs.certificateblocks._SHOWN", "redirection.rows.ENTRY"),
    *("redirection.rows._BOUND", "redirection.account._COUNTS"),
    *("redirection.account._FORGET", "redirection.account._PHONES"),
    *("rekey.COLUMNS", "reports.devicereport._SELECT"),
    *("reports.devicereport._DEVICES", "reports.devicereport._MACS"),
    *("rollouts.rollouts._OF_MODEL", "rollouts.units._SHARED"),
    *("firmware.firmware._HAS_SCOPES", "serving.firmwarereader._HAS_SCOPES"),
    *("serving.reader._SPAN", "serving.wildcardparts._WILDCARDS"),
    "settings.fleet._SAID_DELAYS",
}
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE)\b")
SCAN = re.compile(r"SCAN (\w+)|SEARCH (\w+) USING (?:COVERING )?(?:PRIMARY )?\w+ ?\w*$")


def texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts([*value.values()])
    elif isinstance(value, tuple | list):
        for part in value:
            yield from texts(part)


def statements() -> Iterator[tuple[str, str]]:
    """Yield where each constant statement stands first, and its text."""
    for found in pkgutil.walk_packages(bootwave.store.__path__, "bootwave.store."):
        if ".migrations" in found.name or ".schema" in found.name:
            continue
        module = importlib.import_module(found.name)
        for name, value in vars(module).items():
            for text in texts(value):
                if STATEMENT.match(text):
                    yield f"{found.name.removeprefix('bootwave.store.')}.{name}", text


def gone_through(connection: sqlite3.Connection, sql: str) -> set[str]:
    """Return the tables all of which *sql* reads; none for one of another file."""
    marks = sql.count("?")
    names = re.findall(r":(\w+)", sql)
    values = dict.fromkeys(names, 1) if names else [1] * marks
    try:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    except sqlite3.OperationalError:
        return set()
    aliases = [
        next(filter(None, found)) for *_, step in plan for found in SCAN.findall(step)
    ]
    tables = {*aliases}
    for alias in aliases:
        tables.update(re.findall(rf"\b(\w+)(?: AS)? {alias}\b", sql))
    return tables & LARGE


def test_no_statement_goes_through_a_large_table_but_those_that_are_meant_to(
    tmp_path: Path,
) -> None:
    create(tmp_path / "bootwave.db")
    connection = sqlite3.connect(tmp_path / "bootwave.db")
    meant, found, seen = set[str](), dict[str, set[str]](), set[str]()
    for where, sql in statements():
        tables = gone_through(connection, sql)
        if tables and where in WHOLE:
            meant.add(where)
            seen.add(sql)
        elif tables:
            found[where] = tables
    connection.close()
    again = {where for where, sql in statements() if sql in seen}
    assert {where: found[where] for where in found.keys() - again} == {}
    assert meant == WHOLE
