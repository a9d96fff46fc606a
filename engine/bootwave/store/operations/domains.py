"""Domains, and whom the phones of one trust."""

import time
from collections.abc import Callable, Generator, Sequence

from bootwave.errors import StoreNotFound
from bootwave.store.domains import domains
from bootwave.store.domains.contents import account_count
from bootwave.store.domains.removals import forget_some, lost_devices, remove_first
from bootwave.store.names import required_domain
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.pace import Pace
from bootwave.store.rollouts import kept
from bootwave.store.settings import trustedcertificates
from bootwave.store.steps import Steps, taken
from bootwave.store.work import Work

Progress = Callable[[int, int], None]

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
        return taken(self.domain_remove_steps(name, force=force, progress=progress))

    def domain_remove_steps(
        self, name: str, *, force: bool = False, progress: Progress | None = None
    ) -> Steps:
        """Do as domain_remove, in steps between which other operations may run."""
        removed = 0
        domain_id: int | None = None
        if force:
            with self._look() as work:
                domain_id = work.domain_id(name)
                total = account_count(work, domain_id)
            removed = yield from self._accounts_removed(
                name, domain_id, total, progress
            )
            yield from self._devices_forgotten(name, domain_id)
            yield from self._rollouts_forgotten(name, domain_id)
        with self._change() as work:
            _require_same(work, name, domain_id)
            done = domains.remove(work, name, force=force, removed=removed)
            for one in kept.of_domain(work, done["name"]):
                kept.forget(work, one)
            return done

    def _accounts_removed(
        self, name: str, domain_id: int, total: int, progress: Progress | None
    ) -> Generator[float, None, int]:
        """Remove *total* accounts of a domain but for a few; return how many."""
        pace, removed = Pace(), 0
        while total - removed > _FEW_ACCOUNTS:
            with self._change() as work:
                began = time.monotonic()
                _require_same(work, name, domain_id)
                if not removed:
                    work.note("domain.removing", required_domain(name), accounts=total)
                some = remove_first(work, domain_id, pace.rows)
                seconds = time.monotonic() - began
            if not some:
                break
            removed += some
            pace.took(some, seconds, time.monotonic() - began)
            if progress is not None:
                progress(removed, total)
            yield pace.pause
        return removed

    def _devices_forgotten(
        self, name: str, domain_id: int
    ) -> Generator[float, None, None]:
        """Forget the devices that a domain has no longer, but for a few."""
        with self._look() as work:
            left = lost_devices(work, domain_id)
        pace = Pace()
        while left > _FEW_ACCOUNTS:
            with self._change() as work:
                began = time.monotonic()
                _require_same(work, name, domain_id)
                some = forget_some(work, domain_id, pace.rows)
                seconds = time.monotonic() - began
            pace.took(some, seconds, time.monotonic() - began)
            left = left - some if some else 0
            yield pace.pause

    def _rollouts_forgotten(
        self, name: str, domain_id: int
    ) -> Generator[float, None, None]:
        """Forget the roll-outs of a domain, but for a few phones that they have."""
        with self._look() as work:
            found = kept.of_domain(work, required_domain(name))
        pace, left = Pace(), sum(one.phones for one in found)
        for one in found:
            if left <= _FEW_ACCOUNTS:
                break
            with self._change() as work:
                began = time.monotonic()
                _require_same(work, name, domain_id)
                kept.forget(work, one)
                seconds = time.monotonic() - began
            pace.took(one.phones, seconds, time.monotonic() - began)
            left -= one.phones
            yield pace.pause

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


def _require_same(work: Work, name: str, domain_id: int | None) -> None:
    """Raise StoreNotFound when *name* is not that of the domain *domain_id* any more.

    Others may have removed it between two transactions, and made another.
    """
    if domain_id not in (None, work.domain_id(name)):
        raise StoreNotFound(
            f"The domain {required_domain(name)} was removed by somebody else, and "
            "there is another one of that name: look at it before you remove it."
        )
