"""Many accounts at once: checked rows are written, with an error for each wrong one.

A transaction takes ten thousand rows at a time, or all of an import in such chunks.
"""

from collections.abc import Callable, Sequence

from bootwave.errors import OperatorError, SettingError
from bootwave.store.accounts import ADD, SET, seal
from bootwave.store.bindings import bind, bind_mac
from bootwave.store.claims import forget_expired
from bootwave.store.importrows import ImportRow, RowError
from bootwave.store.names import checked_password, sort_name
from bootwave.store.newaccounts import New, NewAccounts
from bootwave.store.work import ACCOUNT_ROWS, AccountRow, Work

_PROGRESS_EVERY = 500  # rows

Progress = Callable[[int, int], None]

_FIND = ACCOUNT_ROWS + "WHERE a.domain_id = :domain_id AND a.number = :number"
_DOMAINS = "SELECT name, id FROM domains"


class Writing:
    """Some rows being written in the open transaction, in their order."""

    def __init__(self, work: Work, rows: Sequence[ImportRow]) -> None:
        """Look up what is stored of *rows*."""
        forget_expired(work.connection, work.at.boottime, work.at.boot_id)
        self.work = work
        self._domains = {
            name: domain_id
            for name, domain_id in work.connection.execute(_DOMAINS).fetchall()
            if work.reaches(name)
        }
        self._fresh = NewAccounts(
            work,
            (row.account for row in rows),
            (mac for row in rows for mac in row.macs),
        )

    def store(self, row: ImportRow, *, update: bool) -> tuple[int, bool]:
        """Return the account's id and whether it is new; raises OperatorError.

        An account that exists is an error, unless *update*: then what the row gives
        replaces what is stored, and its MACs those bound before.
        """
        work = self.work
        domain_id = self._domains.get(row.account.domain)
        if domain_id is None:
            work.domain_id(row.account.domain)  # raises with what to do
            raise AssertionError("the domains were read in this transaction")
        plain = bool(row.password) and not row.wildcard and len(row.macs) <= 1
        if plain and not self._fresh.has(row.account):
            new = New(
                domain_id,
                row.account.number,
                row.display_name,
                row.auth_user,
                row.mailbox,
                row.password,
                row.macs[0] if row.macs else 0,
            )
            account_id = self._fresh.add(new)
            if account_id is not None:
                return account_id, True
        self.flush()
        try:
            return _store_alone(work, row, domain_id, update=update)
        finally:
            self.others_wrote(row.macs)

    def flush(self) -> None:
        """Write what waits to be written together."""
        self._fresh.flush()

    def others_wrote(self, macs: Sequence[int]) -> None:
        """Note that others made an account, or bound *macs*, or tried to."""
        self._fresh.others_wrote(0)
        for mac in macs:
            self._fresh.others_wrote(mac)


def store(
    work: Work,
    rows: Sequence[ImportRow],
    *,
    update: bool,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[int], dict[str, int], list[RowError]]:
    """Write *rows*; return the accounts' ids, the counts and what was refused.

    After a row was refused the transaction must not be committed, for part of that row
    may be written: a savepoint for each row would take longer than everything else.
    *progress* is told how many are done.
    """
    writing = Writing(work, rows)
    ids: list[int] = []
    counts = {"added": 0, "updated": 0, "bound": 0}
    wrong: list[RowError] = []
    for done, row in enumerate(rows, 1):
        try:
            account_id, added = writing.store(row, update=update)
        except OperatorError as error:
            wrong.append(RowError(row.row, str(error)))
        else:
            ids.append(account_id)
            counts["added" if added else "updated"] += 1
            counts["bound"] += bool(row.macs or row.wildcard)
        if progress is not None and done % _PROGRESS_EVERY == 0:
            progress(done)
    writing.flush()
    return ids, counts, wrong


def bind_all(work: Work, account: AccountRow, row: ImportRow) -> None:
    """Bind *account* to what *row* says, instead of what it was bound to."""
    targets = [row.wildcard] if row.wildcard else []
    targets += [f"{mac:012X}" for mac in row.macs]
    for target in targets:
        bind(work, account, target, add=target is not targets[0])


def _store_alone(
    work: Work, row: ImportRow, domain_id: int, *, update: bool
) -> tuple[int, bool]:
    fields = {
        "display_name": row.display_name,
        "auth_user": row.auth_user,
        "mailbox": row.mailbox,
    }
    where = {"domain_id": domain_id, "number": row.account.number}
    inserted = work.connection.execute(
        ADD,
        {"nothing": b"", "sort_name": sort_name(row.display_name), **where, **fields},
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
        name = row.display_name or account.display_name
        work.connection.execute(
            SET,
            {
                "id": account.id,
                "display_name": name,
                "sort_name": sort_name(name),
                "auth_user": row.auth_user or account.auth_user,
                "mailbox": row.mailbox or account.mailbox,
            },
        )
        work.touched_account(account)
    if row.password:
        seal(work, account.id, row.password)
    if inserted and not row.wildcard:
        for mac in row.macs:
            bind_mac(work, account, mac)  # nothing before it to replace
    else:
        bind_all(work, account, row)
    return account.id, bool(inserted)
