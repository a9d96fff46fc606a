"""Accounts, the phones bound to them, and their windows."""

from collections.abc import Sequence

from bootwave.errors import StoreNotFound
from bootwave.store.domains import accounts, bindings, openings, windows
from bootwave.store.operations.transactions import Object, Transactions


class AccountOperations(Transactions):
    """Accounts, the phones bound to them, and their windows."""

    def account_add(
        self,
        account: str,
        *,
        password: str,
        name: str = "",
        mac: str = "",
        mailbox: str = "",
        auth_user: str = "",
    ) -> Object:
        """Add the account ``number@domain``; *mac* binds it, as account_bind does."""
        with self._change() as work:
            return accounts.add(
                work,
                account,
                name=name,
                password=password,
                mac=mac,
                mailbox=mailbox,
                auth_user=auth_user,
            )

    def account_set(
        self,
        account: str,
        *,
        name: str | None = None,
        password: str | None = None,
        mailbox: str | None = None,
        auth_user: str | None = None,
    ) -> Object:
        """Change what is given of an account; None leaves a value as it is."""
        with self._change() as work:
            return accounts.change(
                work,
                account,
                name=name,
                password=password,
                mailbox=mailbox,
                auth_user=auth_user,
            )

    def account_show(self, account: str) -> Object:
        """Return an account with its bindings and window, without its password."""
        with self._look() as work:
            return accounts.shown(work, work.account(account))

    def account_remove(self, account: str) -> Object:
        """Remove an account with its bindings, window and settings."""
        with self._change() as work:
            return accounts.remove(work, account)

    def account_bind(self, account: str, mac: str, *, add: bool = False) -> Object:
        """Bind an account to a MAC, ``*`` or ``?``, instead of what it was bound to.

        With *add* it keeps what it was bound to.  Raises StoreConflict when the MAC
        is in another domain.
        """
        with self._change() as work:
            return bindings.bind(work, work.account(account), mac, add=add)

    def account_unbind(self, account: str, mac: str | None = None) -> Object:
        """Take a MAC, ``*`` or ``?`` from an account; None takes all of them."""
        with self._change() as work:
            return bindings.unbind(work, work.account(account), mac)

    def window_open(
        self,
        accounts: Sequence[str],
        *,
        minutes: float | None = None,
        domain: str | None = None,
        macs: Sequence[str] = (),
        numbers: Sequence[str] = (),
        most: int | None = None,
        ouis: Sequence[str] = (),
        subnet: str = "",
        models: Sequence[str] = (),
    ) -> Object:
        """Open *accounts* for *minutes*, all or none; without names all of *domain*.

        *domain* also completes names without one.  Those that *macs* are bound to and
        those of the domain within *numbers* (``400-449``) are opened, too.  A window
        that is open already is replaced, and what was granted by it ends.  *most*,
        *ouis*, *subnet* and *models* bound which unknown phones may claim those that
        are wildcards.
        """
        bounds = openings.checked_opening(most, ouis, subnet, models)
        with self._change() as work:
            chosen = windows.chosen(work, accounts, domain, macs, numbers)
            if not chosen and domain is not None:
                raise StoreNotFound(
                    f"The domain {domain} has no accounts: add one with bootwave "
                    "account add, or import them."
                )
            whole = domain if not (accounts or macs or numbers) else None
            return windows.open_for(work, chosen, minutes, bounds, whole)

    def window_close(
        self,
        accounts: Sequence[str],
        *,
        domain: str | None = None,
        macs: Sequence[str] = (),
        numbers: Sequence[str] = (),
    ) -> Object:
        """Close *accounts*, and what was granted by their windows; chosen as above."""
        with self._change() as work:
            chosen = windows.chosen(work, accounts, domain, macs, numbers)
            whole = domain if not (accounts or macs or numbers) else None
            return windows.close_for(work, chosen, whole)
