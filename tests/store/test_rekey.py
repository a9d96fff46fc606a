import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bootwave.errors import OptionError
from bootwave.options import PairingOptions
from bootwave.store import rekey as module
from bootwave.store.administration import Administration
from bootwave.store.audit import verify
from bootwave.store.connection import connect
from bootwave.store.keysources import key_lines, new_line, replace_file
from bootwave.store.rekey import COLUMNS, Rekeyed, drop_old, missing_keys, rekey
from bootwave.store.schema.tables import metadata
from bootwave.store.secrets import KeyRing, credentials_owner, password_owner
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.listed import notes_by

ACCOUNTS = 23
MAC = 0x0004132E08B4
HOW = {"now": 1.7e9, "actor": "anna"}


class Killed(BaseException):
    """Stands for a kill."""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "own.key"
    KeyRing.create(path)
    return path


@pytest.fixture
def full(connection: sqlite3.Connection, key: Path) -> Administration:
    """A store with a secret in every column that can have one."""
    ring = KeyRing.load(key)
    admin = Administration(
        connection,
        ring,
        PairingOptions(),
        now=Clock(),
        committed=lambda changes: None,
    )
    admin.domain_add("a.example.com")
    rows = [
        {"extension": f"{n}@a.example.com", "password": f"password-{n}"}
        for n in range(ACCOUNTS)
    ]
    admin.account_import(rows)
    admin.account_bind("1@a.example.com", f"{MAC:012X}")
    for _ in range(2):
        admin.token_make("a.example.com")
        admin.token_rotate(f"{MAC:012X}")
    admin.redirection_set(user="u", password="service-word", url="https://a.example")
    owner = credentials_owner(MAC)
    connection.execute(
        "INSERT INTO device_credentials VALUES (?, 'user', ?, 'before', ?, 1.0, NULL)",
        (MAC, ring.seal("present", owner=owner), ring.seal("past", owner=owner)),
    )
    return admin


SECRETS = ACCOUNTS + 7


def sealed_by(connection: sqlite3.Connection) -> set[bytes]:
    found = set()
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name.startswith("sealed"):
                rows = connection.execute(f"SELECT {column.name} FROM {table.name}")
                found |= {bytes(value[:4]) for (value,) in rows if value}
    return found


def test_every_column_that_is_sealed_is_known() -> None:
    sealed = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name.startswith("sealed")
    }
    texts = [column.how_many for column in COLUMNS]
    assert len(texts) == len(sealed)
    for table, column in sealed:
        wanted = f"SELECT COUNT(*) FROM {table} WHERE length({column}) > 0"
        assert [text for text in texts if text.startswith(wanted)], (table, column)


def test_every_secret_is_sealed_with_a_new_key_and_opens(
    full: Administration,
    connection: sqlite3.Connection,
    key: Path,
    reader: Reader,
) -> None:
    token = full.token_show("a.example.com")["token"]
    told: list[tuple[int, int]] = []
    done = rekey(connection, key, progress=lambda *at: told.append(at), **HOW)
    assert (done.new, done.sealed, done.damaged) == (True, SECRETS, [])
    assert len(done.old) == 1
    ring = KeyRing.load(key)
    assert sealed_by(connection) == {ring.sealing_id}
    assert done.key == ring.sealing_id.hex()
    account = reader.devices([MAC])[MAC].bindings[0].account
    opened = ring.open(account.sealed_password, owner=password_owner(account.id))
    assert opened == "password-1"
    # One that runs knows nothing of it, and opens everything all the same.
    assert full.token_show("a.example.com")["token"] == token
    assert told[-1] == (SECRETS, SECRETS)
    actions = [row["action"] for row in notes_by(connection, "anna")]
    assert actions == ["key.changed", "key.added"]
    assert not verify(connection).broken_at


def test_a_run_that_was_killed_is_gone_on_with(
    full: Administration,
    connection: sqlite3.Connection,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)

    def kill(done: int, total: int) -> None:
        if done >= 10:
            raise Killed

    with pytest.raises(Killed):
        rekey(connection, key, progress=kill, **HOW)
    assert len(sealed_by(connection)) == 2
    assert full.account_set("3@a.example.com", name="works on")
    done = rekey(connection, key, **HOW)
    assert (done.new, done.sealed) == (False, SECRETS - 10)
    assert sealed_by(connection) == {KeyRing.load(key).sealing_id}
    # And once more there is nothing to do, nor another key.
    again = rekey(connection, key, **HOW)
    assert (again.new, again.sealed, again.old) == (False, 0, done.old)


def test_the_old_key_goes_when_nothing_needs_it(
    full: Administration,
    connection: sqlite3.Connection,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert drop_old(connection, key, now=time.time(), actor="anna") == []
    before = key_lines(key)
    done = rekey(connection, key, **HOW)
    with pytest.raises(OptionError, match="try again in 30 seconds"):
        drop_old(connection, key, now=key.stat().st_mtime, actor="anna")
    almost = key.stat().st_mtime + module.SETTLED_SECONDS - 0.25
    with pytest.raises(OptionError, match=r"try again in 1 second\."):
        drop_old(connection, key, now=almost, actor="anna")
    later = time.time() + module.SETTLED_SECONDS + 1
    dropped = drop_old(connection, key, now=later, actor="anna")
    assert dropped == done.old == [before[0].split()[0]]
    assert len(key_lines(key)) == 1
    assert KeyRing.load(key).sealing_id.hex() == done.key
    assert full.token_show("a.example.com")
    assert notes_by(connection, "anna")[0]["action"] == "key.dropped"


def test_a_key_that_something_is_sealed_with_is_not_dropped(
    full: Administration, connection: sqlite3.Connection, key: Path
) -> None:
    old = KeyRing.load(key)
    rekey(connection, key, **HOW)
    late = KeyRing(old._keys)  # a process that does not look
    sealed = late.seal("late", owner=password_owner(1))
    connection.execute(
        "UPDATE accounts SET sealed_password = ? WHERE id = 1", (sealed,)
    )
    with pytest.raises(OptionError, match="1 secrets are sealed with an older key"):
        drop_old(connection, key, now=time.time() + 99, actor="anna")
    assert rekey(connection, key, **HOW).sealed == 1
    assert drop_old(connection, key, now=time.time() + 99, actor="anna")


def test_what_cannot_be_opened_is_named_and_keeps_its_key(
    full: Administration, connection: sqlite3.Connection, key: Path
) -> None:
    connection.execute(
        "UPDATE accounts SET sealed_password = substr(sealed_password, 1, 40) "
        "WHERE number = '7'"
    )
    done = rekey(connection, key, **HOW)
    assert (done.sealed, len(done.damaged)) == (SECRETS - 1, 1)
    assert done.damaged[0].startswith("account/")
    with pytest.raises(OptionError, match="older key"):
        drop_old(connection, key, now=time.time() + 99, actor="anna")


def test_a_key_that_is_in_no_file_is_changed_where_it_is(
    full: Administration,
    connection: sqlite3.Connection,
    key: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    source = Path("credential:own.key")
    with pytest.raises(OptionError, match="new-key"):
        rekey(connection, source, **HOW)
    with pytest.raises(OptionError, match="take the old keys away there"):
        drop_old(connection, source, **HOW)
    fresh = KeyRing.create(tmp_path / "fresh.key")
    lines = key_lines(tmp_path / "fresh.key") + key_lines(key)
    key.write_text("\n".join(lines) + "\n")
    done = rekey(connection, source, **HOW)
    assert (done.new, done.sealed) == (False, SECRETS)
    assert sealed_by(connection) == {fresh.sealing_id}


def test_the_file_has_every_key_before_anything_is_sealed(
    full: Administration,
    connection: sqlite3.Connection,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kill(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(module, "_seal_all", kill)
    with pytest.raises(Killed):
        rekey(connection, key, **HOW)
    assert len(key_lines(key)) == 2
    monkeypatch.undo()
    assert not rekey(connection, key, **HOW).new
    assert os.stat(key).st_mode & 0o077 == 0


def test_two_at_once_make_one_key(
    full: Administration,
    connection: sqlite3.Connection,
    path: Path,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replace_file = module.keysources.replace_file
    others: list[Rekeyed] = []

    def other() -> None:
        with closing(connect(path)) as second:
            others.append(rekey(second, key, **HOW))

    def replace_late(file: Path, lines: list[str]) -> None:
        monkeypatch.setattr(module.keysources, "replace_file", replace_file)
        thread.start()
        thread.join(0.3)
        replace_file(file, lines)

    thread = threading.Thread(target=other)
    monkeypatch.setattr(module.keysources, "replace_file", replace_late)
    first = rekey(connection, key, **HOW)
    thread.join()
    assert {first.key} == {done.key for done in others}
    assert len(key_lines(key)) == 2
    assert sealed_by(connection) == {KeyRing.load(key).sealing_id}


def test_nothing_is_lost_of_what_is_written_meanwhile(
    full: Administration,
    connection: sqlite3.Connection,
    key: Path,
    monkeypatch: pytest.MonkeyPatch,
    add: Callable[..., None],
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)

    def change(done: int, total: int) -> None:
        number = done % ACCOUNTS
        full.account_set(f"{number}@a.example.com", password=f"newer-{number}")

    rekey(connection, key, progress=change, **HOW)
    assert sealed_by(connection) == {KeyRing.load(key).sealing_id}


def test_what_was_written_before_the_lock_stays(
    full: Administration, connection: sqlite3.Connection, key: Path, path: Path
) -> None:
    newer = KeyRing.load(key).seal("newer", owner=password_owner(2))
    rekey(connection, key, **HOW)
    replace_file(key, [new_line(), *key_lines(key)])  # another one, by hand
    other = connect(path)
    made: list[str] = []

    def traced(statement: str) -> None:
        made.append(statement)
        # The first transaction is that of the key.
        if made.count("BEGIN IMMEDIATE") == 2 and statement == "BEGIN IMMEDIATE":
            other.execute(
                "UPDATE accounts SET sealed_password = ? WHERE id = 2", (newer,)
            )

    connection.set_trace_callback(traced)
    rekey(connection, key, **HOW)
    connection.set_trace_callback(None)
    other.close()
    ring = KeyRing.load(key)
    assert sealed_by(connection) == {ring.sealing_id}
    rows = connection.execute("SELECT sealed_password FROM accounts WHERE id = 2")
    assert ring.open(rows.fetchall()[0][0], owner=password_owner(2)) == "newer"


def test_nobody_waits_with_a_write_while_secrets_are_looked_for(
    full: Administration, connection: sqlite3.Connection, key: Path
) -> None:
    made: list[str] = []
    connection.set_trace_callback(made.append)
    assert rekey(connection, key, **HOW).sealed == SECRETS
    connection.set_trace_callback(None)
    locked, is_locked = list[str](), False
    for one in made:
        is_locked = one == "BEGIN IMMEDIATE" or (is_locked and one != "COMMIT")
        if is_locked and "LIMIT" in one and "audit" not in one:
            locked.append(one)
    assert locked == []


def test_keys_that_are_not_there_are_named(
    full: Administration, connection: sqlite3.Connection, key: Path
) -> None:
    ring = KeyRing.load(key)
    assert missing_keys(connection, ring) == []
    replace_file(key, [new_line()])
    other = KeyRing.load(key)
    assert missing_keys(connection, other) == [ring.sealing_id.hex()]
    # One secret in any of the columns is enough.
    connection.execute("UPDATE accounts SET sealed_password = x''")
    assert missing_keys(connection, other) == [ring.sealing_id.hex()]
