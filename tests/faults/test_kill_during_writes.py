"""kill -9 in the middle of writes loses nothing that was acknowledged.

A child writes through the Writer and the Administration at once and says on a pipe
what was acknowledged; it is killed after a random number of acknowledgements.  Half of
the rounds checkpoint at every commit, so that some die inside a checkpoint.
"""

import multiprocessing
import os
import random
import sqlite3
from pathlib import Path

import pytest

from bootwave.options import PairingOptions
from bootwave.pairing.instant import Instant
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.create import check, create
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.serving.phonewrites import consume_window
from bootwave.store.serving.writer import Writer

ROUNDS = 20
SEED = 20_131_122
DOMAIN = "a.example.com"
FIRST_MAC = 0x000413000000
WINDOWS = 4_000  # more than a child consumes before it dies
NOW = Instant(1_000.0, "boot-one", 1_700_000_000.0)


def administration(connection: sqlite3.Connection, keyring: KeyRing) -> Administration:
    def committed(changes: list[Change]) -> None:
        """Nobody is told."""

    return Administration(
        connection, keyring, PairingOptions(), now=lambda: NOW, committed=committed
    )


def write_for_ever(
    path: Path, key: Path, acks: int, number: int, first_window: int
) -> None:
    """Write, and acknowledge what was committed, until killed."""
    connection = connect(path)
    if number % 2:
        connection.execute("PRAGMA wal_autocheckpoint = 1")
    admin = administration(connection, KeyRing.load(key))
    writer = Writer(path)
    writer.start()

    def consume(window_id: int) -> None:
        future = writer.submit(
            lambda own: consume_window(
                own,
                window_id=window_id,
                mac=FIRST_MAC + window_id,
                source="10.0.0.7",
                now=NOW,
                pairing_seconds=300.0,
            )
        )
        # Called by the writer's thread when the future is resolved.
        future.add_done_callback(
            lambda done: (
                os.write(acks, b"w %d\n" % window_id)
                if done.result()
                else os.write(acks, b"late\n")
            )
        )

    for step in range(WINDOWS):
        consume(first_window + step)
        if step % 4 == 0:
            account = f"{number}-{step}@{DOMAIN}"
            admin.account_add(account, password=f"of {account}")
            os.write(acks, b"a %s\n" % account.encode())


def acknowledged(end: int, enough: int, child: multiprocessing.Process) -> set[str]:
    """Return what was acknowledged by the time the child was dead."""
    data = b""
    while data.count(b"\n") < enough:
        some = os.read(end, 65_536)
        assert some, "the child died by itself"
        data += some
    child.kill()
    while some := os.read(end, 65_536):
        data += some
    child.join(30)
    # The last line may be cut: then nobody was told.
    return set(data.decode().split("\n")[:-1])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("killed")
    path, key = directory / "bootwave.db", directory / "bootwave.key"
    create(path)
    keyring = KeyRing.create(key)
    connection = connect(path)
    admin = administration(connection, keyring)
    admin.domain_add(DOMAIN)
    rows = [
        {
            "extension": f"w{number}",
            "password": "pw",
            "mac": f"{FIRST_MAC + number:012X}",
        }
        for number in range(1, WINDOWS + 1)
    ]
    admin.bulk(accounts=[{**row, "domain": DOMAIN} for row in rows], open_minutes=10)
    connection.close()
    return path, key


def test_nothing_acknowledged_is_lost(store: tuple[Path, Path]) -> None:
    path, key = store
    keyring = KeyRing.load(key)
    chance = random.Random(SEED)
    context = multiprocessing.get_context("fork")
    first_window = 1
    every_ack: set[str] = set()
    for number in range(ROUNDS):
        ours, theirs = os.pipe()
        child = context.Process(
            target=write_for_ever, args=(path, key, theirs, number, first_window)
        )
        child.start()
        os.close(theirs)
        acks = acknowledged(ours, chance.randrange(1, 80), child)
        os.close(ours)
        assert child.exitcode == -9
        assert "late" not in acks
        every_ack |= acks
        consumed = judge(path, keyring, every_ack)
        # What was committed but not acknowledged is consumed too.
        first_window = max(consumed, default=0) + 1
    assert len(every_ack) > ROUNDS


def judge(path: Path, keyring: KeyRing, acks: set[str]) -> set[int]:
    """Hold the store against *acks*; return the windows that are consumed."""
    check(path)
    connection = connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    consumed = dict(
        connection.execute("SELECT id, account_id FROM windows WHERE consumed_mac <> 0")
    )
    accounts = {}
    for number, account, sealed in connection.execute(
        "SELECT id, number, sealed_password FROM accounts WHERE number LIKE '%-%'"
    ):
        # Each is whole: nothing of a write is there without the rest.
        password = keyring.open(sealed, owner=password_owner(number))
        assert password == f"of {account}@{DOMAIN}"
        accounts[f"{account}@{DOMAIN}"] = number
    changed = set(connection.execute("SELECT kind, key FROM changes"))
    connection.close()
    for ack in acks:
        kind, name = ack.split(" ")
        if kind == "w":
            assert int(name) in consumed
            assert ("account", consumed[int(name)]) in changed
        else:
            assert name in accounts
            assert ("account", accounts[name]) in changed
    return set(consumed)
