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
from bootwave.store.bulk.rehearsals import Rehearsal
from bootwave.store.bulk.staged import Stage
from bootwave.store.create import create
from bootwave.store.sightings.contacts import ContactFile

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
    *("audit._COUNT", "audit._NEWEST", "audit._OLD"),
    "work.ACCOUNT_ROWS",
    *("firmware.downgrades._PHONES", "firmware.downgrades._SCOPES"),
    *("firmware.images._USES", "proofs.certificateblocks._ALL_SHOWN"),
    *("proofs.certificateblocks._SHOWN", "redirection.rows.ENTRY"),
    *("redirection.rows._BOUND", "redirection.account._COUNTS"),
    *("redirection.account._FORGET", "redirection.account._PHONES"),
    *("redirection.account._IN_TROUBLE", "rekey.COLUMNS"),
    *("rollouts.rollouts._OF_MODEL", "rollouts.units._SHARED"),
    *("firmware.firmware._HAS_SCOPES", "serving.firmwarereader._HAS_SCOPES"),
    *("serving.reader._SPAN", "serving.wildcardparts._WILDCARDS"),
    "settings.fleet._SAID_DELAYS",
}
# Those that read what they are given for each row of another, of which there is one.
OF_ONE_ROW = {"bulk.rehearsals._NAMED", "bulk.rehearsals._MACS"}
STATEMENT = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b")
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


@pytest.fixture
def files(tmp_path: Path) -> Iterator[dict[str, sqlite3.Connection]]:
    """Connections to each kind of file that statements are for, the store first."""
    database = tmp_path / "bootwave.db"
    create(database)
    contacts = ContactFile(tmp_path / "contacts").writing()
    contacts.execute("ATTACH DATABASE ? AS store", (str(database),))
    rehearsal, stage = Rehearsal(database), Stage()
    store = sqlite3.connect(database)
    yield {
        "store": store,
        "contacts": contacts,
        "rehearsal": rehearsal.connection,
        "stage": stage._connection,
    }
    for opened in (store, contacts, rehearsal, stage):
        opened.close()


Plan = list[tuple[int, str]]  # of each step what it is part of, and what it does


def plan(
    files: Mapping[str, sqlite3.Connection], where: str, sql: str
) -> tuple[str, Plan]:
    """Return the first file that can carry out *sql*, and in which steps; ("", []).

    What only begins other statements is one of no file.  Fails for one that no file
    understands.
    """
    sql = sql.replace("VALUES {}", "VALUES (?, ?)").replace("{}", "?")
    names = re.findall(r":(\w+)", sql)
    values = dict.fromkeys(names, 1) if names else [1] * sql.count("?")
    wrong: list[str] = []
    for file, connection in files.items():
        try:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        except sqlite3.OperationalError as error:
            wrong.append(f"{file}: {error}")
        else:
            return file, [(parent, step) for _, parent, _, step in rows]
    if all(why.endswith("incomplete input") for why in wrong):
        return "", []
    pytest.fail(f"No file understands {where} ({'; '.join(wrong)}): {sql.strip()}")


def gone_through(steps: Plan, sql: str) -> set[str]:
    """Return the tables of the store all of which *sql* reads in *steps*."""
    aliases = [
        next(filter(None, found)) for _, step in steps for found in SCAN.findall(step)
    ]
    tables = {*aliases}
    for alias in aliases:
        tables.update(re.findall(rf"\b(\w+)(?: AS)? {alias}\b", sql))
    return tables & LARGE


def test_no_statement_goes_through_a_large_table_but_those_that_are_meant_to(
    files: dict[str, sqlite3.Connection],
) -> None:
    meant, found, seen = set[str](), dict[str, set[str]](), set[str]()
    for where, sql in statements():
        file, steps = plan(files, where, sql)
        tables = gone_through(steps, sql) if file == "store" else set()
        if tables and where in WHOLE:
            meant.add(where)
            seen.add(sql)
        elif tables:
            found[where] = tables
    again = {where for where, sql in statements() if sql in seen}
    assert {where: found[where] for where in found.keys() - again} == {}
    assert meant == WHOLE


def read_again(steps: Plan) -> list[str]:
    """Return which of *steps* read a JSON text through for each row of another."""
    loops: set[int] = set()
    again: list[str] = []
    for parent, step in steps:
        if step.startswith(("SCAN", "SEARCH")):
            if parent in loops and "VIRTUAL TABLE" in step:
                again.append(step)
            loops.add(parent)
    return again


def test_no_statement_reads_what_it_is_given_once_for_each_row(
    files: dict[str, sqlite3.Connection],
) -> None:
    plans = {where: plan(files, where, sql)[1] for where, sql in statements()}
    again = {where for where, steps in plans.items() if read_again(steps)}
    assert again == OF_ONE_ROW
    quadratic = "SELECT 1 FROM devices v, json_each(:macs) j WHERE v.mac + 0 = j.key"
    assert read_again(plan(files, "x._SQL", quadratic)[1]) != []


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT nam FROM domains", "store: no such column: nam"),
        ("DELETE FROM domain WHERE id = :id", "store: no such table: domain"),
        ("SELECT row FROM rows WHERE numbr = ?", "stage: no such column: numbr"),
        ("UPDATE contacts SET heard = 1", "contacts: no such column: heard"),
    ],
)
def test_a_misspelt_statement_is_told_and_not_taken_for_one_of_another_file(
    files: dict[str, sqlite3.Connection], sql: str, why: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"bulk.x._SQL .*{why}"):
        plan(files, "bulk.x._SQL", sql)
