"""The file of contacts: made, opened, and made again."""

import sqlite3
from pathlib import Path

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.phone.firmware import FirmwareVersion
from bootwave.store.sightings.contacts import INDEXES, ContactFile, sortable

COMPLETE = f"UPDATE progress SET indexes = {len(INDEXES)}"


@pytest.fixture
def file(tmp_path: Path) -> ContactFile:
    return ContactFile(tmp_path / "sightings.db.contacts")


def test_nobody_else_reads_the_file(file: ContactFile) -> None:
    file.writing().close()
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_that_cannot_be_deleted_is_unavailable(
    file: ContactFile,
) -> None:
    file.path.write_bytes(b"no database" * 1_000)
    Path(f"{file.path}-shm").mkdir()
    with pytest.raises(StoreUnavailable, match="directory"):
        file.writing()
    with pytest.raises(StoreUnavailable, match="directory"), file.reading():
        pass


def test_it_is_not_read_before_it_is_complete(file: ContactFile) -> None:
    with pytest.raises(StoreUnavailable, match="again in"), file.reading():
        pass
    made = file.writing()
    with pytest.raises(StoreUnavailable, match="again in"), file.reading():
        pass
    made.execute(COMPLETE)
    made.close()
    with file.reading() as connection:
        assert connection.execute("SELECT COUNT(*) FROM contacts").fetchall() == [(0,)]
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("DELETE FROM contacts")


@pytest.mark.parametrize("content", [b"no database" * 1_000, b"", b"SQLite format 3\0"])
def test_what_is_no_file_of_contacts_is_made_one(
    file: ContactFile, content: bytes
) -> None:
    file.path.write_bytes(content)
    made = file.writing()
    assert made.execute("SELECT mac FROM contacts").fetchall() == []
    made.close()


def test_one_of_another_version_is_made_anew(file: ContactFile) -> None:
    made = file.writing()
    made.execute("INSERT INTO contacts (mac, domain_id, model) VALUES (1, 1, '')")
    made.execute(COMPLETE)
    made.execute("PRAGMA user_version = 1")
    made.close()
    with pytest.raises(StoreUnavailable, match="again in"), file.reading():
        pass
    again = file.writing()
    assert again.execute("SELECT mac FROM contacts").fetchall() == []
    again.close()


def test_one_that_is_locked_is_left_as_it_is(
    file: ContactFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootwave.store.sightings.contacts.LOCK_SECONDS", 0.01)
    other = file.writing()
    other.execute("INSERT INTO contacts (mac, domain_id, model) VALUES (1, 1, '')")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        file.writing()
    other.execute("ROLLBACK")
    assert other.execute("SELECT mac FROM contacts").fetchall() == [(1,)]
    other.close()


def test_versions_sort_as_texts() -> None:
    versions = [(6, 5, 20), (8, 4, 35), (8, 7, 5, 48), (8, 10), (10, 1, 198, 19)]
    texts = [sortable(FirmwareVersion(*version)) for version in versions]
    assert texts == sorted(texts)
    assert sortable((8, 7)) == sortable(FirmwareVersion(8, 7))[:10]
