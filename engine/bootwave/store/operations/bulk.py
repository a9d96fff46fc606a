"""Many accounts at once.

Rows are checked and kept aside first (``bulk.staged``); then what is so already is
left out and passwords are sealed, without a lock (``bulk.importplan``).  An import
writes them in many short transactions, with pauses, so that phones have their turn; on
request all of them in one.  Whoever has more rows than one message holds brings them in
parts: ``stage_begin``, ``stage_add`` again and again, then ``stage_import`` or
``stage_replace``, which are called until they say that there is no more to do, so that
others have their turn in the thread of operations, too.
"""

import secrets
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from bootwave.errors import (
    OptionError,
    SettingError,
    StoreConflict,
    StoreNotFound,
    StoreUnavailable,
)
from bootwave.store.bulk import (
    changedaccounts,
    exports,
    freshaccounts,
    importplan,
    latechanges,
    wholedomain,
)
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.importruns import Run
from bootwave.store.bulk.imports import Progress
from bootwave.store.bulk.newaccounts import take_ids
from bootwave.store.bulk.rehearsals import Rehearsal
from bootwave.store.bulk.staged import Stage
from bootwave.store.changelog import MOST_IN_ONE, last_seq
from bootwave.store.connection import transaction
from bootwave.store.domains import domains
from bootwave.store.names import checked_minutes
from bootwave.store.operations.transactions import NotToBeStored, Object, Transactions
from bootwave.store.pace import Pace
from bootwave.store.steps import Steps, taken, taken_at_once
from bootwave.store.work import Work

PROGRESS_EVERY = 500  # rows
PLANNED_TOGETHER = 2_000  # rows: some 20 ms in which other operations wait
MAX_STAGES = 16  # at once
# Of one domain, whose administrator could otherwise keep the others from importing.
MAX_STAGES_OF_DOMAIN = 4
# Of who has some domains, so that who has them all finds room.
MAX_LIMITED_STAGES = 12
# Rows, or MACs, written in one transaction for who has some domains: phones of all
# domains wait for it with what they write.
MAX_TOGETHER = 25_000
STAGE_SECONDS = 600.0  # for which one may be left alone
# Between two steps of one that was begun, which may hold a moment of the store: as long
# as it does, the store's log (its WAL) only grows.
BEGUN_SECONDS = 60.0
# Ids of new accounts are taken from the store in such numbers, since each time is a
# commit; an import of few rows is sealed where it is written, and spares it.
_IDS_TOGETHER = 10_000
_FEW = 500
# How often rows are compared without a lock while others change very much.
_COMPARED_AT_MOST = 3


@dataclass(slots=True)
class _Kept:
    stage: Stage
    used: float  # CLOCK_BOOTTIME
    is_limited: bool
    run: Run | None = None
    steps: Steps | None = None

    def close(self) -> None:
        """End what is under way, and forget the rows."""
        try:
            if self.steps is not None:
                self.steps.close()
        finally:
            self.stage.close()


class BulkOperations(Transactions):
    """Many accounts at once."""

    def account_import(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        domain: str | None = None,
        update: bool = False,
        all_or_nothing: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Add many accounts in short transactions, with an error for each wrong row.

        A row has the columns of ``importrows.COLUMNS``; *domain* stands for rows
        without one.  The right rows are stored whatever is wrong with others, and stay
        when it ends in the middle; with *all_or_nothing* they are stored in one
        transaction, for which phones' writes wait, and only if no row is wrong.
        *update* lets what has a value in a row replace that of an account that exists;
        one that is as the row says is ``unchanged``.  *dry_run* stores nothing.
        *progress* is called with steps done and steps in all, at first with 0 done
        while rows are checked, and at last before the only commit, or behind each; what
        it raises comes through and ends the import.  ``stored`` tells whether the
        counts are of what is stored, of which there is something unless every row is
        wrong; ``errors`` holds the first thousand of ``error_count``.
        """
        steps = self.account_import_steps(
            rows,
            domain=domain,
            update=update,
            all_or_nothing=all_or_nothing,
            dry_run=dry_run,
            progress=progress,
        )
        return taken(steps)

    def account_import_steps(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        domain: str | None = None,
        update: bool = False,
        all_or_nothing: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Steps:
        """Do as account_import, in steps between which other operations may run."""
        with closing(Stage(domain)) as stage:
            yield from _brought(stage, rows, progress)
            run = Run(stage, update=update)
            run.progress = progress
            return (yield from self._importing(run, stage, all_or_nothing, dry_run))

    def bulk(
        self,
        *,
        domains: Sequence[Mapping[str, str]] = (),
        accounts: Iterable[Mapping[str, str]] = (),
        open_minutes: float | None = None,
        update: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Make domains, accounts, bindings and windows in one transaction.

        *domains* hold ``name`` and the fields of domain_add, *accounts* rows as in
        account_import; *open_minutes* opens all of those accounts.  With *update*
        what exists is changed, so that the same call can be made again.
        """
        if open_minutes is not None:
            checked_minutes(open_minutes)
        with closing(Stage()) as stage:
            taken(_brought(stage, accounts, progress))
            run = Run(stage, update=update, open_minutes=open_minutes)
            run.progress = progress
            return taken(self._together(run, stage, dry_run=False, new_domains=domains))

    def stage_begin(self, *, domain: str | None = None, only: bool = False) -> Object:
        """Begin to take rows of an import, in parts; return the ``stage`` to name.

        *domain* stands for rows that name none; with *only* another one is wrong.  One
        that is left alone for ten minutes may be gone, and for one minute between two
        of its steps.
        """
        now = self._now().boottime
        # Steps of others may have waited for long before this operation.
        self._forget(now, STAGE_SECONDS)
        is_limited = self.reach is not None
        limited = sum(kept.is_limited for kept in self._stages.values())
        if len(self._stages) >= MAX_STAGES or (
            is_limited and limited >= MAX_LIMITED_STAGES
        ):
            raise StoreConflict(
                "As many imports as there may be are under way: wait until one is over."
            )
        stage = Stage(domain, only=only)
        if stage.domain is not None:
            own = sum(
                kept.stage.domain == stage.domain for kept in self._stages.values()
            )
            if own >= MAX_STAGES_OF_DOMAIN:
                stage.close()
                raise StoreConflict(
                    f"{own} imports into {stage.domain} are under way: "
                    "wait until one is over."
                )
        name = secrets.token_hex(16)
        self._stages[name] = _Kept(stage, now, is_limited)
        return {"stage": name}

    def stage_add(self, stage: str, rows: Sequence[Mapping[str, str] | None]) -> Object:
        """Check rows and keep them; return how many are right so far, and wrong.

        None is a row that could not be read; it is wrong.
        """
        rows_of = self._kept(stage).stage
        rows_of.add(rows)
        return {"right": rows_of.right, "wrong": rows_of.wrong.count}

    def stage_drop(self, stage: str) -> Object:
        """Forget the rows of an import that is not to be made."""
        kept = self._stages.pop(stage, None)
        if kept is not None:
            kept.close()
        return {"stage": stage}

    def stages_forgotten(self, asked_at: float) -> None:
        """Forget the imports that were left alone for too long.

        *asked_at* is when, by CLOCK_BOOTTIME, this began to wait for its turn: the
        steps that were asked for before had theirs, however long others took.
        """
        self._forget(asked_at, BEGUN_SECONDS)

    def stage_import(
        self,
        stage: str,
        *,
        update: bool = False,
        all_or_nothing: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Take a step of importing the rows of a stage; to be called while ``more``.

        As account_import; each step is short, but the one in which all are written
        together.  After each, ``pause`` seconds belong to others; ``done`` and
        ``total`` say how far it is.  The first call says how it is done.
        """
        kept = self._kept(stage)
        if kept.run is None or kept.steps is None:
            kept.run = Run(kept.stage, update=update)
            kept.steps = self._importing(kept.run, kept.stage, all_or_nothing, dry_run)
        return self._step(stage, kept, progress)

    def stage_replace(
        self,
        stage: str,
        *,
        most_removed: int | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Take a step of making the accounts of the stage's domain what its rows say.

        To be called while ``more``, as stage_import; all is written in the last step,
        or nothing.  What is not in the rows is removed, but no more than *most_removed*
        accounts, else half of them; what is as they say is left alone
        (``bulk.wholedomain``).
        """
        kept = self._kept(stage)
        if kept.run is None or kept.steps is None:
            kept.run = Run(kept.stage, update=True, wholly=True)
            kept.steps = self._replacing(kept.run, kept.stage, most_removed, dry_run)
        return self._step(stage, kept, progress)

    def account_export(
        self,
        *,
        domain: str | None = None,
        passwords: bool = False,
        limit: int = 1_000,
        cursor: str = "",
    ) -> Object:
        """Return accounts as rows that account_import takes, page by page.

        ``cursor`` of the result leads to the next page, "" when there is none.  With
        *passwords* they are told, and the audit log is told so.
        """
        if not passwords:
            with self._look() as work:
                return exports.page(work, domain, limit, cursor, passwords=False)
        with self._change() as work:
            return exports.page(work, domain, limit, cursor, passwords=True)

    def _forget(self, at: float, begun_seconds: float) -> None:
        for name, kept in [*self._stages.items()]:
            seconds = STAGE_SECONDS if kept.steps is None else begun_seconds
            if at - kept.used > seconds:
                self.stage_drop(name)

    def _kept(self, name: str) -> _Kept:
        kept = self._stages.get(name)
        if kept is None:
            raise StoreNotFound(
                "There is no such import under way: it was left alone for too long, or "
                "the engine was restarted; begin it again."
            )
        kept.used = self._now().boottime
        found: _Kept = kept
        return found

    def _step(self, stage: str, kept: _Kept, progress: Progress | None) -> Object:
        """Take a step; the stage is gone behind the last, or one that fails."""
        run, steps = kept.run, kept.steps
        assert run is not None
        assert steps is not None
        run.progress = progress
        is_over = True
        try:
            pause = next(steps)
            is_over = False
            return {
                **run.counts,
                "more": True,
                "pause": pause,
                "done": run.done,
                "total": run.total,
            }
        except StopIteration as over:
            return {"more": False, **over.value}
        finally:
            kept.used = self._now().boottime
            if is_over:
                self.stage_drop(stage)

    def _importing(
        self, run: Run, stage: Stage, all_or_nothing: bool, dry_run: bool
    ) -> Steps:
        if all_or_nothing or dry_run:
            return (yield from self._together(run, stage, dry_run=dry_run))
        pace, ids = Pace(), _Ids(stage.right)
        last = 0
        try:
            while rows := stage.some(last, pace.rows):
                last = rows[-1].row
                todo = self._prepared(run, rows, ids)
                if todo:
                    with run.undone_if_it_fails(), self._change() as work:
                        began = time.monotonic()
                        run.write(work, todo)
                        run.note_part(work)
                        seconds = time.monotonic() - began
                    pace.took(len(todo), seconds, time.monotonic() - began)
                run.tell()
                yield pace.pause if todo else 0.0
        finally:  # also when it ends before its end
            if not run.is_noted():
                with self._change() as work:
                    run.note(work)
        right = run.counts
        some = right["added"] + right["updated"] + right["unchanged"]
        return _told(run, stored=bool(some) or not run.wrong.count)

    def _together(
        self,
        run: Run,
        stage: Stage,
        *,
        dry_run: bool,
        new_domains: Sequence[Mapping[str, str]] = (),
    ) -> Steps:
        # Where a row is wrong nothing will be stored: the others are tried out.
        dry_run = dry_run or bool(stage.wrong.count and not new_domains)
        seq = yield from self._compared(run, stage, dry_run=dry_run)
        if dry_run:
            return (yield from self._tried(run, stage, seq))
        self._require_few(stage)
        stored = True
        try:
            with self._change() as work:
                for fields in new_domains:
                    self._import_domain(work, fields, update=run.update)
                latechanges.heed(work, run, stage, seq)
                self._require_still_few(stage)
                if stage.right - stage.settled > MOST_IN_ONE:
                    work.touched_everything()
                    run.changed(changedaccounts.write(work, stage))
                    run.added(*freshaccounts.write(work, stage))
                for rows in stage.chunks():
                    run.write(work, rows)
                if run.wrong.count:
                    raise NotToBeStored
                if new_domains or not run.is_noted():
                    run.note(work, [fields["name"] for fields in new_domains[:100]])
                run.tell()
        except NotToBeStored:
            stored = False
        return _told(run, stored=stored)

    def _tried(self, run: Run, stage: Stage, seq: int) -> Steps:
        """Tell what writing the rows of *stage* would do; write nothing."""
        with closing(self._rehearsal(run, stage, seq)) as rehearsal:
            yield from rehearsal.copied(stage)
            with rehearsal.written() as connection:
                work = replace(self._work(), connection=connection)
                for rows in stage.chunks(PLANNED_TOGETHER):
                    run.write(work, rows)
                    run.tell()
                    yield 0.0
        return _told(run, stored=False)

    def _replacing(
        self, run: Run, stage: Stage, most_removed: int | None, dry_run: bool
    ) -> Steps:
        if stage.domain is None:
            raise OptionError("Name the domain whose accounts the rows are.")
        if most_removed is not None and most_removed < 0:
            raise OptionError("Fewer than no accounts cannot be removed.")
        dry_run = dry_run or bool(stage.wrong.count)
        with self._look() as work:
            domain_id = work.domain_id(stage.domain)
        seq = yield from self._compared(
            run, stage, dry_run=dry_run, domain_id=domain_id
        )
        if not stage.wrong.count:  # of a wrong row the account is not missing
            with self._look() as work:
                wholedomain.require_few(work, stage, domain_id, most_removed)
        if dry_run:
            return (yield from self._replacing_tried(run, stage, domain_id, seq))
        self._require_few(stage)
        counts: wholedomain.Counts = {}
        stored = True
        try:
            with self._change() as work:
                # Another domain may have the name by now.
                domain_id = work.domain_id(stage.domain)
                if not latechanges.heed(work, run, stage, seq):
                    self._require_still_few(stage)
                    wholedomain.find_all_missing(work, stage, domain_id)
                self._require_still_few(stage)
                wholedomain.require_few(work, stage, domain_id, most_removed)
                changing = stage.right - stage.settled + stage.count_missing()
                is_large = changing > MOST_IN_ONE
                if is_large:
                    work.touched_everything()
                writing = wholedomain.replace(
                    work, stage, domain_id, wrong=stage.wrong, together=is_large
                )
                counts = taken_at_once(_followed(writing, run))
                if stage.wrong.count:
                    raise NotToBeStored
                if any(count for name, count in counts.items() if name != "same"):
                    work.note("accounts.replaced", stage.domain, **counts)
                run.done = run.total
                run.tell()
        except NotToBeStored:
            stored = False
        return {**counts, "stored": stored, **stage.wrong.told()}

    def _replacing_tried(
        self, run: Run, stage: Stage, domain_id: int, seq: int
    ) -> Steps:
        """Tell what replacing the accounts of a domain would do; write nothing."""
        with closing(self._rehearsal(run, stage, seq, domain_id)) as rehearsal:
            yield from rehearsal.copied(stage)
            with rehearsal.written() as connection:
                work = replace(self._work(), connection=connection)
                writing = wholedomain.replace(
                    work, stage, domain_id, wrong=stage.wrong, most=PLANNED_TOGETHER
                )
                counts = yield from _followed(writing, run)
        return {**counts, "stored": False, **stage.wrong.told()}

    def _compared(
        self, run: Run, stage: Stage, *, dry_run: bool, domain_id: int | None = None
    ) -> Generator[float, None, int]:
        """Prepare all rows of *stage* on it, by reading alone; half of the steps.

        Return the number of the last change before.  With *domain_id* the accounts of
        the domain that no row names are noted, too.  All of it anew where so much
        changes meanwhile that it cannot be looked at again; but not for ever, and then
        the transaction compares.
        """
        seq = 0
        for attempt in range(_COMPARED_AT_MOST):
            if attempt:
                run.skip(-stage.settled)
                stage.forget_plan()
            with self._look() as work:
                seq = last_seq(work.connection)
            yield from self._planned(run, stage, dry_run)
            if domain_id is not None:
                yield from self._missing(stage, domain_id)
            with self._look() as work:
                if latechanges.changed_accounts(work, seq) is not None:
                    break
        return seq

    def _planned(
        self, run: Run, stage: Stage, dry_run: bool
    ) -> Generator[float, None, None]:
        run.done, run.total = 0, 2 * stage.right
        ids = _Ids(0 if dry_run else stage.right)
        last = 0
        while rows := stage.some(last, PLANNED_TOGETHER):
            last = rows[-1].row
            if run.minutes is not None:  # all of them are opened
                continue
            todo = self._prepared(run, rows, ids)
            kept = {row.row for row in todo}
            stage.settle(row.row for row in rows if row.row not in kept)
            stage.keep_ready(row for row in todo if row.ready)
            if not dry_run:
                stage.keep_changes(todo)
            run.done += len(rows)
            run.tell()
            yield 0.0
        if stage.right - stage.settled > MOST_IN_ONE and not dry_run:
            stage.choose()
        else:
            stage.keep_all_back()
        run.done = stage.right + stage.settled

    def _missing(self, stage: Stage, domain_id: int) -> Generator[float, None, None]:
        """Note on *stage* the accounts of a domain that no row names."""
        last, is_first = "", True
        while last or is_first:
            with self._look() as work:
                last = wholedomain.find_missing(work, stage, domain_id, last)
            is_first = False
            yield 0.0

    def _rehearsal(
        self, run: Run, stage: Stage, seq: int, domain_id: int | None = None
    ) -> Rehearsal:
        """Return the copy on which rows are tried out, of the store as it is now.

        With *domain_id* it is to be told what of the domain would be removed, too.
        """
        with self._look() as work:
            is_told = latechanges.heed(work, run, stage, seq)
            if domain_id is not None and not is_told:
                wholedomain.find_all_missing(work, stage, domain_id)
        return Rehearsal(self._file())

    def _prepared(
        self, run: Run, rows: Sequence[ImportRow], ids: "_Ids"
    ) -> list[ImportRow]:
        """Return what is to be written of *rows*, with their passwords sealed."""
        if run.update and not run.wholly:
            rows = [row.said() for row in rows]
        with self._look() as work:
            todo = importplan.outstanding(work, rows, update=run.update)
        run.skip(len(rows) - len(todo))
        ids.wanted -= len(rows)
        if ids.wanted + len(rows) <= _FEW and not ids.left:
            return todo
        count = importplan.new_accounts(todo)
        if count > ids.left:
            ids.left = max(count, min(_IDS_TOGETHER, count + ids.wanted))
            ids.next = self._taken(ids.left)
        first, ids.next, ids.left = ids.next, ids.next + count, ids.left - count
        return importplan.prepared(self._keyring, todo, first)

    def _taken(self, count: int) -> int:
        """Return the first of *count* ids of accounts that nobody else gets."""
        self._renew()
        try:
            with transaction(self._connection):
                return take_ids(self._connection, count)
        except StoreUnavailable:
            self._fail()
            raise

    def _require_few(self, stage: Stage) -> None:
        """Raise OptionError when who has some domains would write too many at once."""
        if self._are_few(stage):
            return
        left, removed = stage.left(), stage.count_missing()
        also = f", and {removed:,} accounts removed" if removed else ""
        raise OptionError(
            f"{left.rows:,} rows with {left.macs:,} MACs would be written at once"
            f"{also}, and phones wait meanwhile: bring at most {MAX_TOGETHER:,} at a "
            "time. An import may have more, unless it is all_or_nothing."
        )

    def _require_still_few(self, stage: Stage) -> None:
        """Raise StoreConflict when others changed so much that they are too many.

        Behind the lock, where all of what others changed is compared.
        """
        if not self._are_few(stage):
            raise StoreConflict(
                "So much changes meanwhile that too many rows would be compared while "
                "phones wait: try again in a minute."
            )

    def _are_few(self, stage: Stage) -> bool:
        """Whether who asks may have so much written in one transaction."""
        if self.reach is None:
            return True
        left = stage.left()
        return max(left.rows + stage.count_missing(), left.macs) <= MAX_TOGETHER

    def _import_domain(
        self, work: Work, fields: Mapping[str, str], *, update: bool
    ) -> None:
        others = {field: value for field, value in fields.items() if field != "name"}
        if not isinstance(fields.get("name"), str):
            raise SettingError("A domain to be made has no name.")
        if not all(isinstance(value, str) for value in others.values()):
            raise SettingError(f"Every value of {fields['name']} must be text.")
        if update and domains.exists(work, fields["name"]):
            domains.change(work, fields["name"], others)
        else:
            domains.add(work, fields["name"], others)


@dataclass(slots=True)
class _Ids:
    """Ids for new accounts: the next, how many are left, and rows still to come."""

    wanted: int
    next: int = 0
    left: int = 0


def _followed(
    writing: Generator[int, None, wholedomain.Counts], run: Run
) -> Generator[float, None, wholedomain.Counts]:
    """Tell how far *writing* is, behind each of its steps."""
    before = run.done
    while True:
        try:
            done = next(writing)
        except StopIteration as over:
            counts: wholedomain.Counts = over.value
            return counts
        run.done = before + done
        run.tell()
        yield 0.0


def _told(run: Run, *, stored: bool) -> Object:
    return {
        **run.counts,
        "opened": run.opened,
        "stored": stored,
        **run.wrong.told(),
    }


def _brought(
    stage: Stage, rows: Iterable[Mapping[str, str]], progress: Progress | None
) -> Generator[float, None, None]:
    """Put *rows* onto *stage*, telling *progress* that none of them is stored."""
    total = len(rows) if isinstance(rows, Sequence) else 0
    waiting = iter(rows)
    while some := _some(waiting):
        if stage.read and progress is not None:
            progress(0, total)
        stage.add(some)
        yield 0.0


def _some(rows: Iterator[Mapping[str, str]]) -> list[Mapping[str, Any]]:
    return list(islice(rows, PROGRESS_EVERY))
