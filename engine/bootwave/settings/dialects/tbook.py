"""A phone book as ``<tbook>``: a part of a desk phone's document, a file of the m9's.

``complete="true"`` has a phone forget the entries it had, also those its user made
(firmware 8.2 and later): the book is then what was told.  Sources: snom wiki, tbook
tag; for the m9 its administrator's guide, "Address Book Provisioning", and Gemeinschaft
3, prov/snom/pb-m9.php.

A domain's book is the same for all phones and is baked; the entries of the accounts
bound to a phone fill one slot, escaped here.  A model with little room shows what its
accounts have first, and then as much of the domain's as fits.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bootwave.directory.records import Contact
from bootwave.native.xml import Plan, escape_attribute, escape_text
from bootwave.settings.dialects.pieces import PROLOGUE, Pieces
from bootwave.settings.layers import Slot

OwnBooks = Sequence[tuple[int, Sequence[Contact]]]
"""The books of a phone's accounts, each with the identity that dials from it."""


class Share(NamedTuple):
    """How much of the domain's book a phone shows, and of its accounts' books."""

    shared: int
    own: int

    @property
    def shape(self) -> tuple[int, bool]:
        """What of it decides the plan."""
        return self.shared, self.own > 0


class Book(NamedTuple):
    """A phone book in a plan: *shared* entries are baked, *own* is a slot or None."""

    shared: Sequence[Contact]
    own: Slot | None


class Style(NamedTuple):
    """How a kind of phone has its entries.

    ``first`` is the index of the first; the contexts say by which identity an entry of
    the domain, and one of an account bound as ``{}``, is dialled.
    """

    first: int
    shared: str
    own: str


# Desk phones dial by the identity the user has chosen.
DESK: Final = Style(0, "active", "active")
M9: Final = Style(1, "<global>", "identity{}")


def share(shared: int | None, own: Sequence[int | None], most: int) -> Share | None:
    """Return what a phone shows of books of these sizes, None without any book.

    It has room for *most* entries; 0 is any number.
    """
    if shared is None and all(size is None for size in own):
        return None
    entries = sum(size or 0 for size in own)
    if not most:
        return Share(shared or 0, entries)
    entries = min(entries, most)
    return Share(min(shared or 0, most - entries), entries)


def items(contacts: Iterable[tuple[int, Contact]], style: Style, context: str) -> bytes:
    """Return the elements of *contacts*, each with its place in the book."""
    lines = []
    for place, each in contacts:
        kind = (
            b"<number_type>%b</number_type>" % escape_text(each.number_type)
            if each.number_type
            else b""
        )
        lines.append(
            b'  <item context="%b" type="%b" index="%d"><name>%b</name>'
            b"<number>%b</number>%b</item>\n"
            % (
                escape_attribute(context),
                escape_attribute(each.category),
                style.first + place,
                escape_text(each.name),
                escape_text(each.number),
                kind,
            )
        )
    return b"".join(lines)


def own_items(books: OwnBooks, style: Style, room: Share) -> str:
    """Return the markup of what a phone shows of its accounts' books."""
    place, last = room.shared, room.shared + room.own
    parts = []
    for identity, book in books:
        shown = book[: last - place]
        context = style.own.format(identity)
        parts.append(items(enumerate(shown, place), style, context))
        place += len(shown)
    return b"".join(parts).decode()


def add_book(out: Pieces, book: Book, style: Style) -> None:
    """Add the entries of *book*."""
    out.markup(items(enumerate(book.shared), style, style.shared))
    if book.own is not None:
        out.markup(book.own)


def book_document(book: Book, style: Style) -> Plan:
    """Return the plan of *book* as a document of its own."""
    out = Pieces()
    out.markup(PROLOGUE + b'<tbook complete="true">\n')
    add_book(out, book, style)
    out.markup(b"</tbook>\n")
    return out.plan()
