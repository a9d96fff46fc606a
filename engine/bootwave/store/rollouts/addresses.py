"""Where phones are, and by which way a roll-out reaches them.

Where a phone is, only a sighting says by which it proved its MAC: nothing is sent
anywhere else.  Its domain may say the way (``reach``); else, the first that is true:

=================================================== ==================================
what is known                                       way
=================================================== ==================================
it confirmed a NOTIFY of plug and play from there   directly: datagrams reach it
its address is not private                          by the proxy: it is behind NAT
another phone is at its address too, and the        by the proxy: one address and two
domain has a proxy                                  phones are a NAT
nothing of these                                    directly, and by the proxy if there
                                                    is no answer, the domain has one
                                                    and nobody else has the account
=================================================== ==================================

The proxy is the domain's outbound proxy, else its registrar, else the domain itself:
where its phones register.  It knows extensions and no phones, so an account that few
phones have is the better one.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from bootwave.pairing.sources import address_from_text, is_private_source
from bootwave.rollout.resolving import Proxy, proxy_from_text
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Endpoint
from bootwave.store.sightings.sightings import SightingLog

Way: TypeAlias = Endpoint | Proxy

# More phones than so many are not counted: a line that all phones of a domain have
# would be counted once for each of them.
MOST_COUNTED = 100

# The account that the fewest phones have.  Expired claims count: whoever registered
# once is reached until that expires, too.
_PHONE = """
SELECT a.id, a.number, d.name, d.outbound_proxy, d.registrar, d.reach,
  (SELECT COUNT(*) FROM (
    SELECT 1 FROM bindings o WHERE o.account_id = a.id LIMIT :most)) AS phones
FROM devices v JOIN domains d ON d.id = v.domain_id
JOIN bindings b ON b.mac = v.mac JOIN accounts a ON a.id = b.account_id
WHERE v.mac = :mac ORDER BY phones, b.identity LIMIT 1
"""
_OF_ACCOUNT = "SELECT mac FROM bindings WHERE account_id = :account"


class Reached(NamedTuple):
    """How a phone is reached: at its address ``direct``, unless that is "".

    Without it, or an answer from there, by ``proxy``, unless that is None: then
    all ``phones`` are told that have its ``account``, whose ``number`` it is.  More
    than MOST_COUNTED are as many.
    """

    account: int
    number: str
    domain: str
    phones: int
    direct: str
    proxy: Proxy | None

    @property
    def is_by_proxy(self) -> bool:
        """Whether all phones of its account are told when it is."""
        return not self.direct

    def ways(self, phone_port: int) -> tuple[Way, ...]:
        """Return where it is told, in order, while phones listen on *phone_port*."""
        here = (Endpoint(self.direct, phone_port),) if self.direct else ()
        return (*here, self.proxy) if self.proxy else here


class Places:
    """The addresses at which phones proved their MACs last."""

    def __init__(self) -> None:
        """Know none."""
        self._source_of: dict[int, str] = {}
        self._phones_at: Counter[str] = Counter()
        self._heard: dict[int, str] = {}

    def note(self, seen: Iterable[Sighting]) -> None:
        """Take what is known now of the phones of *seen*."""
        for sighting in seen:
            before = self._source_of.get(sighting.mac)
            if before == sighting.source:
                continue
            if before is not None:
                self._phones_at[before] -= 1
            self._source_of[sighting.mac] = sighting.source
            self._phones_at[sighting.source] += 1

    def hear(self, confirmed: Iterable[Sighting]) -> None:
        """Take that datagrams reached phones where *confirmed* says."""
        self._heard.update((each.mac, each.source) for each in confirmed)

    def source_of(self, mac: int) -> str | None:
        """Return the address of *mac*, None while that is not known."""
        return self._source_of.get(mac)

    def is_heard(self, mac: int) -> bool:
        """Whether datagrams reached *mac* at its address."""
        source = self._source_of.get(mac)
        return source is not None and self._heard.get(mac) == source

    def is_shared(self, mac: int) -> bool:
        """Whether another phone is at the address of *mac*."""
        return self._phones_at[self._source_of.get(mac, "")] > 1


def confirmed(log: SightingLog, seen: Mapping[int, Sighting]) -> Iterable[Sighting]:
    """Return who of *seen* confirmed plug and play, and where.

    Nobody else is asked for than those for whom it makes a difference: whose address is
    not private.  That is a pass over the file, if there is anybody.
    """
    public = [mac for mac, one in seen.items() if not is_private_source(one.source)]
    if not public:
        return ()
    return log.latest(public, frozenset({Reason.PNP_CONFIRMED})).values()


def reached(connection: sqlite3.Connection, places: Places, mac: int) -> Reached | None:
    """Return how to reach *mac*, None when it is bound to no account.

    Its place must be known.
    """
    rows = connection.execute(_PHONE, {"mac": mac, "most": MOST_COUNTED}).fetchall()
    source = places.source_of(mac)
    if not rows or source is None:
        return None
    account, number, domain, outbound_proxy, registrar, reach, phones = rows[0]
    direct = str(address_from_text(source))
    told = outbound_proxy or registrar
    proxy: Proxy | None = proxy_from_text(told or domain)
    if reach == "direct" or (reach != "proxy" and places.is_heard(mac)):
        proxy = None
    elif reach == "proxy" or not is_private_source(source):
        direct = ""
    elif told and places.is_shared(mac):
        direct = ""
    elif not told or phones > 1:
        proxy = None
    return Reached(account, number, domain, phones, direct, proxy)


def phones_of(connection: sqlite3.Connection, account: int) -> set[int]:
    """Return the MACs that a NOTIFY to *account* by its proxy reaches."""
    rows = connection.execute(_OF_ACCOUNT, {"account": account}).fetchall()
    return {mac for (mac,) in rows}
