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

from collections.abc import Callable, Iterator

from bootwave.errors import OperatorError, StoreConflict
from bootwave.store import freshaccounts
from bootwave.store.accountstates import stored_of, take_away
from bootwave.store.imports import Writing
from bootwave.store.removals import remove_some
from bootwave.store.rowerrors import Errors, RowError
from bootwave.store.staged import Stage
from bootwave.store.work import Work

_TOGETHER = 1_000  # accounts of the domain looked at
_SOME = """
SELECT number FROM accounts WHERE domain_id = :domain_id AND number > :last
ORDER BY number LIMIT :most
"""
_COUNT = "SELECT COUNT(*) FROM accounts WHERE domain_id = :domain_id"

Counts = dict[str, int]


def replace(
    work: Work,
    stage: Stage,
    *,
    most_removed: int | None,
    wrong: Errors,
    together: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Counts:
    """Make the accounts of the stage's domain what its rows say; return the counts.

    More than *most_removed* accounts, or half of them when it is None, are not removed:
    raises StoreConflict.  What is refused of a row goes to *wrong*, and then the
    transaction must not be committed.  With *together* rows were chosen
    to be written so (``freshaccounts``).  *progress* is told how many rows are done.
    """
    assert stage.domain is not None
    domain_id = work.domain_id(stage.domain)
    counts = dict.fromkeys(("added", "changed", "removed", "bound", "unbound"), 0)
    _require_few(work, stage, domain_id, most_removed)
    for numbers in _missing(work, stage, domain_id):
        counts["removed"] += remove_some(work, domain_id, numbers)
    # First all that is taken away, so that a MAC that moves is free, and phones have
    # their accounts in the order of the rows.
    changed = bytearray(stage.read // 8 + 1)  # a bit for each row
    domains = {stage.domain: domain_id}
    for rows in stage.chunks():
        stored = stored_of(work, rows, domains)
        for row in rows:
            if row.account in stored:
                try:
                    unbound, less = take_away(work, row, stored[row.account])
                except OperatorError as error:
                    wrong.add([RowError(row.row, str(error))])
                    continue
                counts["unbound"] += unbound
                changed[row.row // 8] |= less << row.row % 8
        work.notes.clear()
    done = 0
    if together:
        done, bound = freshaccounts.write(work, stage)
        counts["added"] += done
        counts["bound"] += bound
    for rows in stage.chunks():
        writing = Writing(work, rows)
        for row in rows:
            try:
                written = writing.store(row, update=True)
            except OperatorError as error:
                wrong.add([RowError(row.row, str(error))])
                continue
            was = changed[row.row // 8] >> row.row % 8 & 1
            counts["added"] += written.what == "added"
            counts["changed"] += written.what == "updated" or was
            counts["bound"] += written.bound
        writing.flush()
        work.notes.clear()
        done += len(rows)
        if progress is not None:
            progress(done)
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
