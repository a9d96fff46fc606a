"""Whose roll-outs are: of which domain, or of none in particular.

Told by how the selection is named (``rollouts.named_selection``): a domain, or a group
or account of one.  That of a single device belongs to the domain that the device is in,
if that had it when the roll-out was started.  What is of all phones belongs to nobody
who does not reach all domains, whoever has phones in it.

A phone that came to another domain since is the next tenant's: what the roll-out does,
and is told, ends for it there, unless it is one of all phones.
"""

import json
import math
from collections.abc import Iterable

from bootwave.errors import OperatorError, StoreNotFound
from bootwave.phone.mac import required_mac
from bootwave.store.domains.devices import adopted_at, domain_of
from bootwave.store.work import Work

EVERYBODY = "all phones"

_SELECTION = "SELECT selection, started_at FROM rollouts WHERE id = :id"
_MOVED = """
SELECT v.mac FROM json_each(:macs) j CROSS JOIN devices v ON v.mac = j.value
LEFT JOIN domains d ON d.id = v.domain_id
WHERE v.adopted_at > :latest OR (:domain <> '' AND d.name <> :domain)
"""


def named_domain(selection: str) -> str:
    """Return the domain that a selection names, "" for one that names none."""
    whom, _, target = selection.partition(" ")
    if whom not in ("domain", "group", "account"):
        return ""
    # Behind the last @ there is a domain, and a model behind a comma.
    return target.rpartition("@")[2].partition(",")[0].strip().lower()


def named_device(selection: str) -> int:
    """Return the MAC that a selection names, 0 for one that names none."""
    try:
        return required_mac(selection.partition(",")[0])
    except OperatorError:
        return 0


def domain_from_selection(work: Work, selection: str, started_at: float) -> str:
    """Return the domain of phones that are named so, "" for those of several.

    *started_at* is when the roll-out to them was started, by the clock.
    """
    if domain := named_domain(selection):
        return domain
    mac = named_device(selection)
    if not mac or started_at < adopted_at(work, mac):
        return ""  # of who had it then
    return domain_of(work, mac) or ""


def latest_adoption(selection: str, started_at: float) -> float:
    """Return until when phones that are named so came to their domain, by the clock.

    Those that came later are not the roll-out's any more: with all phones there are
    none, and it is infinite.
    """
    whom = selection.partition(",")[0]
    return math.inf if whom == EVERYBODY else started_at


def moved(work: Work, macs: Iterable[int], latest: float, domain: str = "") -> set[int]:
    """Return which of *macs* came to their domain after *latest*, by the clock.

    Those that are in another than *domain*, unless it is "", did so whatever the clock
    said.
    """
    if latest == math.inf:
        return set()
    named = {"macs": json.dumps([*macs]), "latest": latest, "domain": domain}
    return {mac for (mac,) in work.connection.execute(_MOVED, named).fetchall()}


def domain_of_rollout(work: Work, number: int) -> str | None:
    """Return the domain of a roll-out, "" for none, None when there is no such one."""
    rows = work.connection.execute(_SELECTION, {"id": number}).fetchall()
    return domain_from_selection(work, *rows[0]) if rows else None


def is_reached(work: Work, selection: str, started_at: float) -> bool:
    """Whether who asks may know of a roll-out to the phones that are named so."""
    if work.reach is None:
        return True
    return domain_from_selection(work, selection, started_at) in work.reach


def require_reached(work: Work, number: int) -> None:
    """Raise StoreNotFound for a roll-out that is not reached, or that nobody has."""
    domain = domain_of_rollout(work, number)
    if domain is None or not (work.reach is None or domain in work.reach):
        raise StoreNotFound(
            f"There is no roll-out {number}: see bootwave rollout list."
        )
