"""From a domain's proxy to where its NOTIFYs go (RFC 3263 section 4), pure.

================= ============================================== ====================
the proxy has     asked for                                      transport
================= ============================================== ====================
a numeric host    nothing                                        as written, else UDP
a port            A and AAAA                                     as written, else UDP
a transport       SRV of that transport, else A and AAAA         as written
nothing           NAPTR, else SRV of UDP, TCP and TLS in this    as found, else UDP
                  order, else A and AAAA
================= ============================================== ====================

``resolution`` yields what DNS is to be asked for and is sent what it said.  What comes
of it are ``Candidates``, of which ``drawn`` makes an order anew for each NOTIFY, as
RFC 2782 has it: who fails gives way to the next.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from ipaddress import ip_address
from typing import Literal, NamedTuple, TypeAlias

Transport = Literal["udp", "tcp", "tls"]

SIP_PORT = 5060
SIPS_PORT = 5061
MAX_RECORDS = 16  # of one answer; a resolver that says more is cut
MAX_TARGETS = 4  # tried for one NOTIFY, of which each may take timer F

_TRANSPORTS: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}
_SERVICES: dict[str, Transport] = {
    "SIP+D2U": "udp",
    "SIP+D2T": "tcp",
    "SIPS+D2T": "tls",
}
_SRV: dict[Transport, str] = {
    "udp": "_sip._udp.",
    "tcp": "_sip._tcp.",
    "tls": "_sips._tcp.",
}


class Proxy(NamedTuple):
    """A proxy or registrar as a domain has it; port 0 and transport "" are not said."""

    host: str
    port: int = 0
    transport: Transport | Literal[""] = ""


class Target(NamedTuple):
    """Where a NOTIFY goes: a numeric host, without brackets.

    ``server_name`` is whose certificate TLS wants, "" without: the host that was
    written and none that DNS said (RFC 5922 section 4).
    """

    transport: Transport
    host: str
    port: int
    server_name: str = ""


class Question(NamedTuple):
    """What DNS is asked for."""

    name: str
    kind: Literal["NAPTR", "SRV", "A", "AAAA"]


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403 section 4.1), as far as SIP uses it."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


Record: TypeAlias = Naptr | Srv | str
Answers: TypeAlias = Mapping[Question, Sequence[Record]]


class Candidate(NamedTuple):
    """One server: its targets, the addresses of one host, are tried in their order."""

    priority: int
    weight: int
    targets: tuple[Target, ...]


Candidates: TypeAlias = tuple[Candidate, ...]


def proxy_from_text(text: str) -> Proxy:
    """Return the proxy of ``host``, ``host:port`` or ``…;transport=tls``.

    An IPv6 address stands in brackets.  *text* was checked when it was stored
    (``names.checked_host``).
    """
    address, _, parameter = text.partition(";")
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = address.partition(":")
    transport = parameter.lower().removeprefix("transport=")
    return Proxy(host.lower(), int(port or 0), _TRANSPORTS.get(transport, ""))


def resolution(
    proxy: Proxy,
) -> Generator[tuple[Question, ...], Answers, Candidates]:
    """Yield what to ask DNS for, and return the servers of *proxy*, if it has any.

    Addresses come back as text, numeric.  What an answer holds of another kind than
    was asked for, and an address that is no one host's, is passed over.
    """
    transport: Transport = proxy.transport or "udp"
    if address := _numeric(proxy.host):
        hosts = {proxy.host: [address] if is_of_one_host(address) else []}
        plain = Srv(0, 0, proxy.port or _port_of(transport), proxy.host)
        return _candidates(proxy, transport, [plain], hosts)
    if not proxy.port:
        found = yield from _services(proxy)
        if found is not None:
            transport, records = found
            hosts = yield from _addresses([record.target for record in records])
            return _candidates(proxy, transport, records, hosts)
    hosts = yield from _addresses([proxy.host])
    plain = Srv(0, 0, proxy.port or _port_of(transport), proxy.host)
    return _candidates(proxy, transport, [plain], hosts)


def drawn(candidates: Candidates, chance: Callable[[], float]) -> list[Target]:
    """Return the targets in the order in which they are tried, at most MAX_TARGETS.

    By priority, and within one by weight as RFC 2782 draws it; *chance* returns
    numbers from 0 up to 1.
    """
    targets: list[Target] = []
    left = sorted(candidates, key=lambda each: (each.priority, each.weight))
    while left and len(targets) < MAX_TARGETS:
        first = [each for each in left if each.priority == left[0].priority]
        mark = chance() * sum(each.weight for each in first)
        chosen = first[-1]
        for each in first:
            mark -= each.weight
            if mark <= 0:
                chosen = each
                break
        left.remove(chosen)
        targets += chosen.targets
    return targets[:MAX_TARGETS]


def _services(
    proxy: Proxy,
) -> Generator[tuple[Question, ...], Answers, tuple[Transport, list[Srv]] | None]:
    """Return transport and SRV records, none for a service that is not offered.

    None when DNS has nothing about it.
    """
    asked: list[tuple[Transport, str]] = []
    if not proxy.transport:
        question = Question(proxy.host, "NAPTR")
        answers = yield (question,)
        rules = [one for one in answers.get(question, ()) if isinstance(one, Naptr)]
        # Section 4.1: what is not for SIP, or leads elsewhere than to SRV, is dropped.
        for rule in sorted(rules[:MAX_RECORDS]):
            service = _SERVICES.get(rule.service.upper())
            if service and rule.flags.lower() == "s" and rule.replacement:
                asked.append((service, rule.replacement))
    if not asked:
        wanted: Sequence[Transport] = (
            [proxy.transport] if proxy.transport else ["udp", "tcp", "tls"]
        )
        asked = [(each, _SRV[each] + proxy.host) for each in wanted]
    questions = [Question(name, "SRV") for _, name in asked]
    answers = yield tuple(dict.fromkeys(questions))
    offered: tuple[Transport, list[Srv]] | None = None
    for (transport, _), question in zip(asked, questions, strict=True):
        records = [one for one in answers.get(question, ()) if isinstance(one, Srv)]
        # RFC 2782: a target of "." says that the service is decidedly not there.
        usable = [one for one in records[:MAX_RECORDS] if one.target]
        if usable:
            return transport, usable
        if records:
            offered = (transport, [])
    return offered


def _addresses(
    hosts: Sequence[str],
) -> Generator[tuple[Question, ...], Answers, dict[str, list[str]]]:
    names = tuple(dict.fromkeys(hosts))
    questions = [(Question(name, "A"), Question(name, "AAAA")) for name in names]
    if not questions:
        return {}
    answers = yield tuple(question for pair in questions for question in pair)
    found: dict[str, list[str]] = {}
    for name, pair in zip(names, questions, strict=True):
        said = [one for question in pair for one in answers.get(question, ())]
        texts = [_numeric(one) for one in said if isinstance(one, str)]
        found[name] = [text for text in texts if text and is_of_one_host(text)]
    return found


def _candidates(
    proxy: Proxy,
    transport: Transport,
    records: Sequence[Srv],
    hosts: Mapping[str, Sequence[str]],
) -> Candidates:
    server_name = proxy.host if transport == "tls" else ""
    made = []
    for record in records:
        targets = tuple(
            Target(transport, address, record.port, server_name)
            for address in hosts.get(record.target, ())[:MAX_RECORDS]
        )
        if targets:
            made.append(Candidate(record.priority, record.weight, targets))
    return tuple(made)


def is_of_one_host(address: str) -> bool:
    """Whether the numeric *address* is one that a single host can have.

    Not those of groups, which all phones of a link would hear, nor that which means
    whoever sends it (RFC 1122 section 3.2.1.3), nor what is reserved or link-local:
    credentials of clouds are given out there.
    """
    found = ip_address(address)
    return not (
        found.is_multicast
        or found.is_unspecified
        or found.is_link_local
        or (found.version == 4 and found.is_reserved)
    )


def _port_of(transport: Transport) -> int:
    return SIPS_PORT if transport == "tls" else SIP_PORT


def _numeric(host: str) -> str:
    """Return the address *host* as the kernel spells it, "" when it is a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
