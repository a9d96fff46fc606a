"""Who may use the API: administrators, tokens, sessions and set-up links."""

from collections.abc import Sequence

from bootwave.errors import StoreNotFound
from bootwave.store.access import (
    administrators,
    apitokens,
    idempotency,
    passwordhashes,
    sessions,
)
from bootwave.store.access.administrators import Administrator
from bootwave.store.access.apitokens import ApiToken
from bootwave.store.access.sessions import AdminSession
from bootwave.store.operations.transactions import Object, Transactions


class AccessOperations(Transactions):
    """Who may use the API: administrators, tokens, sessions and set-up links."""

    def admin_add(
        self,
        name: str,
        *,
        password: str,
        role: str = "operator",
        domains: Sequence[str] = (),
    ) -> Object:
        """Add an administrator of the role operator, domain or read-only.

        *domains* are those he reaches: none for an operator, some for one of the role
        domain, and for who is read-only none are all.  Raises StoreConflict when there
        is one of that name.
        """
        password_hash = passwordhashes.hashed(password, name=name)
        with self._change() as work:
            return administrators.add(work, name, role, domains, password_hash)

    def admin_set(
        self,
        name: str,
        *,
        role: str | None = None,
        domains: Sequence[str] | None = None,
    ) -> Object:
        """Change role and domains of an administrator; None leaves them."""
        with self._change() as work:
            return administrators.change(work, name, role, domains)

    def admin_password(self, name: str, *, password: str) -> Object:
        """Give an administrator another password; his sessions end, tokens stay."""
        password_hash = passwordhashes.hashed(password, name=name)
        with self._change() as work:
            return administrators.set_password(work, name, password_hash)

    def admin_list(self) -> list[Object]:
        """Return the administrators, their roles and domains."""
        with self._look() as work:
            return administrators.listed(work)

    def admin_remove(self, name: str) -> Object:
        """Remove an administrator with his sessions and tokens, from now on."""
        with self._change() as work:
            return administrators.remove(work, name)

    def admin_link(self) -> Object:
        """Make a set-up token, good once and for an hour, that makes an operator."""
        with self._change() as work:
            return sessions.make_link(work)

    def admin_token_add(
        self,
        name: str,
        *,
        scopes: Sequence[str],
        domains: Sequence[str] = (),
        days: float | None = None,
        administrator: str | None = None,
        not_after: float | None = None,
    ) -> Object:
        """Make a token of the API and show it, this once.

        *scopes* are of read, write, reveal and access.  It is for all domains or
        *domains*, good until it is revoked or for *days*, but not behind *not_after*
        (seconds since 1970), and with *administrator* it can do at most what he can.
        """
        with self._change() as work:
            return apitokens.add(
                work, name, scopes, domains, days, administrator, not_after
            )

    def admin_token_list(self, *, administrator: str | None = None) -> list[Object]:
        """Return the tokens of the API, of all or one administrator, without secrets.

        When one was used last is exact to a minute.
        """
        return self.access_tokens(administrator, None)

    def admin_token_revoke(
        self, name: str, *, administrator: str | None = None
    ) -> Object:
        """Revoke a token, with *administrator* only one of his, "" of nobody's.

        Raises StoreConflict where several are of that name.
        """
        with self._change() as work:
            return apitokens.remove(work, name, administrator)

    # What follows is for the API itself and no operation of administrators.

    def access_administrator(self, name: str) -> Administrator | None:
        """Return the administrator *name*, whatever somebody typed, or None."""
        with self._look() as work:
            return administrators.named(work.connection, name.strip().lower())

    def access_session(self, digest: bytes) -> AdminSession | None:
        """Return the session with this *digest* that is good now, or None."""
        with self._look() as work:
            return sessions.found(work.connection, digest, work.at)

    def access_token(self, digest: bytes) -> ApiToken | None:
        """Return the token with this *digest* that is good now, or None."""
        with self._look() as work:
            return apitokens.found(work.connection, digest, work.at.wall)

    def access_tokens(
        self, administrator: str | None, within: apitokens.Within | None
    ) -> list[Object]:
        """Return tokens as ``admin_token_list``, of them those *within* that."""
        with self._look() as work:
            return apitokens.listed(work, administrator, within)

    def access_revoke(
        self, name: str, administrator: str | None, within: apitokens.Within | None
    ) -> Object:
        """Revoke a token as ``admin_token_revoke``, only one *within* that."""
        with self._change() as work:
            return apitokens.remove(work, name, administrator, within)

    def access_open(
        self, proved: Administrator, digest: bytes, source: str
    ) -> AdminSession:
        """Open a session of who *proved* by his password that he is it.

        Raises StoreNotFound where he was removed, or has another password, by now.
        """
        with self._change() as work:
            administrator = administrators.by_id(work.connection, proved.id)
            if (
                administrator is None
                or administrator.password_hash != proved.password_hash
            ):
                raise StoreNotFound(
                    "The administrator was removed, or given another password, in this "
                    "moment: sign in again."
                )
            sessions.open_for(work, administrator, digest, source)
            opened = sessions.found(work.connection, digest, work.at)
            assert opened is not None
            return opened

    def access_confirm(self, session: AdminSession) -> None:
        """Write down that the administrator of *session* gave his password again."""
        with self._change() as work:
            sessions.confirm(work, session)

    def access_close(self, session: AdminSession) -> None:
        """End *session*."""
        with self._change() as work:
            sessions.close(work, session)

    def access_used(
        self, *, session: int = 0, token: int = 0, source: str = ""
    ) -> None:
        """Write down that a session or a token (0: none) is used from *source*."""
        with self._change() as work:
            if session:
                sessions.note_seen(work, session)
            if token:
                apitokens.note_used(work, token, source)

    def access_link_is_good(self, secret: str) -> bool:
        """Whether *secret* is the set-up token that is good now."""
        with self._look() as work:
            return sessions.is_good_link(work, secret)

    def access_redeem(self, secret: str, name: str, password_hash: str) -> Object:
        """Make the operator *name* by the set-up token *secret*."""
        with self._change() as work:
            return sessions.redeem_link(work, secret, name, password_hash)

    def access_keep_answer(
        self, once: idempotency.Once, status: int, headers: str, body: bytes
    ) -> None:
        """Keep the answer to a request that was carried out with an idempotency key."""
        with self._change() as work:
            idempotency.keep_answer(work.connection, once, status, headers, body)

    def access_forget_key(self, once: idempotency.Once) -> None:
        """Forget the idempotency key of a request by which nothing was done."""
        with self._change() as work:
            idempotency.forget(work.connection, once)
