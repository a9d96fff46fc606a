"""Many accounts at once, in one transaction, with an error for each row that is wrong.

The rows are checked before the transaction begins: phones' own writes wait for it, and
checking takes longer than writing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from bootwave.errors import OperatorError, SettingError
from bootwave.phone.mac import required_mac
from bootwave.store.accounts import ADD, SET, seal
from bootwave.store.bindings import bind, bind_mac
from bootwave.store.claims import forget_expired
from bootwave.store.names import (
    AccountName,
    checked_name,
    checked_password,
    required_account,
    required_domain,
)
from bootwave.store.newaccounts import New, NewAccounts
from bootwave.store.work import ACCOUNT_ROWS, AccountRow, Work

COLUMNS = ("extension", "domain", "name", "password", "mac", "mailbox", "auth_user")
_KNOWN = {*COLUMNS, "number"}
_EMPTY = dict.fromkeys(_KNOWN, "")
MAX_ERRORS = 1_000  # reported; a file of the wrong kind has one in every row
_PROGRESS_EVERY = 500  # rows

Progress = Callable[[int, int], None]

_FIND = ACCOUNT_ROWS + "WHERE a.domain_id = :domain_id AND a.number = :number"
_DOMAINS = "SELECT name, id FROM domains"


class Prepared(NamedTuple):
    """One row, checked.  ``target`` is "", a wildcard or a MAC's spelling."""

    row: int
    account: AccountName
    display_name: str
    password: str
    target: str
    mac: int
    mailbox: str
    auth_user: str

    def __repr__(self) -> str:
        """Return the row's account without its password."""
        return f"Prepared({self.row}, {self.account})"


class RowError(NamedTuple):
    """What is wrong with row *row*; rows count from 1, without the heading."""

    row: int
    error: str


def prepared(
    rows: Iterable[Mapping[str, str]], domain: str | None
) -> tuple[list[Prepared], list[RowError]]:
    """Return the rows that are right, and what is wrong with the others.

    *domain* stands for rows that name none.  A password may be missing; whether that
    is right depends on whether the account exists.
    """
    right: list[Prepared] = []
    wrong: list[RowError] = []
    seen: dict[AccountName, int] = {}
    default = None if domain is None else required_domain(domain)
    for number, row in enumerate(rows, 1):
        try:
            ready = _prepare(number, row, default)
            before = seen.setdefault(ready.account, number)
            if before != number:
                raise SettingError(f"{ready.account} stands in row {before} already.")
            right.append(ready)
        except OperatorError as error:
            wrong.append(RowError(number, str(error)))
    return right, wrong


def store(
    work: Work,
    rows: list[Prepared],
    *,
    update: bool,
    progress: Progress | None = None,
) -> tuple[list[int], dict[str, int], list[RowError]]:
    """Write *rows*; return the accounts' ids, the counts and what was refused.

    An account that exists is an error, unless *update*: then what the row gives
    replaces what is stored, and its MAC the one bound before.  After a row was refused
    the transaction must not be committed, for part of that row may be written: a
    savepoint for each row would take longer than everything else.
    """
    forget_expired(work.connection, work.at.boottime, work.at.boot_id)
    domains = dict(work.connection.execute(_DOMAINS).fetchall())
    fresh = NewAccounts(work, (row.account for row in rows), (row.mac for row in rows))
    ids: list[int] = []
    counts = {"added": 0, "updated": 0, "bound": 0}
    wrong: list[RowError] = []
    for done, row in enumerate(rows, 1):
        try:
            account_id, added = _store_row(work, row, domains, fresh, update=update)
        except OperatorError as error:
            wrong.append(RowError(row.row, str(error)))
        else:
            ids.append(account_id)
            counts["added" if added else "updated"] += 1
            counts["bound"] += bool(row.target)
        if progress is not None and done % _PROGRESS_EVERY == 0:
            progress(done, len(rows))
    fresh.flush()
    return ids, counts, wrong


def _prepare(number: int, row: Mapping[str, str], domain: str | None) -> Prepared:
    for position, column in enumerate(row if row.keys() - _KNOWN else (), 1):
        if column not in _KNOWN:
            # Not quoted: in a file without a heading it may be a password.
            raise SettingError(
                f"Value {position} stands in no known column, which are "
                f"{', '.join(COLUMNS)}: name it so in the heading, and put values that "
                "hold the separator into double quotes."
            )
    texts = {**_EMPTY, **{column: text for column, text in row.items() if text}}
    if set(map(type, texts.values())) != {str}:
        raise SettingError("Every value of a row must be text.")
    extension = texts["extension"] or texts["number"]
    account = required_account(extension, texts["domain"] or domain)
    target = texts["mac"].strip()
    password = texts["password"]
    return Prepared(
        number,
        account,
        checked_name(texts["name"], "The display name"),
        checked_password(password) if password else "",
        target,
        required_mac(target) if target not in ("", "*", "?") else 0,
        checked_name(texts["mailbox"], "The mailbox")[:64],
        checked_name(texts["auth_user"], "The authentication user"),
    )


def _store_row(
    work: Work,
    row: Prepared,
    domains: dict[str, int],
    fresh: NewAccounts,
    *,
    update: bool,
) -> tuple[int, bool]:
    """Return the account's id and whether it is new."""
    domain_id = domains.get(row.account.domain)
    if domain_id is None:
        work.domain_id(row.account.domain)  # raises with what to do
        raise AssertionError("the domains were read in this transaction")
    if row.password and (row.mac or not row.target) and not fresh.has(row.account):
        new = New(
            domain_id,
            row.account.number,
            row.display_name,
            row.auth_user,
            row.mailbox,
            row.password,
            row.mac,
        )
        account_id = fresh.add(new)
        if account_id is not None:
            return account_id, True
    fresh.flush()
    try:
        return _store_alone(work, row, domain_id, update=update)
    finally:
        fresh.others_wrote(row.mac)


def _store_alone(
    work: Work, row: Prepared, domain_id: int, *, update: bool
) -> tuple[int, bool]:
    fields = {
        "display_name": row.display_name,
        "auth_user": row.auth_user,
        "mailbox": row.mailbox,
    }
    where = {"domain_id": domain_id, "number": row.account.number}
    inserted = work.connection.execute(
        ADD, {"nothing": b"", **where, **fields}
    ).fetchall()
    if inserted:
        checked_password(row.password)
        account = AccountRow(
            inserted[0][0], domain_id, *row.account, **fields, wildcard=""
        )
        work.touched("account", account.id)
    else:
        if not update:
            raise SettingError(f"The account {row.account} exists already.")
        found = work.connection.execute(_FIND, where).fetchall()
        account = AccountRow(*found[0])
        given = {name: value for name, value in fields.items() if value}
        work.connection.execute(
            SET,
            {
                "id": account.id,
                "display_name": account.display_name,
                "auth_user": account.auth_user,
                "mailbox": account.mailbox,
                **given,
            },
        )
        work.touched_account(account)
    if row.password:
        seal(work, account.id, row.password)
    if row.target:
        if inserted and row.mac:
            bind_mac(work, account, row.mac)  # nothing before it to replace
        else:
            bind(work, account, row.target, add=False)
    return account.id, bool(inserted)
