"""Imports that are planned without a lock, against rows written one by one.

What is planned before the transaction, written together in it, or tried out on a copy
must come to the same as rows that are looked at and written one after the other; also
when somebody else writes in between.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.errors import OperatorError, StoreError
from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.bulk import importplan, staged, wholedomain
from bootwave.store.bulk.changedaccounts import ChangedAccounts
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.newaccounts import NewAccounts
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.operations import bulk
from bootwave.store.secrets import KeyRing, password_owner
from tests.store.clock import Clock
from tests.store.steps import taken

A, B = "a.example.com", "b.example.com"
KEYS = KeyRing({b"test": b"k" * 32})
NUMBERS = [str(number) for number in range(401, 409)]
MACS = [f"{0x000413000000 + number:012X}" for number in range(6)]

Row = dict[str, str]


@st.composite
def rows(draw: st.DrawFn, domains: tuple[str, ...] = (A, A, A, B)) -> list[Row]:
    """Rows of every kind, whose phones meet; an account stands in one of them."""
    found: dict[tuple[str, str], Row] = {}
    are_right = draw(st.booleans())  # one wrong row, and nothing is stored
    for _ in range(draw(st.integers(0, 8))):
        row = {
            "extension": draw(st.sampled_from(NUMBERS)),
            "domain": draw(st.sampled_from(domains)),
        }
        targets = st.lists(st.sampled_from([*MACS, "*", "?"]), max_size=3, unique=True)
        values: dict[str, st.SearchStrategy[str]] = {
            "password": st.sampled_from(["one", "two", ""]),
            "name": st.sampled_from(["Anna", "Berta", ""]),
            "mac": targets.map(" ".join),
            "mailbox": st.sampled_from(["900", ""]),
        }
        for name, value in values.items():
            if draw(st.integers(0, 4)):
                row[name] = draw(value)
        if are_right and not row.get("password"):
            row["password"] = "three"
        found[row["extension"], row["domain"]] = row
    return list(found.values())


class Store:
    """A store of two domains, with the accounts of some rows."""

    template: Path

    def __init__(self, directory: Path, name: str, stored: list[Row]) -> None:
        self.path = directory / name
        shutil.copy(self.template, self.path)
        self.admin = self.opened()
        self.admin.domain_add(A)
        self.admin.domain_add(B)
        self.admin.account_import(stored)
        self.admin._connection.execute("UPDATE devices SET provisioned_at = 7.0")

    def opened(self, busy_seconds: float = 0.0) -> Administration:
        return Administration(
            connect(self.path, busy_seconds=busy_seconds),
            KEYS,
            PairingOptions(),
            now=Clock(),
            committed=lambda changes: None,
        )

    def content(self) -> list[Any]:
        """Return all that rows may change, accounts by their names."""
        connection = self.admin._connection
        accounts = connection.execute(
            "SELECT a.id, d.name, a.number, a.display_name, a.auth_user, a.mailbox, "
            "a.wildcard, a.sort_name, a.sealed_password, d.star_subnet "
            "FROM accounts a JOIN domains d ON d.id = a.domain_id "
            "ORDER BY d.name, a.number"
        ).fetchall()
        names = {row[0]: (row[1], row[2]) for row in accounts}
        passwords = [
            KEYS.open(row[8], owner=password_owner(row[0])) for row in accounts
        ]
        bindings = connection.execute(
            "SELECT account_id, mac, identity, domain_id FROM bindings "
            "ORDER BY mac, identity"
        ).fetchall()
        return [
            [(*row[1:8], row[9]) for row in accounts],
            passwords,
            [(names[account_id], *rest) for account_id, *rest in bindings],
            connection.execute(
                "SELECT mac, domain_id, last_domain_id, provisioned_at, adopted_at "
                "FROM devices ORDER BY mac"
            ).fetchall(),
        ]

    def imports(self, rows: list[Row], **how: Any) -> dict[str, Any]:
        stage = self.admin.stage_begin()["stage"]
        return self._taken(self.admin.stage_import, stage, rows, how)

    def replaces(self, rows: list[Row], **how: Any) -> dict[str, Any]:
        stage = self.admin.stage_begin(domain=A, only=True)["stage"]
        return self._taken(self.admin.stage_replace, stage, rows, how)

    def _taken(
        self, operation: Callable[..., Any], stage: str, rows: list[Row], how: Any
    ) -> dict[str, Any]:
        self.admin.stage_add(stage, rows)
        found: dict[str, Any] = taken(operation, stage, **how)
        return found


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> None:
    Store.template = tmp_path_factory.mktemp("template") / "bootwave.db"
    create(Store.template)


@contextmanager
def stores(stored: list[Row], *names: str) -> Iterator[list[Store]]:
    with tempfile.TemporaryDirectory(prefix="bootwave-test-") as directory:
        made = [Store(Path(directory), name, stored) for name in names]
        yield made
        for one in made:
            one.admin.close()


@contextmanager
def planned(*, large: bool) -> Iterator[None]:
    """Everything is planned, in small steps, and with *large* written together."""
    with ExitStack() as patches:
        for module, name, value in (
            (bulk, "_FEW", 0),
            (bulk, "MOST_IN_ONE", 0 if large else 1_000),
            (bulk, "PLANNED_TOGETHER", 2),
            (staged, "TOGETHER", 3),
            (wholedomain, "_TOGETHER", 2),
        ):
            patches.enter_context(patch.object(module, name, value))
        yield


@contextmanager
def one_by_one() -> Iterator[None]:
    """Nothing is planned, and nothing written together."""

    def all_of(_work: Any, rows: list[ImportRow], *, update: bool) -> list[ImportRow]:
        return list(rows)

    with (
        patch.object(importplan, "outstanding", all_of),
        patch.object(ChangedAccounts, "add", lambda *_: None),
        patch.object(NewAccounts, "add", lambda *_: None),
    ):
        yield


@given(rows(), rows(), st.booleans(), st.booleans())
@settings(max_examples=80)
def test_an_import_is_that_of_its_rows_one_by_one(
    stored: list[Row], brought: list[Row], update: bool, large: bool
) -> None:
    with stores(stored, "planned", "plain") as (mine, plain):
        how = {"update": update, "all_or_nothing": True}
        before = mine.content()
        assert before == plain.content()
        with planned(large=large):
            tried = mine.imports(brought, update=update, dry_run=True)
            assert mine.content() == before
            found = mine.imports(brought, **how)
        with one_by_one():
            others = plain.imports(brought, **how)
        assert found == others
        assert tried == {**found, "stored": False}
        assert mine.content() == plain.content()
        if found["error_count"]:
            assert mine.content() == before


@given(rows(), rows((A,)), st.booleans())
@settings(max_examples=80)
def test_a_pushed_state_is_that_of_its_rows_one_by_one(
    stored: list[Row], pushed: list[Row], large: bool
) -> None:
    with stores(stored, "planned", "plain") as (mine, plain):
        before = mine.content()
        with planned(large=large):
            tried = mine.replaces(pushed, most_removed=8, dry_run=True)
            assert mine.content() == before
            found = mine.replaces(pushed, most_removed=8)
        with one_by_one():
            others = plain.replaces(pushed, most_removed=8)
        assert found == others
        assert tried == {**found, "stored": False}
        assert mine.content() == plain.content()


def changes(number: str, mac: str) -> list[Callable[[Administration], Any]]:
    """What somebody else may do to an account of the domain."""
    name = f"{number}@{A}"
    return [
        lambda admin: admin.account_remove(name),
        lambda admin: admin.account_add(name, password="other"),
        lambda admin: admin.account_add(name, password="other", mac=mac),
        lambda admin: admin.account_set(name, password="other"),
        lambda admin: admin.account_set(name, name="Other", mailbox="999"),
        lambda admin: admin.account_bind(name, mac),
        lambda admin: admin.account_bind(name, "*"),
        lambda admin: admin.account_unbind(name),
        lambda admin: admin.window_open([name], minutes=5),
        lambda admin: admin.domain_set(A, language="de"),
    ]


@st.composite
def others(draw: st.DrawFn) -> list[tuple[int, Callable[[Administration], Any]]]:
    """What others do behind which step of an import; 0 is before its transaction."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        some = changes(draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(MACS)))
        found.append((draw(st.integers(0, 6)), draw(st.sampled_from(some))))
    return found


def whole(row: Row) -> Row:
    """Return a row that says all of an account."""
    said = {"name": "", "mac": "", "mailbox": "", "auth_user": "", **row}
    wanted = [target for target in said["mac"].split() if target not in ("*", "?")]
    return {**said, "mac": " ".join(wanted), "password": row.get("password") or "pw"}


@given(rows((A,)), rows((A,)), others(), st.booleans(), st.booleans())
@settings(max_examples=120)
def test_whoever_writes_in_between_is_not_overlooked(
    stored: list[Row],
    pushed: list[Row],
    acts: list[tuple[int, Callable[[Administration], Any]]],
    large: bool,
    far: bool,
) -> None:
    said = [whole(row) for row in pushed]
    with stores(stored, "store") as (mine,):
        # Two, so that one of them is like another process.
        other = mine.opened(busy_seconds=1.0) if far else mine.admin

        def act(step: int) -> None:
            for at, change in acts:
                if at == step:
                    # There may be no such account, or one already.
                    with suppress(OperatorError, StoreError):
                        change(other)

        require_few = bulk.BulkOperations._require_few

        def just_before(self: Any, stage: Any) -> None:
            require_few(self, stage)
            act(0)

        with planned(large=large):
            stage = mine.admin.stage_begin(domain=A, only=True)["stage"]
            mine.admin.stage_add(stage, said)
            step = 0
            with patch.object(bulk.BulkOperations, "_require_few", just_before):
                while (found := mine.admin.stage_replace(stage, most_removed=16))[
                    "more"
                ]:
                    act(step := step + 1)
        assert found["stored"]
        _assert_is_as_said(mine.admin._connection, said)


def _assert_is_as_said(connection: sqlite3.Connection, said: list[Row]) -> None:
    """The domain holds what the rows say, and nothing else."""
    found = {
        row[1]: row
        for row in connection.execute(
            "SELECT a.id, a.number, a.display_name, a.mailbox, a.wildcard, "
            "a.sealed_password FROM accounts a JOIN domains d ON d.id = a.domain_id "
            "WHERE d.name = ?",
            (A,),
        ).fetchall()
    }
    assert found.keys() == {row["extension"] for row in said}
    for row in said:
        id_, _, name, mailbox, wildcard, sealed = found[row["extension"]]
        assert (name, mailbox, wildcard) == (row["name"], row["mailbox"], "")
        assert KEYS.open(sealed, owner=password_owner(id_)) == row["password"]
        bound = connection.execute(
            "SELECT mac FROM bindings WHERE account_id = ?", (id_,)
        ).fetchall()
        assert {f"{mac:012X}" for (mac,) in bound} == {*row["mac"].split()}
