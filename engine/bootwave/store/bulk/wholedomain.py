"""The accounts of a domain as somebody else keeps them: what differs is changed.

A PBX that pushes its whole state, every night or at each change, must not end what
phones keep ready: an account that is as it was pushed is left alone, without a row in
the log of changes.  What is not in the rows is removed.

A row says what stands in it.  A column that it leaves out stays as it is; one that is
"" is emptied, but for the password.  ``*`` is held to be true of an account that is
bound: an unknown phone has claimed it since.

What is as it was pushed, and what is to go, is found first, by reading alone: phones'
own writes wait while an administrator writes, and a state of many accounts hardly
differs from the last.
"""

from collections.abc import Generator

from bootwave.errors import OperatorError, StoreConflict
from bootwave.store.bulk import changedaccounts, freshaccounts
from bootwave.store.bulk.accountstates import stored_of, take_away
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.imports import Writing
from bootwave.store.bulk.staged import Stage
from bootwave.store.domains.removals import remove_some
from bootwave.store.rowerrors import Errors, RowError
from bootwave.store.work import Work

_TOGETHER = 1_000  # accounts of the domain looked at, or removed by one statement
_SOME = """
SELECT number FROM accounts WHERE domain_id = :domain_id AND number > :last
ORDER BY number LIMIT :most
"""
_COUNT = "SELECT COUNT(*) FROM accounts WHERE domain_id = :domain_id"

Counts = dict[str, int]


def find_missing(work: Work, stage: Stage, domain_id: int, last: str = "") -> str:
    """Note on *stage* some accounts of a domain, by number, that no row names.

    They are looked for behind the number *last*.  Returns that of the last one that was
    looked at, "" when there are no more.
    """
    assert stage.domain is not None
    rows = work.connection.execute(
        _SOME, {"domain_id": domain_id, "last": last, "most": _TOGETHER}
    ).fetchall()
    if not rows:
        return ""
    numbers: list[str] = [number for (number,) in rows]
    kept = stage.named(stage.domain, numbers)
    if len(kept) < len(numbers):
        stage.add_missing(number for number in numbers if number not in kept)
    # Who adds accounts behind them meanwhile must not make it go on for ever.
    return numbers[-1] if len(numbers) == _TOGETHER else ""


def find_all_missing(work: Work, stage: Stage, domain_id: int) -> None:
    """Note on *stage* all accounts of a domain that no row names, and no others."""
    stage.forget_missing()
    last = find_missing(work, stage, domain_id)
    while last:
        last = find_missing(work, stage, domain_id, last)


def require_few(
    work: Work, stage: Stage, domain_id: int, most_removed: int | None
) -> None:
    """Raise StoreConflict when too many accounts would go.

    That is more than *most_removed*, or than half of them when it is None.
    """
    count = stage.count_missing()
    if not count:
        return
    rows = work.connection.execute(_COUNT, {"domain_id": domain_id}).fetchall()
    total = int(rows[0][0])
    allowed = total // 2 if most_removed is None else most_removed
    if count > allowed:
        raise StoreConflict(
            f"This would remove {count:,} of the {total:,} accounts of {stage.domain}, "
            f"and at most {allowed:,} may go: if that is meant, say --most-removed "
            f"{count}, or most_removed={count} to the API."
        )


def replace(
    work: Work,
    stage: Stage,
    domain_id: int,
    *,
    wrong: Errors,
    together: bool = False,
    most: int = 0,
) -> Generator[int, None, Counts]:
    """Make the accounts of the stage's domain what its rows say; return the counts.

    What is to go was found (``find_missing``).  What is refused of a row goes to
    *wrong*, and then the transaction must not be committed.  With *together* rows were
    chosen to be written so (``freshaccounts``).  Yields how many rows are done, behind
    *most* of them, or as many as there are in memory.
    """
    assert stage.domain is not None
    counts = dict.fromkeys(("added", "changed", "removed", "bound", "unbound"), 0)
    before = wrong.count
    for numbers in stage.missing(_TOGETHER):
        counts["removed"] += remove_some(work, domain_id, numbers)
        work.notes.clear()
        yield 0
    # First all that is taken away, so that a MAC that moves is free, and phones have
    # their accounts in the order of the rows.
    changed, refused = _Rows(stage), _Rows(stage)
    domains = {stage.domain: domain_id}
    for rows in stage.chunks(most):
        bound = [row for row in rows if "mac" in row.given]
        stored = stored_of(work, bound, domains)
        for row in bound:
            if row.account in stored:
                try:
                    unbound, less = take_away(work, row, stored[row.account])
                except OperatorError as error:
                    wrong.add([RowError(row.row, str(error))])
                    refused.add(row)
                    continue
                counts["unbound"] += unbound
                if less:
                    changed.add(row)
        work.notes.clear()
        yield 0
    done = 0
    if together:
        counts["changed"] += changedaccounts.write(work, stage)
        added, bound_count = freshaccounts.write(work, stage)
        counts["added"] += added
        counts["bound"] += bound_count
        done = counts["changed"] + added
    for rows in stage.chunks(most):
        writing = Writing(work, rows)
        for row in rows:
            if row in refused:
                continue
            try:
                written = writing.store(row, update=True)
            except OperatorError as error:
                wrong.add([RowError(row.row, str(error))])
                continue
            counts["added"] += written.what == "added"
            counts["changed"] += written.what == "updated" or row in changed
            counts["bound"] += written.bound
        writing.flush()
        work.notes.clear()
        done += len(rows)
        yield done
    others = counts["added"] + counts["changed"] + wrong.count - before
    counts["same"] = max(0, stage.right - others)
    return counts


class _Rows:
    """Some rows of a stage, a bit for each."""

    def __init__(self, stage: Stage) -> None:
        self._bits = bytearray(stage.read // 8 + 1)

    def add(self, row: ImportRow) -> None:
        self._bits[row.row // 8] |= 1 << row.row % 8

    def __contains__(self, row: ImportRow) -> bool:
        return bool(self._bits[row.row // 8] >> row.row % 8 & 1)
