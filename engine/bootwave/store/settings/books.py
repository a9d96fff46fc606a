"""What administrators do with phone books: bring entries in, list them, clear them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bootwave.directory.records import Contact
from bootwave.errors import OptionError, SettingError, StoreNotFound
from bootwave.phone.models import known_models
from bootwave.settings.books.contacts import MAX_ENTRIES, checked_contact, in_order
from bootwave.store.rowerrors import MAX_ERRORS, RowError
from bootwave.store.work import Work

SCOPES = ("domain", "account")
MAX_ROWS = 10 * MAX_ENTRIES  # looked at: the same entry may come several times
COLUMNS = frozenset({"name", "number", "type", "category"})

# One of the two is NULL, and equal to nothing.
_FIND = """
SELECT id FROM phone_books
WHERE domain_id = :domain_id OR account_id = :account_id
"""
_MAKE = """
INSERT INTO phone_books (domain_id, account_id) VALUES (:domain_id, :account_id)
RETURNING id
"""
_FORGET = "DELETE FROM phone_books WHERE id = :book"
_ENTRIES = """
SELECT name, number, number_type, category FROM phone_book_entries
WHERE book_id = :book ORDER BY place
"""
_CLEAR = "DELETE FROM phone_book_entries WHERE book_id = :book"
_ADD = """
INSERT INTO phone_book_entries (book_id, place, name, number, number_type, category)
VALUES (:book, :place, :name, :number, :number_type, :category)
"""


class Prepared(NamedTuple):
    """Rows that were looked at: entries, and what is wrong with the others."""

    right: list[Contact]
    wrong: list[RowError]


def bring_in(
    work: Work,
    scope: str,
    target: str,
    rows: Prepared,
    *,
    replace: bool,
    all_or_nothing: bool,
    dry_run: bool,
) -> dict[str, Any]:
    """Add the right ones of *rows* to the book of a domain or an account.

    With *all_or_nothing* they are added only if none is wrong; so they are with
    *replace*, after which the book holds nothing else.  ``stored`` says whether
    anything was, which is not so when all are wrong; ``shortened`` names the models
    known to show less of it.  Raises SettingError when the book would be too large.
    """
    owner = _owner(work, scope, target)
    right, wrong = rows
    book = _find(work, scope, owner)
    before = [] if book is None else _entries(work, book)
    kept = [] if replace else before
    after = in_order([*kept, *right])
    if len(after) > MAX_ENTRIES:
        raise SettingError(
            f"The book would have {len(after):,} entries, and {MAX_ENTRIES:,} is the "
            "most: give departments accounts with books of their own."
        )
    enough = not wrong or bool(right and not (replace or all_or_nothing))
    stored = enough and not dry_run
    places = {(each.name, each.number) for each in before}
    added = sum((each.name, each.number) not in places for each in after)
    if stored:
        if book is None:
            book = _make(work, scope, owner)
        work.connection.execute(_CLEAR, {"book": book})
        work.connection.executemany(
            _ADD,
            [
                {
                    "book": book,
                    "place": place,
                    "name": each.name,
                    "number": each.number,
                    "number_type": each.number_type,
                    "category": each.category,
                }
                for place, each in enumerate(after)
            ],
        )
        _touch(work, scope, owner)
        work.note("phonebook.imported", _named(scope, target), entries=len(after))
    return {
        "entries": len(after),
        "added": added,
        "removed": len(before) + added - len(after),
        "stored": stored,
        "shortened": _showing_fewer_than(len(after)),
        "error_count": len(wrong),
        "errors": [error._asdict() for error in wrong[:MAX_ERRORS]],
    }


def listed(work: Work, scope: str, target: str) -> dict[str, Any]:
    """Return the entries of a book in order; ``told`` is whether phones are told it."""
    book = _find(work, scope, _owner(work, scope, target))
    entries = [] if book is None else _entries(work, book)
    return {
        "told": book is not None,
        "shortened": _showing_fewer_than(len(entries)),
        "entries": [
            {
                "name": each.name,
                "number": each.number,
                "type": each.number_type,
                "category": each.category,
            }
            for each in entries
        ],
    }


def clear(work: Work, scope: str, target: str, *, forget: bool) -> dict[str, Any]:
    """Take all entries out of a book: phones forget theirs, too.

    With *forget* there is no book any more, and phones keep what they have.
    """
    owner = _owner(work, scope, target)
    book = _find(work, scope, owner)
    if book is None:
        raise StoreNotFound(
            f"{target.strip()} has no phone book: bootwave phonebook import makes one."
        )
    entries = len(_entries(work, book))
    work.connection.execute(_CLEAR, {"book": book})
    if forget:
        work.connection.execute(_FORGET, {"book": book})
    _touch(work, scope, owner)
    work.note("phonebook.cleared", _named(scope, target), entries=entries)
    return {"entries": entries, "told": not forget}


def prepared(rows: Iterable[Mapping[str, str]]) -> Prepared:
    """Return which of *rows* can be entries, for ``bring_in``, and what others lack.

    A row has ``name`` and ``number``, perhaps ``type`` and ``category``.  Raises
    SettingError when there are too many.  Nothing is locked meanwhile.
    """
    right: list[Contact] = []
    wrong: list[RowError] = []
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise SettingError(
                f"There are more than {MAX_ROWS:,} rows, and a book has "
                f"{MAX_ENTRIES:,} entries at most: give departments accounts with "
                "books of their own."
            )
        try:
            if not row.keys() <= COLUMNS or not all(
                isinstance(value, str) for value in row.values()
            ):
                raise SettingError(
                    f"An entry has texts for {', '.join(sorted(COLUMNS))}, and nothing "
                    "else."
                )
            contact = checked_contact(
                row.get("name", ""),
                row.get("number", ""),
                row.get("type", ""),
                row.get("category", ""),
            )
        except SettingError as error:
            wrong.append(RowError(number, str(error)))
        else:
            right.append(contact)
    return Prepared(right, wrong)


def _showing_fewer_than(entries: int) -> list[dict[str, Any]]:
    """Return the models that are known to show fewer than *entries*."""
    return [
        {"model": model.name, "entries": model.phone_book_entries}
        for model in known_models().values()
        if 0 < model.phone_book_entries < entries
    ]


def _owner(work: Work, scope: str, target: str) -> int:
    if scope == "domain":
        return work.domain_id(target)
    if scope == "account":
        return work.account(target).id
    raise OptionError("A phone book is a domain's or an account's.")


def _ids(scope: str, owner: int) -> dict[str, int | None]:
    return {
        "domain_id": owner if scope == "domain" else None,
        "account_id": owner if scope == "account" else None,
    }


def _find(work: Work, scope: str, owner: int) -> int | None:
    rows = work.connection.execute(_FIND, _ids(scope, owner)).fetchall()
    return int(rows[0][0]) if rows else None


def _make(work: Work, scope: str, owner: int) -> int:
    rows = work.connection.execute(_MAKE, _ids(scope, owner)).fetchall()
    return int(rows[0][0])


def _entries(work: Work, book: int) -> list[Contact]:
    rows = work.connection.execute(_ENTRIES, {"book": book}).fetchall()
    return [Contact(*row) for row in rows]


def _touch(work: Work, scope: str, owner: int) -> None:
    work.touched(scope, owner)
    if scope == "account":
        for mac in work.macs_of(owner):
            work.touched("device", mac)


def _named(scope: str, target: str) -> str:
    return f"{scope} {target.strip()}"
