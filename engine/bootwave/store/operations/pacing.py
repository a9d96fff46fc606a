"""What phones are told of when to come, by the fleet and by what its server takes."""

from bootwave.settings.capacity import Cost
from bootwave.store import audit
from bootwave.store.operations.transactions import Transactions
from bootwave.store.settings import fleet


class PacingOperations(Transactions):
    """When phones come; for the control process, not for administrators."""

    def request_cost(self) -> Cost:
        """Return the cost of a request as it was stored last."""
        with self._look() as work:
            return fleet.measured(work.connection)

    def pace_reconsidered(self, cost: Cost, cpus: int) -> fleet.Told:
        """Store what a request *cost*, and return what phones are told by it now.

        Workers run on so many *cpus*.  Nothing is written where nothing changed.
        """
        by_option = bool(self._waves.requests_per_second)
        with self._look() as work:
            now = fleet.found(work.connection, self._waves, cost, cpus)
            before, after = fleet.reconsidered(
                work.connection, now, by_option=by_option
            )
            if after == before:
                return after
        with self._change() as work:
            work.actor = audit.ENGINE
            return fleet.reconsider(work, now, by_option=by_option)
