"""Where each phone is to be redirected: the engine's URL with its domain's token."""

from bootwave import log
from bootwave.errors import StoreError
from bootwave.store.proofs.tokens import domain_token_owner
from bootwave.store.redirection import rows
from bootwave.store.redirection.rows import Account, Bound
from bootwave.store.redirection.urls import url_for
from bootwave.store.work import Work


class Addresses:
    """Makes URLs, and remembers the tokens of domains that it needed."""

    def __init__(self) -> None:
        """Remember none yet."""
        self._tokens: dict[int, tuple[bytes, str | None]] = {}

    def url(self, work: Work, account: Account, one: Bound) -> str | None:
        """Return where a phone shall be redirected to, None when nobody can say.

        That is when the token of its domain cannot be opened, which is logged.
        """
        token = self._token(work, one.domain_id)
        if token is None:
            return None
        return url_for(account.url, token, one.model, one.mac)

    def forget(self) -> None:
        """Look at every token again."""
        self._tokens.clear()

    def has_other_token(self, work: Work, domain_id: int) -> bool:
        """Whether a domain has another token than was remembered, and forget that one.

        False where none was: none of its phones were looked at.
        """
        known = self._tokens.get(domain_id)
        if known is None:
            return False
        if known[0] == rows.sealed_token(work.connection, domain_id):
            return False
        del self._tokens[domain_id]
        return True

    def _token(self, work: Work, domain_id: int) -> str | None:
        known = self._tokens.get(domain_id)
        if known is None:
            sealed = rows.sealed_token(work.connection, domain_id)
            token: str | None = ""
            if sealed:
                try:
                    owner = domain_token_owner(domain_id)
                    token = work.keyring.open(sealed, owner=owner)
                except StoreError as error:
                    token = None
                    log.note(
                        log.CONTROL_REDIRECTION_SKIPPED,
                        domain_id=domain_id,
                        error=str(error),
                    )
            known = self._tokens[domain_id] = sealed, token
        return known[1]
