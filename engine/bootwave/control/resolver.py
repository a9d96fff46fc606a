"""DNS for proxies: what rollout.resolving asks for, asked of real name servers.

Names that /etc/hosts has are as it says, others are asked of DNS.  Every name is asked
for with a deadline, so many at once, and what came of it is remembered: a name server
that is away holds up the phones of those names only.
"""

import asyncio
import importlib
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bootwave.options import Address
from bootwave.rollout.resolving import (
    MAX_RECORDS,
    Answers,
    Candidates,
    Naptr,
    Proxy,
    Question,
    Record,
    Srv,
    Target,
    drawn,
    resolution,
)

# A name takes three questions in turn, and each may be asked of two servers.
QUESTION_SECONDS = 2.0
SERVER_SECONDS = 1.0
AT_ONCE = 16
# What a name server says is remembered as long as it says, within these; that there is
# nothing, or nobody answered, for a short time, since somebody may be mending it.
LEAST_SECONDS = 5.0
MOST_SECONDS = 300.0
NOTHING_SECONDS = 30.0
MAX_REMEMBERED = 1_024  # proxies; each domain has one or two
MAX_HOSTS_BYTES = 1024 * 1024

HOSTS = Path("/etc/hosts")


class Resolved(NamedTuple):
    """The servers of a proxy until ``until``; none, and a clause that says ``why``."""

    candidates: Candidates
    why: str
    until: float

    def targets(self) -> list[Target]:
        """Return where to go, in an order drawn for this time."""
        return drawn(self.candidates, random.random)


class _Said(NamedTuple):
    records: list[Record]
    seconds: float
    is_silent: bool = False


class Resolver:
    """Finds the servers of proxies, in the running loop."""

    def __init__(
        self,
        name_servers: Sequence[Address] = (),
        *,
        hosts: Path = HOSTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask *name_servers*, or those of the system (/etc/resolv.conf) without any."""
        self._name_servers = name_servers
        self._hosts = hosts
        self._clock = clock
        self._remembered: dict[Proxy, Resolved] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    def known(self, proxy: Proxy) -> Resolved | None:
        """Return what is remembered of *proxy*, None when it has to be asked for."""
        found = self._remembered.get(proxy)
        return found if found is not None and self._clock() < found.until else None

    async def resolve(self, proxy: Proxy) -> Resolved:
        """Return the servers of *proxy*, and remember them."""
        async with self._room:
            found = await self._asked(proxy)
        self._remembered.pop(proxy, None)
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[proxy] = found
        return found

    async def _asked(self, proxy: Proxy) -> Resolved:
        steps = resolution(proxy)
        answers: Answers | None = None
        seconds = MOST_SECONDS
        is_silent = False
        while True:
            try:
                questions = next(steps) if answers is None else steps.send(answers)
            except StopIteration as over:
                candidates: Candidates = over.value
                break
            said = await asyncio.gather(*map(self._ask, questions))
            answers = {
                question: one.records
                for question, one in zip(questions, said, strict=True)
            }
            # That a name has no AAAA says nothing of how long its A holds.
            kept = [one.seconds for one in said if one.records or one.is_silent]
            seconds = min([seconds, *kept])
            is_silent = is_silent or any(one.is_silent for one in said)
        why = ""
        if not candidates:
            seconds = NOTHING_SECONDS
            why = f"the name {proxy.host} of its proxy has no address"
            if is_silent:
                why = f"no name server answers for {proxy.host}, its proxy"
        return Resolved(candidates, why, self._clock() + seconds)

    async def _ask(self, question: Question) -> _Said:
        hosts = _hosts_in(self._hosts)
        # The host itself, behind the labels of a service (RFC 2782).
        labels = question.name.split(".")
        host = ".".join(label for label in labels if not label.startswith("_"))
        if host in hosts:
            here: list[Record] = [
                address
                for address in hosts[host]
                if question.kind == ("AAAA" if ":" in address else "A")
            ]
            return _Said(here, MOST_SECONDS)
        # It takes a moment to load, and few installations need it.
        library = await asyncio.to_thread(importlib.import_module, "dns.asyncresolver")
        return await _asked_of(library, question, self._name_servers)


async def _asked_of(
    library: Any, question: Question, name_servers: Sequence[Address]
) -> _Said:
    """Return what DNS says by *library*, which is dns.asyncresolver."""
    import dns.exception
    import dns.nameserver
    import dns.resolver

    try:
        # Made anew, since /etc/resolv.conf may be another one by now.
        asker = library.Resolver(configure=not name_servers)
        if name_servers:
            asker.nameservers = [
                dns.nameserver.Do53Nameserver(host, port) for host, port in name_servers
            ]
        asker.timeout = SERVER_SECONDS
        answer = await asker.resolve(
            question.name,
            question.kind,
            lifetime=QUESTION_SECONDS,
            search="." not in question.name,
            raise_on_no_answer=False,
        )
    except dns.resolver.NXDOMAIN:
        return _Said([], NOTHING_SECONDS)
    except (dns.exception.DNSException, OSError):
        # Out of time, refused, out of order, or no server is named.
        return _Said([], NOTHING_SECONDS, is_silent=True)
    if answer.rrset is None:
        return _Said([], NOTHING_SECONDS)
    records = [_record_from(each) for each in list(answer.rrset)[:MAX_RECORDS]]
    seconds = max(LEAST_SECONDS, min(MOST_SECONDS, answer.rrset.ttl))
    return _Said(records, seconds)


def _record_from(said: Any) -> Record:
    """Return a record of the library as one of ours; names end without a dot."""
    kind = said.rdtype.name
    if kind == "NAPTR":
        return Naptr(
            said.order,
            said.preference,
            said.flags.decode("latin-1"),
            said.service.decode("latin-1"),
            said.replacement.to_text(omit_final_dot=True).strip("."),
        )
    if kind == "SRV":
        target = said.target.to_text(omit_final_dot=True).strip(".")
        return Srv(said.priority, said.weight, said.port, target)
    return str(said.address)


def _hosts_in(path: Path) -> dict[str, list[str]]:
    """Return the addresses of the names in *path*, a file as hosts(5) has it."""
    found: dict[str, list[str]] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_HOSTS_BYTES)
    except OSError:
        return found
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or ("",)
        for name in names:
            found.setdefault(name.lower(), []).append(address)
    return found
