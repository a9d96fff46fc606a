"""What happens, for whoever watches."""

from bootwave.errors import StoreUnavailable
from bootwave.phone.mac import text_from_mac
from bootwave.settings.credentials import told_without_credentials
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.redirection import account
from bootwave.store.reports.devicereport import told
from bootwave.store.rollouts import rollouts
from bootwave.store.sightings.tail import place_from_text

MOST_EVENTS = 500


class WatchOperations(Transactions):
    """What happens, for whoever watches."""

    def rollout_progress(self) -> list[Object]:
        """Return how far the newest roll-outs are that go on, or did just now."""
        with self._look() as work:
            found: list[Object] = told_without_credentials(rollouts.going_on(work))
            return found

    def watch_counts(self) -> dict[str, dict[str, int]]:
        """Return how many phones are to be redirected, and how many roll-outs go on.

        By their state.  Phones of which nothing is to be done cost nothing.
        """
        with self._look() as work:
            return {
                "redirection": account.unsettled(work),
                "rollouts": rollouts.unfinished(work),
            }

    def events_read(self, *, after: str = "") -> Object:
        """Return what phones did since the place *after*, or where that begins now.

        ``sightings`` are at most 500, oldest first, each with the ``place`` behind it;
        ``last`` is that behind all of them.  ``lost`` counts those that were
        overwritten before they were read, ``behind`` those that are left.  ``rollouts``
        are those that are not over, or ended some seconds ago.
        """
        if self._sightings is None:
            raise StoreUnavailable("There is no file of sightings.")
        tail = self._sightings.tail()
        since = place_from_text(after)
        if since is None:
            since = tail.end()
        found = tail.read(since, MOST_EVENTS)
        return {
            "sightings": [
                {"mac": text_from_mac(seen.mac), **told(seen), "place": str(behind)}
                for behind, seen in found.sightings
            ],
            "last": str(found.place),
            "lost": found.lost,
            "behind": found.behind,
            "rollouts": self.rollout_progress(),
        }
