"""The audit log."""

from bootwave.errors import OptionError
from bootwave.store import audit
from bootwave.store.operations.transactions import Object, Transactions

MAX_AUDIT_ROWS = 10_000  # in one answer


class AuditOperations(Transactions):
    """The audit log."""

    def audit_list(
        self,
        *,
        since: float = 0.0,
        actor: str = "",
        subject: str = "",
        limit: int = 100,
    ) -> list[Object]:
        """Return the newest *limit* rows of the audit log, newest first.

        *since* is wall-clock seconds; *actor* is who, *subject* a part of what.
        """
        if not 0 < limit <= MAX_AUDIT_ROWS:
            raise OptionError(f"Ask for 1 to {MAX_AUDIT_ROWS:,} rows of the audit log.")
        with self._look() as work:
            return audit.listed(
                work.connection, since=since, actor=actor, subject=subject, most=limit
            )

    def audit_trim(self, keep_seconds: float) -> int:
        """Take rows that are older away; return how many, ten thousand at most.

        Not for administrators: the engine does it by ``audit.keep_days``.
        """
        with self._change() as work:
            return audit.trim(work.connection, work.at.wall, keep_seconds)
