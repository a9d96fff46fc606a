import sqlite3

import pytest

from bootwave.store import audit
from bootwave.store.audit import ENGINE, append, row_hash, trim, verify
from bootwave.store.connection import transaction
from tests.store.counted import counting
from tests.store.listed import notes_by

DAY = 86_400.0


def fill(connection: sqlite3.Connection, rows: int, every: float = 60.0) -> list[str]:
    """Append rows a minute apart; return their hashes, hex."""
    with transaction(connection):
        for number in range(rows):
            append(
                connection,
                number * every,
                "root",
                "window.opened",
                f"4{number:02}@a.example.com",
                {"minutes": 10},
            )
    found = connection.execute("SELECT hash FROM audit ORDER BY seq").fetchall()
    return [hash_.hex() for (hash_,) in found]


def test_an_empty_log_is_whole(connection: sqlite3.Connection) -> None:
    found = verify(connection)
    assert (found.rows, found.head, found.broken_at) == (0, "", 0)


def test_what_was_appended_is_whole_and_listed_newest_first(
    connection: sqlite3.Connection,
) -> None:
    hashes = fill(connection, 3)
    found = verify(connection)
    assert (found.rows, found.first, found.last) == (3, 1, 3)
    assert (found.head, found.broken_at) == (hashes[-1], 0)
    rows = notes_by(connection)
    assert [row["seq"] for row in rows] == [3, 2, 1]
    assert rows[0]["detail"] == {"minutes": 10}
    assert rows[0]["actor"] == "root"


def test_the_hash_is_over_every_value(connection: sqlite3.Connection) -> None:
    row = audit.Row(1, 2.0, "a", "b", "c", "{}", bytes(32), b"")
    others = [
        row._replace(seq=2),
        row._replace(at=2.5),
        row._replace(actor="ab", action=""),
        row._replace(subject="d"),
        row._replace(detail="{} "),
        row._replace(previous=bytes(31) + b"\1"),
    ]
    assert len({row_hash(each) for each in (row, *others)}) == 7


@pytest.mark.parametrize(
    ("statement", "broken_at", "why"),
    [
        ("UPDATE audit SET detail = '{}' WHERE seq = 3", 3, "changed"),
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 1", 1, "changed"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 5", 5, "changed"),
        ("UPDATE audit SET at = 'soon' WHERE seq = 5", 5, "changed"),
        ("UPDATE audit SET previous = 'x' WHERE seq = 1", 1, "changed"),
        ("UPDATE audit SET subject = x'00' WHERE seq = 4", 4, "changed"),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 2", 2, "changed"),
        ("DELETE FROM audit WHERE seq = 4", 5, "missing between 3 and it"),
        ("DELETE FROM audit WHERE seq < 3", 3, "no trimming is recorded"),
        (
            "UPDATE audit SET previous = zeroblob(32) WHERE seq = 3",
            3,
            "does not follow",
        ),
    ],
)
def test_the_first_row_that_is_not_as_it_was_written_is_named(
    connection: sqlite3.Connection, statement: str, broken_at: int, why: str
) -> None:
    fill(connection, 6)
    connection.execute(statement)
    found = verify(connection)
    assert found.broken_at == broken_at
    assert why in found.why


def test_a_log_that_was_changed_can_still_be_listed(
    connection: sqlite3.Connection,
) -> None:
    fill(connection, 2)
    connection.execute("UPDATE audit SET detail = 'nonsense' WHERE seq = 1")
    assert notes_by(connection)[1]["detail"] == {"damaged": "nonsense"}


def test_an_end_that_was_cut_off_shows_against_a_remembered_head(
    connection: sqlite3.Connection,
) -> None:
    hashes = fill(connection, 6)
    for head in hashes:
        assert not verify(connection, head=f" {head.upper()} ").broken_at
    connection.execute("DELETE FROM audit WHERE seq > 4")
    assert not verify(connection).broken_at  # nothing in the log tells
    assert not verify(connection, head=hashes[3]).broken_at
    found = verify(connection, head=hashes[5])
    assert found.broken_at == 5
    assert "cut off" in found.why


def test_trimming_takes_the_old_rows_and_leaves_a_chain_that_is_whole(
    connection: sqlite3.Connection,
) -> None:
    hashes = fill(connection, 6, every=DAY)
    with transaction(connection):
        assert trim(connection, 6.5 * DAY, 3 * DAY) == 4
    found = verify(connection, head=hashes[5])
    assert (found.first, found.last, found.trimmed) == (5, 7, 4)
    assert not found.broken_at
    newest = notes_by(connection)[0]
    assert (newest["action"], newest["actor"]) == (audit.TRIMMED, ENGINE)
    # Again, and the row of the first trimming is one that stays or goes like any.
    with transaction(connection):
        assert trim(connection, 100 * DAY, 3 * DAY) == 2
        assert trim(connection, 100 * DAY, 3 * DAY) == 1
        assert trim(connection, 100 * DAY, 3 * DAY) == 0
    assert not verify(connection).broken_at
    assert verify(connection).trimmed == 7


def test_more_than_was_trimmed_cannot_be_taken_from_the_beginning(
    connection: sqlite3.Connection,
) -> None:
    fill(connection, 6, every=DAY)
    with transaction(connection):
        trim(connection, 6.5 * DAY, 3 * DAY)
    connection.execute("DELETE FROM audit WHERE seq = 5")
    assert verify(connection).broken_at == 6


def test_the_newest_row_is_never_trimmed(connection: sqlite3.Connection) -> None:
    fill(connection, 1)
    with transaction(connection):
        assert trim(connection, 1e9, 1.0) == 0


def test_a_step_of_trimming_reads_no_more_than_it_takes_away(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_TRIM_BATCH", 5)

    def steps(rows: int) -> int:
        fill(connection, rows)
        with transaction(connection), counting(connection) as taken:
            assert trim(connection, 1e12, DAY) == 5
            return taken()

    assert steps(20) == steps(500)


def test_rows_are_found_by_who_and_what_and_when(
    connection: sqlite3.Connection,
) -> None:
    fill(connection, 3)
    phone = audit.phone_actor(0x0004132E08B4)
    append(connection, 500.0, phone, "window.used", "401@A.example.com")
    assert [row["actor"] for row in notes_by(connection, phone)] == [phone]


def test_what_is_too_long_is_cut(connection: sqlite3.Connection) -> None:
    append(connection, 1.0, "a" * 999, "b" * 999, "c" * 999, {"d": "e" * 99_999})
    (row,) = notes_by(connection)
    lengths = [len(row[name]) for name in ("actor", "action", "subject")]
    assert lengths == [128, 64, 300]
    assert row["detail"] == {"too_long": True}
    assert not verify(connection).broken_at


def test_progress_is_told_of_a_long_log(connection: sqlite3.Connection) -> None:
    fill(connection, 2_500, every=0.0)
    told: list[tuple[int, int]] = []
    verify(connection, progress=lambda done, total: told.append((done, total)))
    assert told == [(1_000, 2_500), (2_000, 2_500)]


def test_a_row_goes_when_what_it_tells_is_undone(
    connection: sqlite3.Connection,
) -> None:
    def fail() -> None:
        with transaction(connection):
            append(connection, 1.0, "root", "window.opened", "x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert notes_by(connection) == []
