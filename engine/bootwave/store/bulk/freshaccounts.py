"""New accounts of a very large import, written by one statement for each table.

They were chosen before (``Stage.choose``): none depends on another kind of row.  Here
it is looked whether they depend on what is stored; those that do are kept back, for
``imports`` to write one by one.  The result is the same, and everybody else waits for a
third less.
"""

import json

from bootwave.store.bulk.imports import domains_reached
from bootwave.store.bulk.newaccounts import ADD, devices_held
from bootwave.store.bulk.staged import Stage
from bootwave.store.domains.bindings import BIND
from bootwave.store.domains.claims import ADOPT, forget_expired
from bootwave.store.work import Work

_EXISTING = """
SELECT a.number FROM json_each(:numbers) j
CROSS JOIN accounts a ON a.domain_id = :domain_id AND a.number = j.value
"""


def write(work: Work, stage: Stage) -> tuple[int, int]:
    """Write what is chosen of *stage*; return how many accounts, and bound ones.

    The caller has noted that everything changes.
    """
    sealing_id = bytes.fromhex(work.keyring.names[0])
    forget_expired(work.connection, work.at.boottime, work.at.boot_id)
    domains = domains_reached(work)
    for rows in stage.chosen():
        stage.keep_back(_held(work, rows, domains))
    count = bound = 0
    used: set[str] = set()
    for rows in stage.chosen():
        count += len(rows)
        bound += sum(1 for _, _, _, mac in rows if mac)
        used.update(domain for _, domain, _, _ in rows)
    if not stage.is_sealed_by(sealing_id):
        stage.keep_all_back()  # there is another key since (``rekey``)
        return 0, 0
    named = {name: domains[name] for name in used}
    made = stage.together(named, work.at.wall)
    for statement, values in zip((ADD, ADOPT, BIND), made, strict=True):
        work.connection.executemany(statement, values)
    return count, bound


def _held(
    work: Work, rows: list[tuple[int, str, str, int]], domains: dict[str, int]
) -> list[int]:
    """Return those of *rows* that what is stored has a say in."""
    numbers: dict[str, list[str]] = {}
    for _, domain, number, _ in rows:
        numbers.setdefault(domain, []).append(number)
    existing: set[tuple[str, str]] = set()
    for domain, some in numbers.items():
        if domain in domains:
            named = {"domain_id": domains[domain], "numbers": json.dumps(some)}
            found = work.connection.execute(_EXISTING, named).fetchall()
            existing.update((domain, number) for (number,) in found)
    bound, last = devices_held(work, [mac for _, _, _, mac in rows if mac])
    return [
        row
        for row, domain, number, mac in rows
        if domain not in domains
        or (domain, number) in existing
        or mac in bound
        or last.get(mac, domains[domain]) != domains[domain]
    ]
