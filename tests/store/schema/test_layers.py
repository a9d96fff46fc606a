"""What the database itself refuses of profiles, groups and ranges."""

import sqlite3

import pytest

SETUP = """
INSERT INTO domains VALUES (1, 'a.example.com', '', '', '', '', '', '', NULL, '');
INSERT INTO domains VALUES (2, 'b.example.com', '', '', '', '', '', '', NULL, '');
INSERT INTO accounts VALUES (1, 1, '401', '', '', x'00', '', '', NULL, '');
INSERT INTO devices (mac, last_domain_id, model, owns_certificate)
  VALUES (7, 1, '', 0);
INSERT INTO profiles VALUES (1, 1, 'sales');
INSERT INTO profiles VALUES (2, 2, 'sales');
INSERT INTO groups VALUES (1, 1, 'ground floor');
INSERT INTO groups VALUES (2, 2, 'ground floor');
INSERT INTO models VALUES (1, 'snom370');
INSERT INTO firmware_ranges VALUES (1, 'snom370', '8.4', '8.7');
"""


@pytest.fixture
def rows(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(SETUP)
    return connection


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts SET profile_id = 2",
        "UPDATE accounts SET profile_id = 3",
        "UPDATE devices SET group_id = 2",
        "INSERT INTO profiles VALUES (3, 1, 'sales')",
        "INSERT INTO groups VALUES (3, 1, '')",
        "INSERT INTO groups VALUES (3, 9, 'x')",
        "INSERT INTO firmware_ranges VALUES (2, 'snom370', '', '')",
        "INSERT INTO firmware_ranges VALUES (2, 'snom370', '8.4', '8.7')",
        "INSERT INTO firmware_ranges VALUES (2, 'snom999', '8.4', '8.7')",
        "INSERT INTO settings VALUES ('group', 1, 'language', -1, '', 'R')",
    ],
)
def test_the_database_itself_refuses(rows: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute(sql)


def test_what_is_of_the_domain_is_taken(rows: sqlite3.Connection) -> None:
    rows.execute("UPDATE accounts SET profile_id = 1")
    # The device is bound to nothing now, and stays in its group.
    rows.execute("UPDATE devices SET group_id = 1")
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute("DELETE FROM profiles WHERE id = 1")
