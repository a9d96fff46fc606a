"""Whose roll-outs are: of which domain, or of none in particular.

Told by how the selection is named (``rollouts.named_selection``): a domain, or a group
or account of one.  That of a single device belongs to the domain that the device is in,
if that had it when the roll-out was started.  What is of all phones belongs to nobody
who does not reach all domains, whoever has phones in it.

A phone that came to another domain since is the next tenant's: what the roll-out does,
and is told, ends for it there, unless it is one of all phones.  What came first is told
by the numbers of the log of changes: a clock may be set back in between.
"""

import json
from collections.abc import Iterable

from bootwave.errors import OperatorError, StoreNotFound
from bootwave.phone.mac import required_mac
from bootwave.store.domains.devices import domain_of
from bootwave.store.work import Work

EVERYBODY = "all phones"

_SELECTION = "SELECT selection, chosen_seq FROM rollouts WHERE id = :id"
_MOVED = """
SELECT v.mac FROM json_each(:macs) j CROSS JOIN devices v ON v.mac = j.value
WHERE v.adopted_seq > :latest
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


def domain_from_selection(work: Work, selection: str, chosen_seq: int) -> str:
    """Return the domain of phones that are named so, "" for those of several.

    *chosen_seq* is the last change before they were chosen.
    """
    if domain := named_domain(selection):
        return domain
    mac = named_device(selection)
    if not mac or moved(work, [mac], chosen_seq):
        return ""  # of who had it then
    return domain_of(work, mac) or ""


def latest_adoption(selection: str, chosen_seq: int) -> int | None:
    """Return the last change by which phones that are named so came to their domain.

    Those that came later are not the roll-out's any more.  With all phones there are
    none, and it is None.
    """
    whom = selection.partition(",")[0]
    return None if whom == EVERYBODY else chosen_seq


def moved(work: Work, macs: Iterable[int], latest: int | None) -> set[int]:
    """Return which of *macs* came to their domain after the change *latest*."""
    if latest is None:
        return set()
    named = {"macs": json.dumps([*macs]), "latest": latest}
    return {mac for (mac,) in work.connection.execute(_MOVED, named).fetchall()}


def domain_of_rollout(work: Work, number: int) -> str | None:
    """Return the domain of a roll-out, "" for none, None when there is no such one."""
    rows = work.connection.execute(_SELECTION, {"id": number}).fetchall()
    return domain_from_selection(work, *rows[0]) if rows else None


def is_reached(work: Work, selection: str, chosen_seq: int) -> bool:
    """Whether who asks may know of a roll-out to the phones that are named so."""
    if work.reach is None:
        return True
    return domain_from_selection(work, selection, chosen_seq) in work.reach


def require_reached(work: Work, number: int) -> None:
    """Raise StoreNotFound for a roll-out that is not reached, or that nobody has."""
    domain = domain_of_rollout(work, number)
    if domain is None or not (work.reach is None or domain in work.reach):
        raise StoreNotFound(
            f"There is no roll-out {number}: see bootwave rollout list."
        )
