"""A store of an older schema with something in it becomes one of this version."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.options import PairingOptions
from bootwave.pairing.instant import Instant
from bootwave.phone.mac import text_from_mac
from bootwave.store import create as module
from bootwave.store.administration import Administration
from bootwave.store.audit import append, phone_actor, verify
from bootwave.store.connection import connect, open_file
from bootwave.store.create import check, upgrade
from bootwave.store.revisions import HEAD, revision_of
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.serving.phonewrites import consume_window
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.listed import windows_of

MAC = 0x0004132E08B4
RING = KeyRing({b"test": b"k" * 32})
OLD = """
INSERT INTO domains VALUES (1, 'pbx.example.com', '', '', 'Deutsch', '', '', '', NULL);
INSERT INTO devices VALUES (18919393460, 1, 1, 'snom370', 0);
INSERT INTO models VALUES (1, 'snom370');
INSERT INTO settings VALUES ('device', 18919393460, 'ringer', -1, 'on', 'R');
INSERT INTO function_keys VALUES ('domain', 1, 0, 'active', 'line', '', 'R');
INSERT INTO changes VALUES (7, 'device', 18919393460);
"""


def made_at(path: Path, schema: str) -> None:
    """Make what an older version made, by its own migrations."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    options = Config()
    options.set_main_option("script_location", "bootwave.store:migrations")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        options.attributes["connection"] = connection
        command.upgrade(options, schema)
    engine.dispose()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    made_at(path, "0001")
    connection = sqlite3.connect(path)
    connection.executescript(OLD.replace("18919393460", str(MAC)))
    for number in (401, 402):
        sealed = RING.seal(f"of-{number}", owner=password_owner(number))
        account = (number, 1, str(number), "Anna", "", sealed, "", "")
        connection.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", account
        )
        binding = (MAC, number - 400, number, 1, None, "")
        connection.execute("INSERT INTO bindings VALUES (?, ?, ?, ?, ?, ?)", binding)
    at = Clock().at
    opened = (at.boot_id, at.boottime, at.boottime + 600)
    connection.execute(
        "INSERT INTO windows VALUES (1, 401, ?, ?, ?, 0, '', 0, NULL, '')", opened
    )
    connection.execute(
        "INSERT INTO windows VALUES (2, 402, ?, ?, ?, 0, '', 0, 5.0, 'operator')",
        opened,
    )
    connection.commit()
    connection.close()
    return path


def rows(path: Path) -> dict[str, list[Any]]:
    connection = open_file(path)
    try:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()
            for (name,) in tables
        }
    finally:
        connection.close()


def same_rows(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> None:
    """What was there is still there, perhaps with columns behind it."""
    for table, was in before.items():
        if table == "sqlite_sequence":
            assert set(was) <= set(after[table])
        elif table != "alembic_version":
            assert [row[: len(was[0])] for row in after[table]] == was


def revision(path: Path) -> str | None:
    connection = open_file(path)
    try:
        return revision_of(connection)
    finally:
        connection.close()


def test_what_was_stored_is_there_and_works_after_the_upgrade(old: Path) -> None:
    before = rows(old)
    assert upgrade(old)
    check(old)
    after = rows(old)
    same_rows(before, after)
    reader = Reader(old)
    device = reader.devices([MAC])[MAC]
    reader.close()
    assert [binding.account.number for binding in device.bindings] == ["401", "402"]
    assert (device.provisioned_at, device.token) == (None, None)
    account = device.bindings[0].account
    assert RING.open(account.sealed_password, owner=password_owner(401)) == "of-401"
    window = account.window
    assert window is not None
    connection = connect(old)
    clock = Clock()
    admin = Administration(
        connection, RING, PairingOptions(), now=clock, committed=lambda changes: None
    )
    # A window of before is shown and used; nobody knows who opened it.
    first, second = windows_of(admin, everything=True)
    assert (first["state"], first["opened_by"]) == ("open", "")
    assert (second["state"], second["closed_by"]) == ("closed", "operator")
    at: Instant = clock.at
    assert consume_window(
        connection,
        window_id=window.id,
        mac=MAC,
        source="10.0.0.7",
        now=at,
        pairing_seconds=300.0,
    )
    assert not verify(connection).broken_at
    connection.close()


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """A store of 0002 in which something was deleted again."""
    path = tmp_path / "trusted.db"
    made_at(path, "0002")
    connection = sqlite3.connect(path)
    connection.executescript(TRUSTED.replace("18919393460", str(MAC)))
    connection.close()
    return path


TRUSTED = """
INSERT INTO domains VALUES (1, 'pbx.example.com', '', '', '', '', '', '', NULL);
INSERT INTO accounts VALUES (1, 1, '401', 'Anna', '', x'00', '', '*');
INSERT INTO accounts VALUES (9, 1, '409', 'Gone', '', x'00', '', '');
INSERT INTO devices VALUES (18919393460, 1, 1, 'snom370', 1, 17.5);
INSERT INTO bindings VALUES (18919393460, 1, 1, 1, NULL, '');
INSERT INTO device_credentials
  VALUES (18919393460, 'user', x'00', '', x'', 17.5, NULL);
INSERT INTO models VALUES (1, 'snom370');
INSERT INTO settings VALUES ('model', 1, 'language', -1, 'Deutsch', 'RW');
INSERT INTO function_keys VALUES ('account', 1, 3, 'active', 'line', 'A', '!');
INSERT INTO changes VALUES (7, 'model', 1);
INSERT INTO changes VALUES (8, 'all', 0);
DELETE FROM changes WHERE seq = 8;
DELETE FROM accounts WHERE id = 9;
"""


def test_layers_are_added_to_a_store_of_before(trusted: Path) -> None:
    before = rows(trusted)
    assert upgrade(trusted)
    check(trusted)
    after = rows(trusted)
    same_rows(before, after)
    assert [row[-2:] for row in after["accounts"]] == [(None, "anna")]
    assert [row[-1] for row in after["devices"]] == [None]
    assert [row[-1] for row in after["function_keys"]] == [""]
    connection = connect(trusted)
    connection.executescript("""
        INSERT INTO profiles VALUES (1, 1, 'sales');
        INSERT INTO groups VALUES (1, 1, 'ground floor');
        INSERT INTO firmware_ranges VALUES (1, 'snom370', '8.4', '8.7');
        INSERT INTO settings VALUES ('profile', 1, 'language', -1, 'x', 'R');
        INSERT INTO function_keys (scope, key, idx, context, value, label, permission)
          VALUES ('firmware', 1, 3, 'active', 'line', '', 'R');
        INSERT INTO changes (kind, key) VALUES ('profile', 1);
        UPDATE accounts SET profile_id = 1;
        UPDATE devices SET group_id = 1;
        INSERT INTO accounts (domain_id, number, display_name, auth_user,
          sealed_password, mailbox, wildcard) VALUES (1, '402', '', '', x'', '', '');
    """)
    # Neither an id nor a number of the log that was given is given again.
    newest = "SELECT (SELECT MAX(id) FROM accounts), (SELECT MAX(seq) FROM changes)"
    assert connection.execute(newest).fetchall() == [(10, 9)]
    connection.close()


def test_an_upgrade_that_fails_halfway_leaves_the_old_store(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows(old)
    full = sqlite3.connect(old)
    pages = full.execute("PRAGMA page_count").fetchall()[0][0]
    full.close()
    opened = module.open_file

    def cramped(path: Path) -> sqlite3.Connection:
        connection = opened(path)
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")  # a full disk
        return connection

    monkeypatch.setattr(module, "open_file", cramped)
    with pytest.raises(StoreUnavailable, match="could not be upgraded"):
        upgrade(old)
    monkeypatch.undo()
    assert rows(old) == before
    assert revision(old) == "0001"
    assert upgrade(old)
    assert revision(old) == HEAD


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from bootwave.store import create

opened = create.open_file
left = [int(sys.argv[2])]

def trace(statement):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def traced(path):
    connection = opened(path)
    connection.set_trace_callback(trace)
    return connection

create.open_file = traced
create.upgrade(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("statement", [5, 10, 15, 20, 30, 40, 50, 60, 70, 90])
def test_an_upgrade_that_was_killed_leaves_the_old_store_or_the_new_one(
    old: Path, statement: int
) -> None:
    before = rows(old)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(old), str(statement)],
        env=os.environ,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    if revision(old) == "0001":
        assert rows(old) == before
        assert upgrade(old)
    else:
        assert statement >= 20  # it was killed after all was done, or not at all
    assert revision(old) == HEAD
    check(old)


MOVED = """
INSERT INTO domains (id, name, registrar, outbound_proxy, language, timezone,
  tone_scheme, wildcard_subnet) VALUES
  (1, 'a.example.com', '', '', '', '', '', ''),
  (2, 'b.example.com', '', '', '', '', '', '');
INSERT INTO devices (mac, domain_id, last_domain_id, model, owns_certificate,
  adopted_at) VALUES
  (1, 2, 2, '', 0, NULL), (2, 2, 2, '', 0, NULL), (3, NULL, 2, '', 0, NULL),
  (4, 2, 2, '', 0, NULL), (5, 2, 2, '', 0, NULL), (6, 2, 2, '', 0, 17.5),
  (7, NULL, NULL, '', 0, NULL);
"""


def test_phones_that_had_moved_begin_with_the_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "moved.db"
    made_at(path, "0016")
    connection = sqlite3.connect(path)
    connection.executescript(MOVED)
    here, there, anna = "401@b.example.com", "401@a.example.com", "anna"
    for actor, action, subject, detail in (
        (phone_actor(1), "window.used", there, {"from": "10.0.0.7"}),
        (anna, "account.bound", there, {"to": text_from_mac(2)}),
        (anna, "account.bound", here, {"to": text_from_mac(2)}),
        (anna, "account.unbound", there, {"of": ["*", text_from_mac(3)]}),
        (phone_actor(4), "document.taken", text_from_mac(4), {"passwords_of": [here]}),
        (phone_actor(5), "document.taken", text_from_mac(5), {"passwords_of": [there]}),
        (phone_actor(6), "account.claimed", there, {"mac": text_from_mac(6)}),
        (phone_actor(7), "account.claimed", there, {"mac": text_from_mac(7)}),
        (anna, "account.bound", there, {"to": "*"}),
    ):
        append(connection, 5.0, actor, action, subject, detail)
    # What somebody wrote himself ends no upgrade.
    connection.execute("UPDATE audit SET detail = '[1' WHERE seq = 9")
    connection.commit()
    connection.close()
    before = time.time()
    assert upgrade(path)
    check(path)
    connection = connect(path)
    found = dict(connection.execute("SELECT mac, adopted_at FROM devices").fetchall())
    connection.close()
    assert {mac for mac, at in found.items() if at is None} == {4, 7}
    assert found.pop(6) == 17.5
    assert all(at >= before for at in found.values() if at is not None)


ORDERED = """
INSERT INTO domains (id, name, registrar, outbound_proxy, language, timezone,
  tone_scheme, wildcard_subnet) VALUES
  (1, 'a.example', '', '', '', '', '', ''), (2, 'b.example', '', '', '', '', '', '');
INSERT INTO devices (mac, domain_id, last_domain_id, model, owns_certificate,
  adopted_at) VALUES
  (7, 2, 2, '', 0, NULL), (8, 2, 2, '', 0, 5.0), (9, NULL, 1, '', 0, NULL),
  (1, 1, 1, '', 0, NULL), (2, 1, 1, '', 0, 5.0), (3, 1, 1, '', 0, 15.0),
  (4, 1, 1, '', 0, 25.0), (5, 1, 1, '', 0, 25.0), (6, 1, 1, '', 0, 10.0);
INSERT INTO rollouts (id, action, selection, started_at, started_by, rate, bounds,
  wait_seconds, share, hours, state, why, stage, revision) VALUES
  (3, 'resync', 'domain A.example', 10.0, '', 1, '8', 9, 1, '', 'running', '', 0, 1),
  (7, 'reboot', 'group x, y@a.example, D785', 20.0, '', 1, '8', 9, 1, '', 'running', '',
   0, 1),
  (8, 'reboot', 'all phones', 30.0, '', 1, '8', 9, 1, '', 'running', '', 0, 1);
INSERT INTO rollout_phones (rollout_id, place, mac, fate, result, detail)
SELECT r.id, v.mac, v.mac, 'waiting', '', '' FROM rollouts r JOIN devices v
WHERE v.mac <> 5;
"""
LEFT_BEHIND = """
SELECT p.mac, p.rollout_id FROM rollout_phones p
JOIN rollouts r ON r.id = p.rollout_id JOIN devices v ON v.mac = p.mac
WHERE v.adopted_seq > r.chosen_seq ORDER BY p.mac, p.rollout_id
"""


def test_what_roll_outs_a_phone_had_left_is_so_after_the_upgrade(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ordered.db"
    made_at(path, "0018")
    connection = sqlite3.connect(path)
    connection.executescript(ORDERED)
    connection.close()
    assert upgrade(path)
    check(path)
    connection = connect(path)
    left = {mac: numbers for mac, numbers in ((3, [3]), (4, [3, 7]))}
    # Whatever the clock said: they are in another domain.
    left |= {7: [3, 7], 8: [3, 7]}
    assert connection.execute(LEFT_BEHIND).fetchall() == [
        (mac, number) for mac, numbers in left.items() for number in numbers
    ]
    # What changes from now on is behind all of it.
    numbers = connection.execute(
        "SELECT chosen_seq FROM rollouts "
        "UNION SELECT adopted_seq FROM devices WHERE adopted_seq IS NOT NULL"
    ).fetchall()
    assert max(number for (number,) in numbers) <= 0
    connection.close()
