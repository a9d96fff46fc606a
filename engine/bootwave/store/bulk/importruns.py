"""One import being written: what is counted, opened and refused so far."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bootwave.store.bulk import imports
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.imports import Progress
from bootwave.store.bulk.staged import Stage
from bootwave.store.domains import openings, windows
from bootwave.store.work import Work

# Rows that were changed, of which the audit log is told together.
NOTED_TOGETHER = 10_000


class Run:
    """The counts of one import, and what the audit log is told of it."""

    def __init__(
        self,
        stage: Stage,
        *,
        update: bool,
        wholly: bool = False,
        open_minutes: float | None = None,
    ) -> None:
        """Count nothing yet; *open_minutes* opens all of its accounts.

        With *wholly* rows say all of an account, what is empty in them, too.
        """
        self._stage = stage
        self.update = update
        self.wholly = wholly
        self.minutes = open_minutes
        self.progress: Progress | None = None
        self.done = 0
        self.total = stage.right
        self.wrong = stage.wrong
        self.opened = 0
        self.counts = dict.fromkeys(("added", "updated", "unchanged", "bound"), 0)
        self._opening: int | None = None
        self._noted = dict(self.counts)
        self._actor: str | None = None

    def write(self, work: Work, rows: Sequence[ImportRow]) -> None:
        """Write *rows*; what is refused of them is in ``wrong``."""

        def tell(done: int) -> None:
            if self.progress is not None:
                self.progress(self.done + done, self.total)

        written, refused = imports.store(work, rows, update=self.update, progress=tell)
        self.done += len(rows)
        self.wrong.add(refused)
        for one in written:
            self.counts[one.what] += 1
            self.counts["bound"] += one.bound
        if self.minutes is not None:
            if self._opening is None:
                self._opening = openings.add(work, windows.UNBOUNDED)
            ids = [one.account_id for one in written]
            windows.open_many(work, ids, self.minutes, opening=self._opening)
            # Whoever had used the window before it holds something that is over.
            for one in written:
                if one.unchanged is not None:
                    work.touched_account(one.unchanged)
            self.opened += len(ids)
        # One row for all of them.
        work.notes.clear()

    @contextmanager
    def undone_if_it_fails(self) -> Iterator[None]:
        """Count nothing of the body's transaction when it is not committed."""
        before = self.counts, self._noted, self.done, self._actor
        self.counts = dict(self.counts)
        try:
            yield
        except BaseException:
            self.counts, self._noted, self.done, self._actor = before
            raise

    def added(self, accounts: int, bound: int) -> None:
        """Count *accounts* that were written by others, of which some were *bound*."""
        self.counts["added"] += accounts
        self.counts["bound"] += bound
        self.done += accounts
        self.tell()

    def changed(self, accounts: int) -> None:
        """Count *accounts* that were changed by others."""
        self.counts["updated"] += accounts
        self.done += accounts
        self.tell()

    def skip(self, rows: int) -> None:
        """Count *rows* that say what is stored; fewer than none are taken back."""
        self.counts["unchanged"] += rows
        self.done += rows

    def note_part(self, work: Work) -> None:
        """Tell the audit log of a part, now and then; and that there are several.

        Killed in the middle it has told who began it, and what was stored until then
        but for the last ten thousand rows.
        """
        if self.done >= self.total:
            if not self.is_noted():
                self.note(work)
            return
        if self._actor is None:
            self._actor = work.actor
            work.note("accounts.importing", self._subject(), rows=self._stage.right)
        if self._new("added") + self._new("updated") >= NOTED_TOGETHER:
            self.note(work)

    def is_noted(self) -> bool:
        """Whether the audit log was told of all that was changed."""
        return not (self._new("added") + self._new("updated") or self.opened)

    def note(self, work: Work, new_domains: Sequence[str] = ()) -> None:
        """Tell the audit log what was imported since it was told last."""
        if self._actor is not None:
            work.actor = self._actor  # whoever may forget what he left alone
        names = ("added", "updated", "bound")
        counts = {name: self._new(name) for name in names}
        self._noted = dict(self.counts)
        work.note(
            "accounts.imported",
            self._subject(),
            **counts,
            domains=list(new_domains),
            opened=self.opened or None,
            opening=self._opening,
        )

    def _new(self, name: str) -> int:
        return self.counts[name] - self._noted[name]

    def _subject(self) -> str:
        counts = self.counts
        return self._stage.domain or f"{counts['added'] + counts['updated']} accounts"

    def tell(self) -> None:
        """Tell how far it is; what that raises ends it."""
        if self.progress is not None:
            self.progress(self.done, self.total)
