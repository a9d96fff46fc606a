"""Redirection: the account with the vendor's service, and what it was told."""

from collections.abc import Iterator
from contextlib import contextmanager

from bootwave.store import audit
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.redirection import account
from bootwave.store.work import Work


class RedirectionOperations(Transactions):
    """Redirection: the account with the vendor's service, and what it was told."""

    def redirection_set(
        self,
        *,
        user: str | None = None,
        password: str | None = None,
        url: str | None = None,
        first_url: str | None = None,
    ) -> Object:
        """Store the account with the redirection service, or change what is given.

        *url* is the base URL at which phones reach this engine, for which *first_url*
        stands where there is no account yet.  From then on the MACs
        that accounts are bound to are registered there, by an engine that runs.
        """
        with self._change() as work:
            return account.set_account(work, user, password, url, first_url)

    def redirection_unset(self) -> Object:
        """Forget the account; phones stay redirected as they are."""
        with self._change() as work:
            return account.unset_account(work)

    def redirection_sync(self) -> Object:
        """Have all phones compared with what the service holds, and made right."""
        with self._change() as work:
            return account.sync(work)

    def redirection_status(self, *, mac: str | None = None) -> Object:
        """Return how redirection goes and who is in trouble, or all about one *mac*."""
        with self._look() as work:
            if mac is None:
                return account.status(work)
            return account.status_of(work, mac)

    def redirection_troubled(
        self, *, state: str = "", after: str = "", limit: int = 100
    ) -> Object:
        """Return phones in trouble by MAC, those in one *state* or all, page by page.

        *after* is the ``cursor`` of the page before.
        """
        with self._look() as work:
            return account.troubled(work, state, after, limit)

    @contextmanager
    def redirection_look(self) -> Iterator[Work]:
        """Give the work of reads, for whoever carries redirection out."""
        with self._look() as work:
            yield work

    @contextmanager
    def redirection_change(self) -> Iterator[Work]:
        """Give the work of one write, for whoever carries redirection out."""
        with self._change() as work:
            work.actor = audit.ENGINE
            yield work
