"""Domains, and whom the phones of one trust."""

import time
from collections.abc import Callable, Sequence

from bootwave.store import domains, trustedcertificates
from bootwave.store.domaincontents import account_count
from bootwave.store.names import required_domain
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.pace import Pace
from bootwave.store.removals import remove_first

Progress = Callable[[int, int], None]

# Longer than those of an import: other operations wait until the domain is gone.
_LOCK_SECONDS = 0.08
_FEW_ACCOUNTS = 1_000  # go with the domain, in some ten milliseconds


class DomainOperations(Transactions):
    """Domains, and whom the phones of one trust."""

    def domain_add(
        self,
        name: str,
        *,
        registrar: str = "",
        outbound_proxy: str = "",
        language: str = "",
        timezone: str = "",
        tone_scheme: str = "",
        wildcard_subnet: str = "",
        reach: str = "",
    ) -> Object:
        """Add a domain; raises StoreConflict when it exists."""
        fields = {
            "registrar": registrar,
            "outbound_proxy": outbound_proxy,
            "language": language,
            "timezone": timezone,
            "tone_scheme": tone_scheme,
            "wildcard_subnet": wildcard_subnet,
            "reach": reach,
        }
        with self._change() as work:
            return domains.add(work, name, fields)

    def domain_set(
        self,
        name: str,
        *,
        registrar: str | None = None,
        outbound_proxy: str | None = None,
        language: str | None = None,
        timezone: str | None = None,
        tone_scheme: str | None = None,
        wildcard_subnet: str | None = None,
        reach: str | None = None,
    ) -> Object:
        """Change what is given of a domain; None leaves a value, "" takes it away."""
        fields = {
            "registrar": registrar,
            "outbound_proxy": outbound_proxy,
            "language": language,
            "timezone": timezone,
            "tone_scheme": tone_scheme,
            "wildcard_subnet": wildcard_subnet,
            "reach": reach,
        }
        given = {field: value for field, value in fields.items() if value is not None}
        with self._change() as work:
            return domains.change(work, name, given)

    def domain_show(self, name: str) -> Object:
        """Return what is said of a domain."""
        with self._look() as work:
            return domains.shown(work, name)

    def domain_list(self) -> list[Object]:
        """Return all domains with the numbers of their accounts and devices."""
        with self._look() as work:
            return domains.listed(work)

    def domain_remove(
        self, name: str, *, force: bool = False, progress: Progress | None = None
    ) -> Object:
        """Remove a domain; one that has accounts or other parts only with *force*.

        Many accounts are removed before it, some in each of many short transactions;
        *progress* is told how many of them, and what it raises ends it there.
        """
        removed = self._remove_accounts(name, progress) if force else 0
        with self._change() as work:
            return domains.remove(work, name, force=force, removed=removed)

    def _remove_accounts(self, name: str, progress: Progress | None) -> int:
        """Remove the accounts of a domain but for a few; return how many."""
        with self._look() as work:
            total = account_count(work, work.domain_id(name))
        pace, removed = Pace(_LOCK_SECONDS), 0
        while total - removed > _FEW_ACCOUNTS:
            with self._change() as work:
                began = time.monotonic()
                if not removed:
                    work.note("domain.removing", required_domain(name), accounts=total)
                some = remove_first(work, work.domain_id(name), pace.rows)
                seconds = time.monotonic() - began
            if not some:
                break
            removed += some
            pace.took(some, seconds, time.monotonic() - began)
            if progress is not None:
                progress(removed, total)
            time.sleep(pace.pause)
        return removed

    def trust_add(self, domain: str, certificates: Sequence[str]) -> Object:
        """Let the phones of a domain trust CAs: their certificates, DER in base64."""
        with self._change() as work:
            return trustedcertificates.add(work, domain, list(certificates))

    def trust_remove(self, domain: str, digest: str) -> Object:
        """Let them be told a CA no longer, by the first digits of its SHA-256."""
        with self._change() as work:
            return trustedcertificates.remove(work, domain, digest)

    def trust_list(self, domain: str) -> list[Object]:
        """Return the CAs that the phones of a domain are told."""
        with self._look() as work:
            return trustedcertificates.listed(work, domain)
