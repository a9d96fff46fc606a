"""One row of an import, checked before anything is written.

Checking takes longer than writing, and phones' own writes wait while an import writes.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Final, NamedTuple

from bootwave.errors import SettingError
from bootwave.phone.mac import required_mac
from bootwave.store.names import (
    MAX_MAILBOX_CHARACTERS,
    AccountName,
    checked_name,
    checked_password,
    required_account,
)

COLUMNS = ("extension", "domain", "name", "password", "mac", "mailbox", "auth_user")
# What CSV has behind its last column.  Rows go on as JSON, so it is text, and one that
# nobody calls a member of a row of JSON.
SURPLUS: Final = "value without a column"
# What a row may leave as it is, where an account is there already.
FIELDS = ("name", "password", "mac", "mailbox", "auth_user")
_KNOWN = {*COLUMNS, "number"}
_TEXTS = {str, NoneType}  # csv.DictReader has None for a value that is missing
_EMPTY = dict.fromkeys(_KNOWN, "")
WILDCARDS = ("*", "?")


class Becomes(NamedTuple):
    """What an account that keeps its phones is to be; and which of it is different."""

    display_name: str
    auth_user: str
    mailbox: str
    other_fields: bool
    other_password: bool


class ImportRow(NamedTuple):
    """One row, checked.

    ``wildcard`` and ``macs`` are what it is to be bound to, and ``given`` names those
    of ``FIELDS`` that stand in it, with a value or "".  Once it is prepared, ``ready``
    is its password as it is stored of the account ``account_id``, which it is, or if it
    ``is_new`` is to be; ``password`` is "" then.  ``becomes`` is known of an account
    that keeps its phones.
    """

    row: int
    account: AccountName
    display_name: str
    password: str
    wildcard: str
    macs: tuple[int, ...]
    mailbox: str
    auth_user: str
    given: tuple[str, ...]
    account_id: int = 0
    ready: bytes = b""
    is_new: bool = False
    becomes: Becomes | None = None

    @property
    def has_password(self) -> bool:
        """Whether it has a password, in one form or the other."""
        return bool(self.password or self.ready)

    def said(self) -> "ImportRow":
        """Return the row with those of its fields alone ``given`` that have a value."""
        values = {
            "name": self.display_name,
            "password": self.has_password,
            "mac": self.macs or self.wildcard,
            "mailbox": self.mailbox,
            "auth_user": self.auth_user,
        }
        return self._replace(given=tuple(name for name in FIELDS if values[name]))

    def __repr__(self) -> str:
        """Return the row's account without its password."""
        return f"ImportRow({self.row}, {self.account})"


def checked_row(
    number: int, row: Mapping[str, str] | None, domain: str | None
) -> ImportRow:
    """Return the row *number* of a file; *domain* stands for one that names none.

    None is a line of JSON Lines that could not be read, and refused as such.
    A password may be missing; whether that is right depends on whether the account
    exists.  ``mac`` may hold several MACs, and ``*`` or ``?``, separated by blanks.
    Raises OperatorError with what is wrong, which quotes no password.
    """
    if not isinstance(row, Mapping):
        raise SettingError(
            "This line is no JSON object, or has two members of one name: write one "
            'object in each line, such as {"extension":"401","password":"..."}.'
        )
    for position, column in enumerate(row if row.keys() - _KNOWN else (), 1):
        if column in (None, SURPLUS):  # None is that of csv.DictReader
            raise SettingError(
                f"Value {position} stands in no known column, which are "
                f"{', '.join(COLUMNS)}: name it so in the heading, and put values that "
                "hold the separator into double quotes."
            )
        if column not in _KNOWN:
            # Not quoted: in a file without a heading it may be a password.
            raise SettingError(
                f"Value {position} has no name that is known, which are "
                f"{', '.join(COLUMNS)}."
            )
    if not _TEXTS.issuperset(map(type, row.values())):
        (column, *_) = (name for name in row if type(row[name]) not in _TEXTS)
        raise SettingError(
            f"The value of {column} must be text, which JSON has in double quotes."
        )
    texts = {**_EMPTY, **{column: text for column, text in row.items() if text}}
    account = required_account(
        texts["extension"] or texts["number"], texts["domain"] or domain
    )
    targets = tuple(dict.fromkeys(texts["mac"].split()))
    wildcards = [target for target in targets if target in WILDCARDS]
    if len(wildcards) > 1:
        raise SettingError("An account is '*' or '?', not both.")
    password = texts["password"]
    return ImportRow(
        number,
        account,
        checked_name(texts["name"], "The display name"),
        checked_password(password) if password else "",
        wildcards[0] if wildcards else "",
        tuple(required_mac(one) for one in targets if one not in WILDCARDS),
        checked_name(texts["mailbox"], "The mailbox", MAX_MAILBOX_CHARACTERS),
        checked_name(texts["auth_user"], "The authentication user"),
        tuple(field for field in FIELDS if field in row),
    )
