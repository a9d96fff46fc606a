"""What would go with a domain, in words: for who is about to remove it."""

from typing import Any, Final

from bootwave.store.work import Work

_ACCOUNTS = "SELECT COUNT(*) FROM accounts WHERE domain_id = :id"
_PROFILES = "SELECT name FROM profiles WHERE domain_id = :id ORDER BY name"
_GROUPS = "SELECT name FROM groups WHERE domain_id = :id ORDER BY name"
_ENTRIES = """
SELECT COUNT(*) FROM phone_books b JOIN phone_book_entries e ON e.book_id = b.id
WHERE b.domain_id = :id
"""
_DEFINITIONS = """
SELECT model, version FROM firmware_definitions
WHERE scope = 'domain' AND key = :id ORDER BY model, version
"""
_PINS = """
SELECT model, version FROM firmware_pins
WHERE scope = 'domain' AND key = :id ORDER BY model
"""
_FORBIDDEN = """
SELECT model, version FROM firmware_forbidden
WHERE scope = 'domain' AND key = :id ORDER BY model, version
"""

_MOST_NAMED: Final = 5


def account_count(work: Work, domain_id: int) -> int:
    """Return how many accounts a domain has."""
    return int(work.connection.execute(_ACCOUNTS, {"id": domain_id}).fetchall()[0][0])


def contents_of(work: Work, domain_id: int) -> str:
    """Return what a domain has, such as "2 accounts and 1 profile (sales)".

    That is "" when it has nothing that somebody would have to enter again: accounts,
    profiles, groups, a phone book with entries, or what is said of firmware.
    """
    here = {"id": domain_id}
    accounts = account_count(work, domain_id)
    entries = work.connection.execute(_ENTRIES, here).fetchall()[0][0]
    parts = [
        _counted(accounts, "account", "accounts") if accounts else "",
        _named(work, _PROFILES, here, "profile", "profiles"),
        _named(work, _GROUPS, here, "group", "groups"),
        f"a phone book of {_counted(entries, 'entry', 'entries')}" if entries else "",
        _named(work, _DEFINITIONS, here, "firmware definition", "firmware definitions"),
        _named(work, _PINS, here, "firmware pin", "firmware pins"),
        _named(work, _FORBIDDEN, here, "forbidden firmware", "forbidden firmwares"),
    ]
    return _joined([part for part in parts if part])


def _named(
    work: Work, statement: str, here: dict[str, Any], one: str, several: str
) -> str:
    names = [" ".join(row) for row in work.connection.execute(statement, here)]
    if not names:
        return ""
    more = len(names) - _MOST_NAMED
    shown = names[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else [])
    return f"{_counted(len(names), one, several)} ({_joined(shown)})"


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _joined(parts: list[str]) -> str:
    *first, last = parts or [""]
    return f"{', '.join(first)} and {last}" if first else last
