"""Moments of the store: what changed before them is told, and a lost one is over."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.store import changelog
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from bootwave.store.serving import moments
from bootwave.store.serving.moments import PATIENCE_SECONDS
from bootwave.store.serving.reader import Reader

CONNECTING = (
    "import sys; from pathlib import Path; from bootwave.store.connection import "
    "connect; path = Path(sys.argv[1])"
)
MAC = 0x0004132E08B4
OTHER = 0x0004132E08B5


@pytest.fixture
def filled(admin: Administration, add: Callable[..., None]) -> None:
    add("401@a.example.com", "402@a.example.com", mac=f"{MAC:012X}")
    add("403@a.example.com", mac=f"{OTHER:012X}")


def test_what_others_commit_is_told_once(
    filled: None, admin: Administration, reader: Reader
) -> None:
    assert reader.changed() is None  # nothing was read before
    admin.window_open(["403@a.example.com"])
    told = reader.changed()
    assert told is not None
    assert Change("device", OTHER) in told
    assert Change("device", MAC) not in told
    assert reader.changed() is None


def test_changes_that_a_read_noticed_are_still_told(
    filled: None, admin: Administration, reader: Reader
) -> None:
    reader.changed()
    admin.window_open(["403@a.example.com"])
    reader.devices([MAC])
    assert Change("device", OTHER) in (reader.changed() or [])


def test_a_log_trimmed_past_the_reader_says_everything(
    filled: None,
    connection: sqlite3.Connection,
    reader: Reader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader.changed()
    monkeypatch.setattr(changelog, "KEPT", 1)
    for number in range(3):
        changelog.record(connection, [Change("device", MAC + number)])
    changelog.trim(connection)
    assert reader.changed() == [EVERYTHING]


def test_a_store_that_is_away_raises_and_comes_back(
    filled: None, path: Path, reader: Reader
) -> None:
    away = path.with_name("away.db")
    path.rename(away)
    for call in (reader.changed, reader.wildcards, lambda: reader.devices([MAC])):
        with pytest.raises(StoreUnavailable):
            call()
    away.rename(path)
    assert MAC in reader.devices([MAC])


def test_a_reader_that_lost_its_connection_is_told_what_it_missed(
    filled: None, admin: Administration, reader: Reader
) -> None:
    reader.changed()
    reader.close()
    admin.window_open(["401@a.example.com"])
    assert Change("device", MAC) in (reader.changed() or [])


def test_a_damaged_file_is_unavailable(path: Path, connection: object) -> None:
    damaged = path.with_name("damaged.db")
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    damaged.write_bytes(data)
    with pytest.raises(StoreUnavailable):
        Reader(damaged).devices([MAC])


def test_what_is_read_in_a_moment_is_of_one(
    filled: None, admin: Administration, reader: Reader
) -> None:
    with reader.moment():
        assert reader.wildcards() == []
        admin.domain_set("a.example.com", language="Deutsch")
        admin.window_open(["401@a.example.com"])
        device = reader.devices([MAC])[MAC]
        assert device.domain is not None
        assert device.domain.language == ""
        assert device.bindings[0].account.window is None
    device = reader.devices([MAC])[MAC]
    assert device.domain is not None
    assert device.domain.language == "Deutsch"
    assert device.bindings[0].account.window is not None


def test_a_moment_that_failed_is_over(filled: None, reader: Reader, path: Path) -> None:
    away = path.with_name("away.db")
    path.rename(away)
    with pytest.raises(StoreUnavailable), reader.moment():
        reader.devices([MAC])
    away.rename(path)
    with pytest.raises(ZeroDivisionError), reader.moment():
        raise ZeroDivisionError
    assert MAC in reader.devices([MAC])


def test_a_reader_waits_for_who_has_the_store_to_itself_for_a_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As a connection has it that is being closed, which is too short to be hit.
    monkeypatch.setattr(moments, "PATIENCE_SECONDS", 30.0)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    closing = threading.Timer(0.1, other.close)
    closing.start()
    reader = Reader(path)
    assert reader.devices([1]) == {}
    reader.close()
    closing.join()


def test_a_reader_of_a_locked_store_is_told_that_it_is_unavailable(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    reader = Reader(path)
    with pytest.raises(StoreUnavailable, match="locked"):
        reader.devices([1])
    # Who waited in vain once keeps phones waiting no more.
    began = time.monotonic()
    for _ in range(10):
        with pytest.raises(StoreUnavailable, match="locked"):
            reader.devices([1])
    assert time.monotonic() - began < 10 * PATIENCE_SECONDS / 2
    other.close()
    assert reader.devices([1]) == {}
    reader.close()


def test_a_reader_opens_while_others_close(path: Path) -> None:
    """Even when somebody always does: a roll closes what old workers had open."""
    stay = "kept = connect(path); print(flush=True); input()"
    close = "print(flush=True); [connect(path).close() for _ in iter(int, 1)]"
    # Programs of their own: a forked child believes that it has its parent's locks.
    others = [
        subprocess.Popen(
            [sys.executable, "-c", f"{CONNECTING}; {what}", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for what in (stay, close, close)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()
        for _ in range(300):
            reader = Reader(path)
            assert reader.devices([1]) == {}
            reader.close()
    finally:
        for other in others:
            other.kill()
            other.communicate()
