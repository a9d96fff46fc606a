"""What may stand in a phone book, and in which order.

The words are those of the phones' own ``<tbook>`` (snom wiki, tbook tag): an entry has
one number, so a person with three numbers is three entries of one name.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bootwave.directory.records import Contact
from bootwave.errors import SettingError
from bootwave.settings.spelling import nearest
from bootwave.xml.legal import checked_text

MAX_ENTRIES: Final = 1000  # of one book: the m9 takes 500, a 370 shows 250
MAX_NAME_CHARACTERS: Final = 128
MAX_NUMBER_CHARACTERS: Final = 128

NUMBER_TYPES: Final = ("sip", "extension", "mobile", "fixed", "home", "business")
CATEGORIES: Final = ("none", "friends", "family", "colleagues", "vip", "deny")

# What people put into a number to read it (RFC 3966 section 5.1.1, and the slash).
_VISUAL: Final = re.compile(r"[\s\-.()/\u2010-\u2015]+")
# 0 in brackets behind a country code is dialled from within the country only.
_TRUNK: Final = re.compile(r"(?<=\d)\s*\(0\)\s*")
_NUMBER: Final = re.compile(r"\+?[0-9*#]+")
_ADDRESS: Final = re.compile(
    r"(?:sips?:)?[A-Za-z0-9_.!~*'&=+$,;?/%-]+@[A-Za-z0-9.\[\]:-]+"
)
_NAME_ONLY: Final = re.compile(r"sips?:[A-Za-z0-9.\[\]:-]+")
_BLANKS: Final = re.compile(r"\s+")


def checked_number(text: str) -> str:
    """Return *text* as a phone dials it: digits, ``* # +``, or a SIP address.

    What separates digits for the eye goes.  Raises SettingError.
    """
    number = text.strip()
    if number[:4].lower() == "tel:":
        number = number[4:].partition(";")[0]
    if "@" in number or number[:4].lower() in ("sip:", "sips"):
        right = _ADDRESS.fullmatch(number) or _NAME_ONLY.fullmatch(number)
    else:
        if number.startswith("+"):
            number = _TRUNK.sub("", number)
        number = _VISUAL.sub("", number)
        right = _NUMBER.fullmatch(number)
    if not right or len(number) > MAX_NUMBER_CHARACTERS:
        raise SettingError(
            f"{text!r} is not a number to dial: write digits, *, # and +, or a SIP "
            "address."
        )
    return number


def checked_contact(
    name: str, number: str, number_type: str = "", category: str = ""
) -> Contact:
    """Return the entry as it may be stored; raises SettingError."""
    shown = _BLANKS.sub(" ", checked_text(name, "The name of an entry")).strip()
    if not shown:
        raise SettingError(f"The entry with the number {number!r} has no name.")
    if len(shown) > MAX_NAME_CHARACTERS:
        raise SettingError(
            f"The name {shown[:20]!r}... has more than {MAX_NAME_CHARACTERS} "
            "characters."
        )
    return Contact(
        shown,
        checked_number(number),
        _word(number_type, NUMBER_TYPES, "type of number")
        if number_type.strip()
        else "",
        _word(category, CATEGORIES, "category") if category.strip() else "none",
    )


def _word(text: str, words: tuple[str, ...], what: str) -> str:
    word = text.strip().casefold()
    if word not in words:
        meant = nearest(word, words)
        hint = f"did you mean {meant}?" if meant else f"one of {', '.join(words)}."
        raise SettingError(f"{text!r} is not a {what}: {hint}")
    return word


def in_order(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Return *contacts* as a book has them: by name, and each number of a name once.

    Of two entries with one name and number the later counts.  The order is the same for
    the same entries, whichever came first: a document changes with its book only.
    """
    by_number = {(contact.name, contact.number): contact for contact in contacts}
    return tuple(sorted(by_number.values(), key=_rank))


def _rank(contact: Contact) -> tuple[str, str, str]:
    # Umlauts and accents stand with their letters, as in a printed book.
    folded = unicodedata.normalize("NFKD", contact.name.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return letters, contact.name, contact.number
