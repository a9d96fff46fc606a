"""Many accounts at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bootwave.errors import SettingError
from bootwave.store import domains, imports, windows
from bootwave.store.imports import MAX_ERRORS, Progress, RowError
from bootwave.store.operations.transactions import NotToBeStored, Object, Transactions
from bootwave.store.work import Work

PROGRESS_EVERY = 500  # rows


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

        A row has the columns of ``imports.COLUMNS``; *domain* stands for rows without
        one.  With any error nothing is stored, unless *partial*: then the right rows
        are.  *update* lets rows replace accounts that exist, *dry_run* stores nothing.
        *progress* is called with rows done and rows in all, at first with 0 done while
        rows are checked, and at last before the commit; what it raises comes through,
        and nothing is stored.  ``stored`` tells whether the counts are of what is
        stored; ``errors`` holds the first thousand of ``error_count``.
        """
        return self._import(
            rows,
            domain=domain,
            update=update,
            partial=partial,
            dry_run=dry_run,
            progress=progress,
        )

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
        return self._import(
            accounts,
            new_domains=domains,
            open_minutes=open_minutes,
            update=update,
            progress=progress,
        )

    def _import(
        self,
        rows: Iterable[Mapping[str, str]],
        *,
        new_domains: Sequence[Mapping[str, str]] = (),
        domain: str | None = None,
        open_minutes: float | None = None,
        update: bool = False,
        partial: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Object:
        right, wrong = imports.prepared(_told(rows, progress), domain)
        counts = {"added": 0, "updated": 0, "bound": 0}
        opened = 0
        stored = False
        while not stored:
            refused: list[RowError] = []
            try:
                with self._change() as work:
                    for fields in new_domains:
                        self._import_domain(work, fields, update=update)
                    ids, counts, refused = imports.store(
                        work, right, update=update, progress=progress
                    )
                    if dry_run or refused or (wrong and not partial):
                        raise NotToBeStored
                    opening = None
                    if open_minutes is not None:
                        opening = windows.open_many(work, ids, open_minutes)
                        opened = len(ids)
                    # One row for all of them.
                    work.notes.clear()
                    work.note(
                        "accounts.imported",
                        domain or f"{len(ids)} accounts",
                        **counts,
                        domains=[fields["name"] for fields in new_domains[:100]],
                        opened=opened or None,
                        opening=opening,
                    )
                    if progress is not None:
                        # The last chance to raise, by which nothing is stored.
                        progress(len(right), len(right))
                stored = True
            except NotToBeStored:
                wrong = sorted([*wrong, *refused], key=lambda error: error.row)
                if dry_run or not partial:
                    break
                # Once more with the rows that are right.
                without = {error.row for error in refused}
                right = [row for row in right if row.row not in without]
        return {
            **counts,
            "opened": opened,
            "stored": stored,
            "error_count": len(wrong),
            "errors": [error._asdict() for error in wrong[:MAX_ERRORS]],
        }

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


def _told(
    rows: Iterable[Mapping[str, str]], progress: Progress | None
) -> Iterator[Mapping[str, str]]:
    """Yield *rows*, telling *progress* now and then that none of them is stored."""
    total = len(rows) if isinstance(rows, Sequence) else 0
    for number, row in enumerate(rows):
        if progress is not None and number and number % PROGRESS_EVERY == 0:
            progress(0, total)
        yield row
