"""The audit log."""

from bootwave.store import audit
from bootwave.store.operations.transactions import Transactions


class AuditOperations(Transactions):
    """The audit log."""

    def audit_trim(self, keep_seconds: float) -> int:
        """Take rows that are older away; return how many, ten thousand at most.

        Not for administrators: the engine does it by ``audit.keep_days``.
        """
        with self._change() as work:
            return audit.trim(work.connection, work.at.wall, keep_seconds)
