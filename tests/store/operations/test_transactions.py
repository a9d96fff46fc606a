"""A transaction: what is told after it, and what a failed one leaves."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import OperatorError, StoreUnavailable
from bootwave.options import PairingOptions
from bootwave.pairing.instant import Instant
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change, changes_after
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from tests.store.clock import Clock

ACCOUNT = "401@a.example.com"


def test_what_changed_is_told_after_the_commit_and_as_the_log_has_it(
    path: Path, keyring: KeyRing, clock: Clock, connection: sqlite3.Connection
) -> None:
    seen: list[tuple[list[Change], list[Change]]] = []
    seq = [0]

    def committed(changes: list[Change]) -> None:
        seq[0], logged = changes_after(connection, seq[0])
        seen.append((changes, logged))

    own = connect(path)
    admin = Administration(
        own, keyring, PairingOptions(), now=clock, committed=committed
    )
    admin.domain_add("a.example.com")
    admin.account_add(ACCOUNT, password="pw", mac="0004132E08B4")
    admin.window_open([ACCOUNT])
    assert len(seen) == 3
    assert all(told == logged for told, logged in seen)
    own.close()


def test_the_instant_of_a_write_is_one_at_which_nobody_else_writes(
    keyring: KeyRing, clock: Clock, connection: sqlite3.Connection
) -> None:
    locked: list[bool] = []

    def now() -> Instant:
        locked.append(connection.in_transaction)
        return clock()

    admin = Administration(
        connection, keyring, PairingOptions(), now=now, committed=lambda changes: None
    )
    admin.domain_add("a.example.com")
    assert locked == [True]


def test_a_refused_operation_changes_and_tells_nothing(
    admin: Administration,
    told: list[list[Change]],
    connection: sqlite3.Connection,
) -> None:
    refusals: list[Callable[[], Any]] = [
        lambda: admin.domain_add("not a domain"),
        lambda: admin.account_add("401@nowhere.de", password="hunter2"),
        lambda: admin.account_bind(ACCOUNT, "*"),
        lambda: admin.window_open([ACCOUNT]),
        lambda: admin.device_show("nonsense"),
        lambda: admin.settings_set("device", "nonsense", "language", "x"),
    ]
    for refusal in refusals:
        with pytest.raises(OperatorError) as raised:
            refusal()
        message = str(raised.value)
        assert message.endswith(".")
        assert "\n" not in message
        assert "hunter2" not in message
    assert told == []
    assert connection.execute("SELECT COUNT(*) FROM changes").fetchone() == (0,)
    assert not connection.in_transaction


class Failing:
    """A connection whose COMMIT fails."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, *values: Any) -> Any:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return self._connection.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_failed_commit_is_never_success_and_the_store_is_opened_again(
    path: Path, keyring: KeyRing, clock: Clock
) -> None:
    told: list[list[Change]] = []
    opened: list[sqlite3.Connection] = []

    def reopen() -> sqlite3.Connection:
        opened.append(connect(path))
        return opened[-1]

    admin = Administration(
        Failing(connect(path)),  # type: ignore[arg-type]
        keyring,
        PairingOptions(),
        now=clock,
        committed=told.append,
        reopen=reopen,
    )
    with pytest.raises(StoreUnavailable, match="nothing was changed"):
        admin.domain_add("a.example.com")
    assert told == []
    assert admin.domain_list() == []
    admin.domain_add("a.example.com")
    assert len(opened) == 1
    assert len(told) == 1
    opened[0].close()


def test_without_a_way_to_reopen_a_failed_store_stays_unavailable(
    path: Path, keyring: KeyRing, clock: Clock
) -> None:
    admin = Administration(
        Failing(connect(path)),  # type: ignore[arg-type]
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda changes: None,
    )
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            admin.domain_add("a.example.com")
    with pytest.raises(StoreUnavailable):
        admin.domain_list()
