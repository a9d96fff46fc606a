"""The accounts of a domain as somebody else keeps them: what differs is changed.

A PBX that pushes its whole state, every night or at each change, must not end what
phones keep ready: an account that is as it was pushed is left alone, without a row in
the log of changes.  What is not in the rows is removed.

A row says what stands in it.  A column that it leaves out stays as it is; one that is
"" is emptied, but for the password.  ``*`` is held to be true of an account that is
bound: an unknown phone has claimed it since.

What is as it was pushed is found first, by reading alone: phones' own writes wait while
an administrator writes, and a state of many accounts hardly differs from the last.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bootwave.errors import OperatorError, StoreConflict
from bootwave.store import accounts
from bootwave.store.accounts import SET, seal
from bootwave.store.bindings import bind, set_wildcard, unbind_mac
from bootwave.store.importrows import ImportRow, RowError
from bootwave.store.imports import Progress, Writing
from bootwave.store.names import sort_name
from bootwave.store.secrets import password_owner
from bootwave.store.staged import Errors, Stage
from bootwave.store.work import AccountRow, Work

_TOGETHER = 1_000  # accounts of the domain looked at
_SOME = """
SELECT number FROM accounts WHERE domain_id = :domain_id AND number > :last
ORDER BY number LIMIT :most
"""
_COUNT = "SELECT COUNT(*) FROM accounts WHERE domain_id = :domain_id"
_STORED = """
SELECT a.id, a.number, a.display_name, a.auth_user, a.mailbox, a.wildcard,
  a.sealed_password
FROM json_each(:numbers) j
CROSS JOIN accounts a ON a.domain_id = :domain_id AND a.number = j.value
"""
_BOUND = """
SELECT b.account_id, b.mac, b.expires IS NOT NULL FROM json_each(:ids) j
CROSS JOIN bindings b ON b.account_id = j.value ORDER BY b.account_id, b.mac
"""

Counts = dict[str, int]


class _Stored(NamedTuple):
    """An account as it is; ``macs`` are those it is bound to for good."""

    account: AccountRow
    sealed: bytes
    macs: frozenset[int]
    claims: frozenset[int]


def settle(work: Work, stage: Stage) -> int:
    """Note on *stage* which rows say what is stored; return how many.

    What phones write between this and ``replace`` is as if they wrote it after that.
    """
    assert stage.domain is not None
    domain_id = work.domain_id(stage.domain)
    count = 0
    for rows in stage.chunks():
        pairs = _pairs(work, domain_id, stage.domain, rows)
        same = [row.row for row, stored in pairs if _is_same(work, row, stored)]
        stage.settle(same)
        count += len(same)
    return count


def replace(
    work: Work,
    stage: Stage,
    *,
    most_removed: int | None,
    wrong: Errors,
    settled: int = 0,
    progress: Progress | None = None,
) -> Counts:
    """Make the accounts of the stage's domain what its rows say; return the counts.

    More than *most_removed* accounts, or half of them when it is None, are not removed:
    raises StoreConflict.  What is refused of a row goes to *wrong*, and then the
    transaction must not be committed.  *settled* rows are done with (``settle``).
    """
    assert stage.domain is not None
    domain_id = work.domain_id(stage.domain)
    counts = dict.fromkeys(("added", "changed", "removed", "bound", "unbound"), 0)
    _require_few(work, stage, domain_id, most_removed)
    for numbers in _missing(work, stage, domain_id):
        for number in numbers:
            accounts.remove(work, f"{number}@{stage.domain}")
        counts["removed"] += len(numbers)
        work.notes.clear()
    # First all that is taken away, so that a MAC that moves is free, and phones have
    # their accounts in the order of the rows.
    changed = bytearray(stage.read // 8 + 1)  # a bit for each row
    for rows in stage.chunks():
        for row, stored in _pairs(work, domain_id, stage.domain, rows):
            try:
                if _unbind(work, row, stored, counts):
                    changed[row.row // 8] |= 1 << row.row % 8
            except OperatorError as error:
                wrong.add([RowError(row.row, str(error))])
        work.notes.clear()
    done = settled
    for rows in stage.chunks():
        _write(work, domain_id, stage.domain, rows, changed, counts, wrong)
        work.notes.clear()
        done += len(rows)
        if progress is not None:
            progress(done, stage.right)
    counts["same"] = max(0, stage.right - counts["added"] - counts["changed"])
    return counts


def _require_few(
    work: Work, stage: Stage, domain_id: int, most_removed: int | None
) -> None:
    """Raise StoreConflict when too many accounts would go."""
    rows = work.connection.execute(_COUNT, {"domain_id": domain_id}).fetchall()
    total = int(rows[0][0])
    allowed = total // 2 if most_removed is None else most_removed
    count = sum(len(numbers) for numbers in _missing(work, stage, domain_id))
    if count > allowed:
        raise StoreConflict(
            f"This would remove {count} of the {total} accounts of {stage.domain}, and "
            f"at most {allowed} may go: if that is meant, say --most-removed {count}, "
            f"or most_removed={count} to the API."
        )


def _missing(work: Work, stage: Stage, domain_id: int) -> Iterator[list[str]]:
    """Yield the numbers of the domain's accounts that no row names, some at a time."""
    assert stage.domain is not None
    last = ""
    while True:
        rows = work.connection.execute(
            _SOME, {"domain_id": domain_id, "last": last, "most": _TOGETHER}
        ).fetchall()
        if not rows:
            return
        numbers = [number for (number,) in rows]
        kept = stage.numbers(stage.domain, numbers[0], numbers[-1])
        yield [number for number in numbers if number not in kept]
        last = numbers[-1]


def _pairs(
    work: Work, domain_id: int, domain: str, rows: Sequence[ImportRow]
) -> list[tuple[ImportRow, _Stored]]:
    """Return those of *rows* whose account is stored, with what is."""
    numbers = json.dumps([row.account.number for row in rows])
    found = work.connection.execute(
        _STORED, {"domain_id": domain_id, "numbers": numbers}
    ).fetchall()
    ids = json.dumps([row[0] for row in found])
    macs: dict[int, set[int]] = {row[0]: set() for row in found}
    claims: dict[int, set[int]] = {row[0]: set() for row in found}
    bound = work.connection.execute(_BOUND, {"ids": ids}).fetchall()
    for account_id, mac, temporary in bound:
        (claims if temporary else macs)[account_id].add(mac)
    stored = {
        number: _Stored(
            AccountRow(
                id_, domain_id, number, domain, name, auth_user, mailbox, wildcard
            ),
            bytes(sealed),
            frozenset(macs[id_]),
            frozenset(claims[id_]),
        )
        for id_, number, name, auth_user, mailbox, wildcard, sealed in found
    }
    return [
        (row, stored[row.account.number])
        for row in rows
        if row.account.number in stored
    ]


def _wildcard_of(row: ImportRow, stored: _Stored) -> str:
    """Return the wildcard that the account is to have."""
    if row.wildcard == "*" and not stored.account.wildcard and stored.macs:
        return ""  # it was claimed
    return row.wildcard


def _is_same(work: Work, row: ImportRow, stored: _Stored) -> bool:
    """Whether an account is as *row* says."""
    account = stored.account
    fields = _fields(row, account)
    if any(value != getattr(account, name) for name, value in fields.items()):
        return False
    if "mac" in row.given:
        unwanted, other = _unwanted(row, stored)
        wildcard = _wildcard_of(row, stored)
        if unwanted or other or wildcard not in ("", account.wildcard):
            return False
        if not stored.macs.issuperset(row.macs):
            return False
    return not row.password or row.password == _password(work, stored)


def _fields(row: ImportRow, account: AccountRow) -> dict[str, str]:
    """Return what *row* makes of the fields of *account*."""
    given = {
        "display_name": row.display_name if "name" in row.given else None,
        "auth_user": row.auth_user if "auth_user" in row.given else None,
        "mailbox": row.mailbox if "mailbox" in row.given else None,
    }
    return {
        name: getattr(account, name) if value is None else value
        for name, value in given.items()
    }


def _unwanted(row: ImportRow, stored: _Stored) -> tuple[set[int], bool]:
    """Return the MACs that an account is bound to and *row*, which has any, is not.

    And whether it is a wildcard that *row* does not say.
    """
    wanted = set(row.macs)
    if row.wildcard == "*" and not row.macs:
        wanted |= stored.macs  # whoever claimed it keeps it
    unwanted = set(stored.macs - wanted)
    wildcard = _wildcard_of(row, stored)
    if wildcard != "?":
        unwanted |= stored.claims - wanted
    return unwanted, stored.account.wildcard not in ("", wildcard)


def _unbind(work: Work, row: ImportRow, stored: _Stored, counts: Counts) -> bool:
    """Whether something was taken from the account that *row* does not say."""
    if "mac" not in row.given:
        return False
    unwanted, other = _unwanted(row, stored)
    account = stored.account
    for mac in sorted(unwanted):
        unbind_mac(work, account, mac)
        counts["unbound"] += 1
    if other:
        set_wildcard(work, account, "")
    if unwanted or other:
        work.touched_account(account)
    return bool(unwanted) or other


def _write(
    work: Work,
    domain_id: int,
    domain: str,
    rows: Sequence[ImportRow],
    changed: bytearray,
    counts: Counts,
    wrong: Errors,
) -> None:
    pairs = _pairs(work, domain_id, domain, rows)
    stored = {row.row: one for row, one in pairs}
    writing = Writing(work, rows)
    for row in rows:
        try:
            one = stored.get(row.row)
            if one is None:
                writing.store(row, update=False)
                counts["added"] += 1
                counts["bound"] += bool(row.macs or row.wildcard)
            else:
                before = changed[row.row // 8] >> row.row % 8 & 1
                counts["changed"] += _change(writing, row, one, counts) or before
        except OperatorError as error:
            wrong.add([RowError(row.row, str(error))])
    writing.flush()


def _change(writing: Writing, row: ImportRow, stored: _Stored, counts: Counts) -> bool:
    """Whether the account was not as *row* says, and is now."""
    work, account = writing.work, stored.account
    fields = _fields(row, account)
    changed = any(value != getattr(account, name) for name, value in fields.items())
    if changed:
        sorted_by = {"sort_name": sort_name(fields["display_name"])}
        work.connection.execute(SET, {"id": account.id, **fields, **sorted_by})
    if row.password and row.password != _password(work, stored):
        seal(work, account.id, row.password)
        changed = True
    if "mac" in row.given and _bind(writing, row, stored, counts):
        changed = True
    elif changed:
        work.touched_account(account)
    return changed


def _bind(writing: Writing, row: ImportRow, stored: _Stored, counts: Counts) -> bool:
    """Whether a binding was missing or in the way."""
    work, account = writing.work, stored.account
    changed = False
    wildcard = _wildcard_of(row, stored)
    if wildcard and wildcard != account.wildcard:
        writing.flush()
        bind(work, account, wildcard, add=True)
        changed = True
    missing = [mac for mac in row.macs if mac not in stored.macs]
    if missing:
        writing.flush()
        try:
            for mac in missing:
                bind(work, account, f"{mac:012X}", add=True)
        finally:
            writing.others_wrote(missing)
    counts["bound"] += len(missing) + changed
    return changed or bool(missing)


def _password(work: Work, stored: _Stored) -> str:
    owner = password_owner(stored.account.id)
    return work.keyring.open(stored.sealed, owner=owner)
