"""Many accounts at once.

Rows are checked and kept aside first (``store.staged``), then written in one
transaction, in chunks: memory is bounded whatever their number.  Whoever has more of
them than one message holds brings them in parts: ``stage_begin``, ``stage_add`` again
and again, then ``stage_import`` or ``stage_replace``.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bootwave.errors import OptionError, SettingError, StoreConflict, StoreNotFound
from bootwave.store import domains, exports, imports, openings, wholedomain, windows
from bootwave.store.importrows import ImportRow, RowError
from bootwave.store.imports import Progress
from bootwave.store.names import checked_minutes
from bootwave.store.operations.transactions import NotToBeStored, Object, Transactions
from bootwave.store.staged import Errors, Stage
from bootwave.store.work import Work

PROGRESS_EVERY = 500  # rows
MAX_STAGES = 16  # at once
# Of one domain, whose administrator could otherwise keep the others from importing.
MAX_STAGES_OF_DOMAIN = 4
# Rows written in one transaction for who has some domains: phones of all domains wait
# for it with what they write, some 10 s for 100,000 rows on a busy machine, and are
# refused then.
MAX_TOGETHER = 25_000
STAGE_SECONDS = 600.0  # for which one may be left alone


@dataclass(slots=True)
class _Kept:
    stage: Stage
    used: float  # CLOCK_BOOTTIME


class BulkOperations(Transactions):
    """Many accounts at once."""

    def account_import(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        domain: str | None = None,
        update: bool = False,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Add many accounts in one transaction, with an error for each wrong row.

        A row has the columns of ``importrows.COLUMNS``; *domain* stands for rows
        without one.  With any error nothing is stored, unless *partial*: then the right
        rows are, ten thousand in a transaction.  *update* lets rows replace accounts
        that exist, *dry_run* stores nothing.
        *progress* is called with rows done and rows in all, at first with 0 done while
        rows are checked, and at last before the commit; what it raises comes through,
        and nothing is stored.  ``stored`` tells whether the counts are of what is
        stored; ``errors`` holds the first thousand of ``error_count``.
        """
        stage = _staged(Stage(domain), rows, progress)
        try:
            return self._import(
                stage,
                update=update,
                partial=partial,
                dry_run=dry_run,
                progress=progress,
            )
        finally:
            stage.close()

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
        stage = _staged(Stage(), accounts, progress)
        try:
            return self._import(
                stage,
                new_domains=domains,
                open_minutes=open_minutes,
                update=update,
                progress=progress,
            )
        finally:
            stage.close()

    def stage_begin(self, *, domain: str | None = None, only: bool = False) -> Object:
        """Begin to take rows of an import, in parts; return the ``stage`` to name.

        *domain* stands for rows that name none; with *only* another one is wrong.  One
        that is left alone for ten minutes may be gone.
        """
        now = self._now().boottime
        for name, kept in [*self._stages.items()]:
            if now - kept.used > STAGE_SECONDS:
                self.stage_drop(name)
        if len(self._stages) >= MAX_STAGES:
            raise StoreConflict(
                f"{MAX_STAGES} imports are under way: wait until one is over."
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
        self._stages[name] = _Kept(stage, now)
        return {"stage": name}

    def stage_add(self, stage: str, rows: Sequence[Mapping[str, str]]) -> Object:
        """Check rows and keep them; return how many are right so far, and wrong."""
        kept = self._stage(stage)
        kept.add(rows)
        return {"right": kept.right, "wrong": kept.wrong.count}

    def stage_drop(self, stage: str) -> Object:
        """Forget the rows of an import that is not to be made."""
        kept = self._stages.pop(stage, None)
        if kept is not None:
            kept.stage.close()
        return {"stage": stage}

    def stage_import(
        self,
        stage: str,
        *,
        update: bool = False,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Import the rows that were brought in parts, as account_import does."""
        try:
            return self._import(
                self._stage(stage),
                update=update,
                partial=partial,
                dry_run=dry_run,
                progress=progress,
            )
        finally:
            self.stage_drop(stage)

    def stage_replace(
        self,
        stage: str,
        *,
        most_removed: int | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        """Make the accounts of the stage's domain what its rows say, all or nothing.

        What is not in the rows is removed, but no more than *most_removed* accounts,
        else half of them; what is as they say is left alone (``store.wholedomain``).
        """
        try:
            return self._replace(
                self._stage(stage), most_removed, dry_run=dry_run, progress=progress
            )
        finally:
            self.stage_drop(stage)

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

    def _stage(self, name: str) -> Stage:
        kept = self._stages.get(name)
        if kept is None:
            raise StoreNotFound(
                "There is no such import under way: it was left alone for too long, or "
                "the engine was restarted; begin it again."
            )
        kept.used = self._now().boottime
        stage: Stage = kept.stage
        return stage

    def _import(
        self,
        stage: Stage,
        *,
        new_domains: Sequence[Mapping[str, str]] = (),
        open_minutes: float | None = None,
        update: bool = False,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        if open_minutes is not None:
            checked_minutes(open_minutes)
        run = _Run(stage, update=update, open_minutes=open_minutes, progress=progress)
        stored = True
        if partial and not dry_run:
            for rows in stage.chunks():
                self._store_right(run, rows)
        else:
            self._require_few(stage.right)
            try:
                with self._change() as work:
                    for fields in new_domains:
                        self._import_domain(work, fields, update=update)
                    for rows in stage.chunks():
                        run.write(work, rows)
                    if dry_run or run.wrong.count:
                        raise NotToBeStored
                    run.note(work, [fields["name"] for fields in new_domains[:100]])
                    run.tell_end()
            except NotToBeStored:
                stored = False
        return {
            **run.counts,
            "opened": run.opened,
            "stored": stored,
            **run.wrong.told(),
        }

    def _store_right(self, run: "_Run", rows: list[ImportRow]) -> None:
        """Write those of *rows* that are not refused, in one transaction."""
        before = run.state()
        while rows:
            try:
                with self._change() as work:
                    refused = run.write(work, rows)
                    if refused:
                        raise NotToBeStored
                    run.note(work, [])
                    run.tell_end()
                return
            except NotToBeStored:
                # Once more with the rows that are right.
                without = {error.row for error in refused}
                rows = [row for row in rows if row.row not in without]
                run.go_back(before)

    def _replace(
        self,
        stage: Stage,
        most_removed: int | None,
        *,
        dry_run: bool,
        progress: Progress | None,
    ) -> Object:
        if stage.domain is None:
            raise OptionError("Name the domain whose accounts the rows are.")
        if most_removed is not None and most_removed < 0:
            raise OptionError("Fewer than no accounts cannot be removed.")
        counts: dict[str, int] = {}
        stored = True
        with self._look() as work:
            settled = wholedomain.settle(work, stage)
        self._require_few(stage.right - settled)
        try:
            with self._change() as work:
                counts = wholedomain.replace(
                    work,
                    stage,
                    most_removed=most_removed,
                    wrong=stage.wrong,
                    settled=settled,
                    progress=progress,
                )
                work.notes.clear()
                if dry_run or stage.wrong.count:
                    raise NotToBeStored
                if any(count for name, count in counts.items() if name != "same"):
                    work.note("accounts.replaced", stage.domain, **counts)
                if progress is not None:
                    progress(stage.right, stage.right)
        except NotToBeStored:
            stored = False
        return {**counts, "stored": stored, **stage.wrong.told()}

    def _require_few(self, rows: int) -> None:
        """Raise OptionError when who has some domains would write too many at once."""
        if self.reach is not None and rows > MAX_TOGETHER:
            raise OptionError(
                f"{rows} rows would be written at once, and phones wait meanwhile: "
                f"bring at most {MAX_TOGETHER} at a time, or import them with partial."
            )

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


class _Run:
    """One import being written: what is counted, opened and refused so far."""

    def __init__(
        self,
        stage: Stage,
        *,
        update: bool,
        open_minutes: float | None,
        progress: Progress | None,
    ) -> None:
        self._stage = stage
        self._update = update
        self._minutes = open_minutes
        self._progress = progress
        self._opening: int | None = None
        self._done = 0
        self.wrong: Errors = stage.wrong
        self.opened = 0
        self.counts = {"added": 0, "updated": 0, "bound": 0}
        self._noted = dict(self.counts)

    def write(self, work: Work, rows: list[ImportRow]) -> list[RowError]:
        """Write *rows* and return what was refused of them."""
        ids, counts, refused = imports.store(
            work, rows, update=self._update, progress=self._tell
        )
        self._done += len(rows)
        self.wrong.add(refused)
        for name, count in counts.items():
            self.counts[name] += count
        if self._minutes is not None:
            if self._opening is None:
                self._opening = openings.add(work, windows.UNBOUNDED)
            windows.open_many(work, ids, self._minutes, opening=self._opening)
            self.opened += len(ids)
        # One row for all of them.
        work.notes.clear()
        return refused

    def note(self, work: Work, new_domains: list[str]) -> None:
        """Tell the audit log what this transaction imports."""
        counts = {name: n - self._noted[name] for name, n in self.counts.items()}
        self._noted = dict(self.counts)
        work.note(
            "accounts.imported",
            self._stage.domain or f"{counts['added'] + counts['updated']} accounts",
            **counts,
            domains=new_domains,
            opened=self.opened or None,
            opening=self._opening,
        )

    def state(self) -> tuple[int, dict[str, int]]:
        """Return how far it is, for ``go_back``."""
        return self._done, dict(self.counts)

    def go_back(self, state: tuple[int, dict[str, int]]) -> None:
        """Forget what was counted since *state*."""
        self._done, self.counts = state[0], dict(state[1])

    def _tell(self, done: int) -> None:
        if self._progress is not None:
            self._progress(self._done + done, self._stage.right)

    def tell_end(self) -> None:
        """Tell that a commit comes: the last chance to raise, by which it does not."""
        if self._progress is not None:
            self._progress(self._done, self._stage.right)


def _staged(
    stage: Stage, rows: Iterable[Mapping[str, str]], progress: Progress | None
) -> Stage:
    """Put *rows* onto *stage*, telling *progress* that none of them is stored."""
    total = len(rows) if isinstance(rows, Sequence) else 0
    waiting = iter(rows)
    try:
        while some := _some(waiting):
            if stage.read and progress is not None:
                progress(0, total)
            stage.add(some)
    except BaseException:
        stage.close()
        raise
    return stage


def _some(rows: Iterator[Mapping[str, str]]) -> list[Mapping[str, Any]]:
    return list(islice(rows, PROGRESS_EVERY))
