"""Phone books, dial plans and languages."""

from collections.abc import Iterable, Mapping

from bootwave.settings.credentials import refuse_mask, without_credentials
from bootwave.store.names import required_domain
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.settings import books, dialplans, languages


class DirectoryOperations(Transactions):
    """Phone books, dial plans and languages."""

    def phonebook_import(
        self,
        scope: str,
        target: str,
        rows: Iterable[Mapping[str, str]],
        *,
        replace: bool = False,
        all_or_nothing: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Add entries to the phone book of a domain or an account, as *scope* says.

        Each of *rows* has ``name`` and ``number``, perhaps ``type`` and ``category``.
        The right ones are stored whatever is wrong with others; with *all_or_nothing*
        only if none is wrong, and so with *replace*, after which the book holds nothing
        else.
        """
        prepared = books.prepared(rows)
        with self._change() as work:
            return books.bring_in(
                work,
                scope,
                target,
                prepared,
                replace=replace,
                all_or_nothing=all_or_nothing,
                dry_run=dry_run,
            )

    def phonebook_list(self, scope: str, target: str) -> Object:
        """Return the phone book of a domain or an account."""
        with self._look() as work:
            return books.listed(work, scope, target)

    def phonebook_clear(
        self, scope: str, target: str, *, forget: bool = False
    ) -> Object:
        """Empty a phone book, and those of phones with it; *forget* leaves theirs."""
        with self._change() as work:
            return books.clear(work, scope, target, forget=forget)

    def dialplan_set(
        self,
        domain: str,
        match: str,
        *,
        timeout: int = 0,
        user: str = "",
        rewrite: str = "",
    ) -> Object:
        """Say what the phones of a domain do with numbers that *match* a pattern."""
        with self._change() as work:
            return dialplans.set_rule(work, domain, match, timeout, user, rewrite)

    def dialplan_unset(self, domain: str, match: str) -> Object:
        """Say nothing of a pattern any more."""
        with self._change() as work:
            return dialplans.unset_rule(work, domain, match)

    def dialplan_list(self, domain: str, *, dialled: str = "") -> Object:
        """Return the dial plan of a domain, and the rule taken for *dialled*."""
        with self._look() as work:
            return dialplans.listed(work, domain, dialled)

    def dialplan_clear(self, domain: str, *, forget: bool = False) -> Object:
        """Empty a dial plan, and those of phones with it; *forget* leaves theirs."""
        with self._change() as work:
            return dialplans.clear(work, domain, forget=forget)

    def language_set(
        self, domain: str, kind: str, name: str, url: str, *, model: str = ""
    ) -> Object:
        """Say where phones find a language, for their display or their web page.

        Credentials in the URL are masked in the result, and what is shown for them is
        refused.
        """
        refuse_mask(url)
        with self._change() as work:
            return _masked(languages.set_file(work, domain, kind, name, url, model))

    def language_unset(
        self, domain: str, kind: str, name: str, *, model: str = ""
    ) -> Object:
        """Say it no longer."""
        with self._change() as work:
            return languages.unset_file(work, domain, kind, name, model)

    def language_list(self, domain: str, *, reveal: bool = False) -> list[Object]:
        """Return the language files of a domain.

        Credentials in URLs are masked; with *reveal* they are not, and the audit log is
        told.
        """
        with self._showing(reveal=reveal) as work:
            found = languages.listed(work, domain)
            if reveal:
                work.note("language.revealed", required_domain(domain))
                return found
            return [_masked(one) for one in found]


def _masked(file: Object) -> Object:
    return {**file, "url": without_credentials(file["url"])}
