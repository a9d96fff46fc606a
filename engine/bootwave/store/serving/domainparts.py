"""Reads of what domains and accounts have beside settings and keys, for the hot path.

In the reader's own transaction, on its connection (``reader``).
"""

import base64
import sqlite3
from collections.abc import Iterable, Sequence

from bootwave.directory.records import (
    Contact,
    DialTemplate,
    Extras,
    LanguageFile,
)
from bootwave.store.connection import placeholders

_DOMAIN_BOOK = """
SELECT b.domain_id, e.name, e.number, e.number_type, e.category
FROM phone_books b LEFT JOIN phone_book_entries e ON e.book_id = b.id
WHERE b.domain_id = ? ORDER BY e.place
"""
_ACCOUNT_BOOKS = """
SELECT b.account_id, e.name, e.number, e.number_type, e.category
FROM phone_books b LEFT JOIN phone_book_entries e ON e.book_id = b.id
WHERE b.account_id IN ({}) ORDER BY b.account_id, e.place
"""
_HAS_PLAN = "SELECT domain_id FROM dial_plans WHERE domain_id = ?"
_TEMPLATES = """
SELECT pattern, timeout, "user", rewrite FROM dial_templates
WHERE domain_id = ? ORDER BY pattern
"""
_LANGUAGES = """
SELECT kind, name, url, model FROM language_files
WHERE domain_id = ? ORDER BY kind, name, model
"""
_CERTIFICATES = """
SELECT der FROM trusted_certificates WHERE domain_id = ? ORDER BY digest
"""

Book = tuple[Contact, ...]


def domain_book(connection: sqlite3.Connection, domain_id: int) -> Book | None:
    """Return the phone book of a domain, None when it has none."""
    rows = connection.execute(_DOMAIN_BOOK, (domain_id,)).fetchall()
    return _books(rows).get(domain_id)


def account_books(
    connection: sqlite3.Connection, account_ids: Sequence[int]
) -> dict[int, Book]:
    """Return the phone books of those of *account_ids* that have one."""
    if not account_ids:
        return {}
    marks = placeholders(len(account_ids))
    rows = connection.execute(_ACCOUNT_BOOKS.format(marks), list(account_ids))
    return _books(rows.fetchall())


def _books(rows: Iterable[tuple[int, str | None, str, str, str]]) -> dict[int, Book]:
    books: dict[int, list[Contact]] = {}
    for owner, name, number, number_type, category in rows:
        book = books.setdefault(owner, [])
        if name is not None:  # else it is an empty book
            book.append(Contact(name, number, number_type, category))
    return {owner: tuple(book) for owner, book in books.items()}


def extras_of(connection: sqlite3.Connection, domain_id: int) -> Extras:
    """Return what the phones of a domain are told of CAs, dialling and languages."""
    here = (domain_id,)
    has_plan = connection.execute(_HAS_PLAN, here).fetchall()
    templates = connection.execute(_TEMPLATES, here).fetchall()
    return Extras(
        tuple(
            base64.b64encode(der).decode()
            for (der,) in connection.execute(_CERTIFICATES, here).fetchall()
        ),
        tuple(DialTemplate(*row) for row in templates) if has_plan else None,
        tuple(
            LanguageFile(*row)
            for row in connection.execute(_LANGUAGES, here).fetchall()
        ),
    )
