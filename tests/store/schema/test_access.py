"""What the database itself refuses of administrators and tokens."""

import sqlite3

import pytest

ADMINISTRATOR = "INSERT INTO administrators VALUES (?, ?, ?, ?, 'hash', 0, '', 0)"
TOKEN = "INSERT INTO api_tokens VALUES (?, ?, ?, 'read', 1, ?, 0, '', NULL, NULL, '')"
DOMAIN = """
INSERT INTO domains (id, name, registrar, outbound_proxy, language, timezone,
  tone_scheme, wildcard_subnet, reach)
VALUES (1, 'a.example.com', '', '', '', '', '', '', '')
"""


@pytest.fixture
def rows(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute(DOMAIN)
    connection.execute(ADMINISTRATOR, (1, "anna", "operator", True))
    connection.execute(TOKEN, (1, "pbx", b"d", 1))
    return connection


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        pytest.param(ADMINISTRATOR, (2, "anna", "operator", True), id="a name twice"),
        pytest.param(ADMINISTRATOR, (2, "otto", "king", True), id="no role"),
        pytest.param(ADMINISTRATOR, (2, "otto", "operator", False), id="half of all"),
        pytest.param(ADMINISTRATOR, (2, "otto", "domain", True), id="all of some"),
        pytest.param(TOKEN, (2, "pbx", b"e", 1), id="a token's name twice"),
        pytest.param(TOKEN, (2, "other", b"d", None), id="a digest twice"),
        pytest.param(TOKEN, (2, "other", b"e", 9), id="nobody's administrator"),
        pytest.param(
            "INSERT INTO setup_links VALUES (?, x'00', 'b', 1, '')",
            (2,),
            id="a second link",
        ),
        pytest.param(
            "INSERT INTO idempotency_keys VALUES ('a', 'k', x'00', 0, ?, '', x'')",
            (404,),
            id="a failure that is kept",
        ),
    ],
)
def test_the_database_itself_refuses(
    rows: sqlite3.Connection, sql: str, values: tuple[object, ...]
) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute(sql, values)


def test_names_of_tokens_are_of_whose_they_are(rows: sqlite3.Connection) -> None:
    rows.execute(ADMINISTRATOR, (2, "otto", "operator", True))
    rows.execute(TOKEN, (2, "pbx", b"e", 2))
    rows.execute(TOKEN, (3, "pbx", b"f", None))
    with pytest.raises(sqlite3.IntegrityError):
        rows.execute(TOKEN, (4, "pbx", b"g", None))


def test_what_is_an_administrators_goes_with_him(rows: sqlite3.Connection) -> None:
    rows.execute("INSERT INTO administrator_domains VALUES (1, 1)")
    rows.execute("INSERT INTO api_token_domains VALUES (1, 1)")
    rows.execute("DELETE FROM administrators WHERE id = 1")
    for table in ("administrator_domains", "api_tokens", "api_token_domains"):
        assert rows.execute(f"SELECT COUNT(*) FROM {table}").fetchall() == [(0,)]
