"""What is looked at again, of all that others write while rows are compared."""

import sqlite3

import pytest

from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.bulk import latechanges
from bootwave.store.bulk.importruns import Run
from bootwave.store.bulk.staged import Stage
from bootwave.store.changelog import last_seq
from bootwave.store.names import AccountName
from bootwave.store.secrets import KeyRing
from bootwave.store.work import Work
from tests.store.clock import Clock

A, B = "a.example.com", "b.example.com"
MAC = "0004132E08B4"


@pytest.fixture
def work(
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    clock: Clock,
) -> Work:
    for domain in (A, B):
        admin.domain_add(domain)
        for number in ("401", "402"):
            admin.account_add(f"{number}@{domain}", password="pw")
    return Work(connection, keyring, PairingOptions(), clock())


def changed(work: Work, seq: int) -> list[str] | None:
    found = latechanges.changed_accounts(work, seq)
    return None if found is None else sorted(str(name) for name in found)


def test_accounts_that_changed_are_named(work: Work, admin: Administration) -> None:
    seq = last_seq(work.connection)
    assert changed(work, seq) == []
    admin.account_set(f"401@{A}", name="Anna")
    admin.account_add(f"403@{B}", password="pw")
    assert changed(work, seq) == [f"401@{A}", f"403@{B}"]


def test_so_are_those_whose_phone_did(work: Work, admin: Administration) -> None:
    admin.account_bind(f"402@{A}", MAC)
    seq = last_seq(work.connection)
    admin.settings_set("device", MAC, "ringtone", "3")
    assert changed(work, seq) == [f"402@{A}"]


def test_settings_of_a_domain_are_none_of_its_accounts(
    work: Work, admin: Administration
) -> None:
    seq = last_seq(work.connection)
    admin.domain_set(A, language="de")
    assert changed(work, seq) == []


def test_of_what_is_gone_nobody_knows_what_it_was(
    work: Work, admin: Administration
) -> None:
    seq = last_seq(work.connection)
    admin.account_remove(f"401@{A}")
    assert changed(work, seq) is None
    admin.account_add(f"401@{A}", password="pw")
    assert changed(work, seq) is None
    seq = last_seq(work.connection)
    admin.domain_remove(B, force=True)
    assert changed(work, seq) is None


def test_what_is_too_much_is_not_looked_at(
    work: Work, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    seq = last_seq(work.connection)
    monkeypatch.setattr(latechanges, "MOST_LATE", 1)
    admin.account_set(f"401@{A}", name="Anna")
    assert changed(work, seq) == [f"401@{A}"]
    admin.account_set(f"402@{A}", name="Anna")
    assert changed(work, seq) is None
    work.connection.execute("INSERT INTO changes (kind, key) VALUES ('all', 0)")
    assert changed(work, last_seq(work.connection) - 1) is None


def test_rows_of_changed_accounts_are_written_after_all(
    work: Work, admin: Administration
) -> None:
    stage = Stage(A)
    stage.add([{"extension": "401"}, {"extension": "402"}])
    run = Run(stage, update=True)
    stage.settle([1, 2])
    run.skip(2)
    seq = last_seq(work.connection)
    admin.account_set(f"402@{A}", name="Anna")
    for domain in (A, B):
        admin.account_add(f"404@{domain}", password="pw")
    assert latechanges.heed(work, run, stage, seq)
    assert [row.account for row in stage.some(0, 9)] == [AccountName("402", A)]
    assert [*stage.missing()] == [["404"]]
    assert (run.counts["unchanged"], run.done, stage.settled) == (1, 1, 1)
    admin.account_remove(f"404@{A}")
    assert not latechanges.heed(work, run, stage, seq)
    assert len(stage.some(0, 9)) == 2
    assert (run.counts["unchanged"], run.done, stage.settled) == (0, 0, 0)
    stage.close()
