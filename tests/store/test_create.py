import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bootwave.errors import (
    SchemaTooNew,
    SchemaTooOld,
    StoreConflict,
    StoreNotFound,
    StoreUnavailable,
)
from bootwave.store.create import check, create, upgrade
from bootwave.store.revisions import REVISIONS, revision_of


def set_revision(path: Path, revision: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.commit()
    connection.close()


def test_a_new_store_is_its_owners_only_and_leaves_nothing_else(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create(tmp_path / "new.db")
    finally:
        os.umask(before)
    assert [item.name for item in tmp_path.iterdir()] == ["new.db"]
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "old.db").write_text("precious")
    with pytest.raises(StoreConflict, match="exists already"):
        create(tmp_path / "old.db")
    assert (tmp_path / "old.db").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_directory_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        create(tmp_path / "nowhere" / "new.db")


def test_a_store_of_this_version_passes_and_needs_no_upgrade(path: Path) -> None:
    check(path)
    assert not upgrade(path)
    check(path)


def test_a_store_of_a_newer_version_is_left_alone(path: Path) -> None:
    set_revision(path, "9999")
    with pytest.raises(SchemaTooNew, match="newer version"):
        check(path)
    with pytest.raises(SchemaTooNew, match="newer version"):
        upgrade(path)


def test_a_store_of_an_older_version_asks_for_an_upgrade(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootwave.store.revisions.REVISIONS", (*REVISIONS, "9999"))
    monkeypatch.setattr("bootwave.store.revisions.HEAD", "9999")
    with pytest.raises(SchemaTooOld, match="bootwave store upgrade"):
        check(path)


def test_an_upgrade_that_fails_halfway_leaves_the_old_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    path = tmp_path / "empty.db"
    sqlite3.connect(path).close()
    made: list[str] = []
    create_table = Operations.create_table

    def failing(self: Operations, name: str, *args: object, **rest: object) -> object:
        if name == "bindings":
            raise sqlite3.OperationalError("disk I/O error")
        made.append(name)
        return create_table(self, name, *args, **rest)  # type: ignore[arg-type]

    # The proxy functions of ``op`` look methods up on the class.
    monkeypatch.setattr(Operations, "create_table", failing)
    with pytest.raises(StoreUnavailable, match="could not be upgraded"):
        upgrade(path)
    monkeypatch.undo()
    assert made
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,)
    assert revision_of(connection) is None
    connection.close()
    assert upgrade(path)
    check(path)


def test_roll_outs_and_their_phones_survive_the_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    path = tmp_path / "older.db"
    sqlite3.connect(path).close()
    to_head = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(
            command, "upgrade", lambda options, _revision: to_head(options, "0011")
        )
        upgrade(path)
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO rollouts VALUES (7, 'reboot', 'all phones', 1, 'anna', NULL, 10, "
        "'1', 60, 0.9, '', 'halted', 'why', 0, 1, 0)"
    )
    connection.execute(
        "INSERT INTO rollout_phones VALUES (7, 0, 1, 'missing', 'sent', '', 5, NULL, 0)"
    )
    connection.execute("UPDATE sqlite_sequence SET seq = 11 WHERE name = 'rollouts'")
    connection.commit()
    connection.close()
    assert upgrade(path)
    check(path)
    connection = sqlite3.connect(path)
    assert connection.execute(
        "SELECT id, action, state, scope, key, version, already FROM rollouts"
    ).fetchall() == [(7, "reboot", "halted", "", 0, "", 0)]
    assert connection.execute("SELECT mac FROM rollout_phones").fetchall() == [(1,)]
    # A number that was given is not given again.
    connection.execute(
        "INSERT INTO rollouts SELECT NULL, action, selection, started_at, started_by, "
        "ended_at, rate, bounds, wait_seconds, share, hours, state, why, stage, "
        "revision, waits_from, scope, key, model, version, location, already, "
        "chosen_seq FROM rollouts"
    )
    assert connection.execute("SELECT MAX(id) FROM rollouts").fetchone() == (12,)
    connection.close()


def test_tokens_and_keys_of_requests_survive_the_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import command

    path = tmp_path / "older.db"
    sqlite3.connect(path).close()
    to_head = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(
            command, "upgrade", lambda options, _revision: to_head(options, "0016")
        )
        upgrade(path)
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO administrators VALUES (3, 'anna', 'operator', 1, 'hash', 0, '', 0)"
    )
    connection.execute(
        "INSERT INTO domains (id, name, registrar, outbound_proxy, language, timezone, "
        "tone_scheme, wildcard_subnet, reach) "
        "VALUES (1, 'a.example.com', '', '', '', '', '', '', '')"
    )
    token = "INSERT INTO api_tokens VALUES (?, ?, ?, 'read', 0, ?, 5, 'x', 6, 7, 'y')"
    connection.execute(token, (4, "pbx", b"d", 3))
    connection.execute("INSERT INTO api_token_domains VALUES (4, 1)")
    connection.execute("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'api_tokens'")
    key = "INSERT INTO idempotency_keys VALUES (?, 'k', x'00', 0, 201, '{}', ?)"
    for actor in ("token:pbx", "admin:anna", "token:gone", "admin:gone"):
        connection.execute(key, (actor, actor.encode()))
    connection.commit()
    before = connection.execute("SELECT * FROM api_tokens").fetchall()
    connection.close()
    assert upgrade(path)
    check(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM api_tokens").fetchall() == before
    domains = connection.execute("SELECT * FROM api_token_domains").fetchall()
    assert domains == [(4, 1)]
    # Nobody is known by a name that another may have had.
    keys = connection.execute("SELECT actor, body FROM idempotency_keys ORDER BY actor")
    assert keys.fetchall() == [
        ("administrator/3", b"admin:anna"),
        ("token/4", b"token:pbx"),
    ]
    connection.execute(token, (None, "pbx", b"e", None))
    assert connection.execute("SELECT MAX(id) FROM api_tokens").fetchone() == (10,)
    connection.close()


@pytest.mark.parametrize("name", ["empty.db", "missing.db"])
def test_a_file_without_a_store_names_the_command_that_makes_one(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreNotFound, match="bootwave init"):
        check(tmp_path / name)


def test_damage_is_refused_and_not_repaired(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 6] = bytes(4096 * 3)
    path.write_bytes(data)
    with pytest.raises(StoreUnavailable, match="damaged"):
        check(path)
    assert path.read_bytes() == data


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_bytes(b"not a database, but some text" * 100)
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        check(tmp_path / "text.db")


def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        check(tmp_path)


def test_only_making_and_upgrading_load_the_heavy_libraries() -> None:
    program = (
        "import sys, bootwave.store.create, bootwave.store.administration,"
        " bootwave.store.serving.reader, bootwave.store.serving.writer,"
        " bootwave.store.sightings.sightings\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'sqlalchemy', 'alembic', 'cryptography'}))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert printed.stdout == "[]\n"
