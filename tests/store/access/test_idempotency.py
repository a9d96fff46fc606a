import sqlite3

from bootwave.store.access import idempotency
from bootwave.store.access.idempotency import KEEP_SECONDS, MAX_KEPT_BYTES, Once, find
from bootwave.store.administration import Administration

ONCE = Once("token:pbx", "k", b"r" * 20)


def test_a_key_is_known_with_its_answer_for_a_day(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    idempotency.begin(connection, ONCE, 1_000.0)
    begun = find(connection, "token:pbx", "k", 1_000.0)
    assert begun is not None
    assert (begun.request, begun.status) == (b"r" * 20, 0)
    admin.access_keep_answer(ONCE, 201, "{}", b"made")
    kept = find(connection, "token:pbx", "k", 1_000.0 + KEEP_SECONDS - 1)
    assert kept is not None
    assert (kept.status, kept.headers, kept.body) == (201, "{}", b"made")
    assert "made" not in repr(kept)
    assert find(connection, "token:pbx", "k", 1_000.0 + KEEP_SECONDS) is None
    assert find(connection, "token:other", "k", 1_000.0) is None


def test_old_keys_go_when_new_ones_come(connection: sqlite3.Connection) -> None:
    for number in range(5):
        idempotency.begin(connection, ONCE._replace(key=f"k{number}"), 1_000.0)
    idempotency.begin(connection, ONCE, 1_000.0 + KEEP_SECONDS)
    left = connection.execute("SELECT name FROM idempotency_keys").fetchall()
    assert left == [("k",)]
    # The same key a day later is another request.
    idempotency.begin(connection, ONCE, 1_000.0 + 2 * KEEP_SECONDS)


def test_a_long_answer_is_not_kept(connection: sqlite3.Connection) -> None:
    idempotency.begin(connection, ONCE, 1_000.0)
    body = b"x" * (MAX_KEPT_BYTES + 1)
    idempotency.keep_answer(connection, ONCE, 201, "{}", body)
    found = find(connection, "token:pbx", "k", 1_000.0)
    assert found is not None
    assert found.status == 0
