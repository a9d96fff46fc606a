"""Checked rows of many accounts, written with an error for each wrong one."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from bootwave.errors import OperatorError, SettingError
from bootwave.store.bulk.accountstates import (
    Stored,
    change,
    password_of,
    stored_of,
    take_away,
)
from bootwave.store.bulk.changedaccounts import ChangedAccounts
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.newaccounts import NewAccounts
from bootwave.store.domains.accounts import ADD, seal, set_sealed
from bootwave.store.domains.bindings import bind, bind_mac
from bootwave.store.domains.claims import forget_expired
from bootwave.store.names import checked_password, sort_name
from bootwave.store.rowerrors import RowError
from bootwave.store.work import AccountRow, Work

_PROGRESS_EVERY = 500  # rows

Progress = Callable[[int, int], None]

_DOMAINS = "SELECT name, id FROM domains"


class Written(NamedTuple):
    """What became of the account of a row, and how often it was bound and unbound.

    ``unchanged`` is the account, where nothing of it was.
    """

    account_id: int
    what: Literal["added", "updated", "unchanged"]
    bound: int = 0
    unbound: int = 0
    unchanged: AccountRow | None = None


class Writing:
    """Some rows being written in the open transaction, in their order."""

    def __init__(self, work: Work, rows: Sequence[ImportRow]) -> None:
        """Look up what is stored of *rows*."""
        forget_expired(work.connection, work.at.boottime, work.at.boot_id)
        self.work = work
        self._domains = domains_reached(work)
        self._stored = stored_of(work, rows, self._domains)
        self._sealing_id = bytes.fromhex(work.keyring.names[0])
        self._changed = ChangedAccounts(work)
        new = [row for row in rows if row.account not in self._stored]
        self._fresh = NewAccounts(work, (mac for row in new for mac in row.macs))

    def store(self, row: ImportRow, *, update: bool) -> Written:
        """Return what became of *row*; of one that is refused nothing is written.

        An account that exists is an error, unless *update*: then what is given in the
        row replaces what is stored.  Raises OperatorError.
        """
        work = self.work
        domain_id = self._domains.get(row.account.domain)
        if domain_id is None:
            work.domain_id(row.account.domain)  # raises with what to do
            raise AssertionError("the domains were read in this transaction")
        is_gone = bool(row.account_id) and not row.is_new
        is_gone = is_gone and row.account not in self._stored
        # Removed since it was prepared; or there is another key since (``rekey``), and
        # what was sealed with the one before is sealed anew already.
        if row.ready and (is_gone or not row.ready.startswith(self._sealing_id)):
            row = row._replace(password=password_of(work, row), ready=b"")
        if is_gone:
            row = row._replace(account_id=0)
        stored = self._stored.get(row.account)
        if stored is not None:
            if not update:
                raise SettingError(f"The account {row.account} exists already.")
            changed = self._changed.add(row, stored)
            if changed is not None:
                return _kept(stored, changed=changed)
        elif row.has_password and not row.wildcard and len(row.macs) <= 1:
            account_id = self._fresh.add(row, domain_id)
            if account_id is not None:
                return Written(account_id, "added", bool(row.macs))
        self.flush()
        work.connection.execute("SAVEPOINT row")
        try:
            return self._store_alone(row, domain_id)
        except OperatorError:
            work.connection.execute("ROLLBACK TO row")
            raise
        finally:
            if work.connection.in_transaction:  # SQLite may have undone all of it
                work.connection.execute("RELEASE row")
                for mac in (0, *row.macs):
                    self._fresh.others_wrote(mac)

    def flush(self) -> None:
        """Write what waits to be written together."""
        self._changed.flush()
        self._fresh.flush()

    def _store_alone(self, row: ImportRow, domain_id: int) -> Written:
        work = self.work
        stored = self._stored.get(row.account)
        if stored is None:
            return Written(
                _added(work, row, domain_id),
                "added",
                bool(row.macs or row.wildcard),
            )
        unbound, less = take_away(work, row, stored)
        changed, bound = change(work, row, stored)
        if changed or less:
            return Written(stored.account.id, "updated", bound, unbound)
        return _kept(stored, changed=False)


def _kept(stored: Stored, *, changed: bool) -> Written:
    """Return what became of an account that keeps its phones."""
    if changed:
        return Written(stored.account.id, "updated")
    return Written(stored.account.id, "unchanged", unchanged=stored.account)


def domains_reached(work: Work) -> dict[str, int]:
    """Return the ids of the domains that are reached, by their names."""
    return {
        name: domain_id
        for name, domain_id in work.connection.execute(_DOMAINS).fetchall()
        if work.reaches(name)
    }


def store(
    work: Work,
    rows: Sequence[ImportRow],
    *,
    update: bool,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Written], list[RowError]]:
    """Write *rows*; return what became of the right ones, and what was refused.

    With *update* what has a value in a row replaces what is stored of an account.
    *progress* is told how many are done.
    """
    writing = Writing(work, rows)
    written: list[Written] = []
    wrong: list[RowError] = []
    for done, row in enumerate(rows, 1):
        try:
            written.append(writing.store(row.said() if update else row, update=update))
        except OperatorError as error:
            wrong.append(RowError(row.row, str(error)))
        if progress is not None and done % _PROGRESS_EVERY == 0:
            progress(done)
    writing.flush()
    return written, wrong


def _added(work: Work, row: ImportRow, domain_id: int) -> int:
    """Return the id of the account of *row*, which is new."""
    fields = {
        "display_name": row.display_name,
        "auth_user": row.auth_user,
        "mailbox": row.mailbox,
    }
    inserted = work.connection.execute(
        ADD,
        {
            "id": row.account_id or None,
            "domain_id": domain_id,
            "number": row.account.number,
            "nothing": b"",
            "sort_name": sort_name(row.display_name),
            **fields,
        },
    ).fetchall()
    checked_password(password_of(work, row))
    account = AccountRow(inserted[0][0], domain_id, *row.account, **fields, wildcard="")
    work.touched("account", account.id)
    if row.ready:
        set_sealed(work, account.id, row.ready)
    else:
        seal(work, account.id, row.password)
    if row.wildcard:
        bind(work, account, row.wildcard, add=True)
        for mac in row.macs:
            bind(work, account, f"{mac:012X}", add=True)
    else:
        for mac in row.macs:
            bind_mac(work, account, mac)  # nothing before it to replace
    return account.id
