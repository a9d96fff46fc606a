"""What the database itself refuses of books and dial plans, and what goes with whom."""

import sqlite3

import pytest

SETUP = """
INSERT INTO domains (id, name, registrar, outbound_proxy, language, timezone,
  tone_scheme, wildcard_subnet) VALUES (1, 'a.example.com', '', '', '', '', '', '');
INSERT INTO accounts (id, domain_id, number, display_name, auth_user, sealed_password,
  mailbox, wildcard) VALUES (1, 1, '401', '', '', x'00', '', '');
INSERT INTO phone_books VALUES (1, 1, NULL);
INSERT INTO phone_books VALUES (2, NULL, 1);
INSERT INTO phone_book_entries VALUES (1, 0, 'Anna', '402', '', 'none');
INSERT INTO phone_book_entries VALUES (2, 0, 'Anna', '402', '', 'none');
INSERT INTO dial_plans VALUES (1);
INSERT INTO dial_templates VALUES (1, '9*', 5, '', '');
INSERT INTO language_files VALUES (1, 'gui', 'Deutsch', '', 'http://x');
INSERT INTO trusted_certificates VALUES (1, 'ab', x'00', 'CN=x', 0);
"""
TABLES = (
    *("phone_books", "phone_book_entries", "dial_plans", "dial_templates"),
    *("language_files", "trusted_certificates"),
)


@pytest.fixture
def rows(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(SETUP)
    return connection


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO phone_books VALUES (3, 1, 1)",
        "INSERT INTO phone_books VALUES (3, NULL, NULL)",
        "INSERT INTO phone_books VALUES (3, 1, NULL)",
        "INSERT INTO phone_books VALUES (3, NULL, 9)",
        "INSERT INTO phone_book_entries VALUES (1, 0, 'Bob', '403', '', 'none')",
        "INSERT INTO phone_book_entries VALUES (1, 1, 'Anna', '402', '', 'vip')",
        "INSERT INTO phone_book_entries VALUES (1, -1, 'Bob', '403', '', 'none')",
        "INSERT INTO phone_book_entries VALUES (1, 1, '', '403', '', 'none')",
        "INSERT INTO dial_templates VALUES (1, '9*', 0, '', '')",
        "INSERT INTO dial_templates VALUES (2, '8*', 0, '', '')",
    ],
)
def test_the_database_itself_refuses(rows: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute(sql)


def test_what_an_account_and_a_domain_have_goes_with_them(
    rows: sqlite3.Connection,
) -> None:
    rows.execute("DELETE FROM accounts WHERE id = 1")
    assert rows.execute("SELECT book_id FROM phone_book_entries").fetchall() == [(1,)]
    rows.execute("DELETE FROM domains WHERE id = 1")
    for table in TABLES:
        assert rows.execute(f"SELECT COUNT(*) FROM {table}").fetchall() == [(0,)]
