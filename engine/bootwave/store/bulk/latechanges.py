"""What others wrote while rows of an import were compared, without a lock.

The log of changes names it.  The transaction that writes the rows begins with a look at
it: rows of accounts that it names are looked at again, and no others need be.
"""

import json

from bootwave.store.bulk.importruns import Run
from bootwave.store.bulk.staged import Stage
from bootwave.store.changelog import EVERYTHING, changes_after
from bootwave.store.names import AccountName
from bootwave.store.work import Work

# Accounts and devices looked at again while phones wait; comparing anew is quicker
# than to do so with more.
MOST_LATE = 1_000

_DOMAINS = """
SELECT COUNT(*) FROM json_each(:ids) j JOIN domains d ON d.id = j.value
"""
_BOUND = """
SELECT b.account_id FROM json_each(:macs) j CROSS JOIN bindings b ON b.mac = j.value
"""
_NAMES = """
SELECT a.number, d.name FROM json_each(:ids) j
CROSS JOIN accounts a ON a.id = j.value
JOIN domains d ON d.id = a.domain_id
"""


def changed_accounts(work: Work, seq: int) -> list[AccountName] | None:
    """Return the accounts that changed behind *seq* of the log, or their phones did.

    None when so much changed, or was removed, that it cannot be told.
    """
    _, changes = changes_after(work.connection, seq)
    if EVERYTHING in changes or len(changes) > MOST_LATE:
        return None
    keys: dict[str, set[int]] = {}
    for kind, key in changes:
        keys.setdefault(kind, set()).add(key)
    if not changes:
        return []
    domains = keys.get("domain", set())
    found = work.connection.execute(_DOMAINS, {"ids": json.dumps([*domains])})
    if found.fetchall()[0][0] < len(domains):
        return None  # one is gone, with all of its accounts
    macs = json.dumps([*keys.get("device", ())])
    bound = work.connection.execute(_BOUND, {"macs": macs}).fetchall()
    changed = keys.get("account", set()) | {account_id for (account_id,) in bound}
    ids = json.dumps([*changed])
    names = work.connection.execute(_NAMES, {"ids": ids}).fetchall()
    if len(names) < len(changed):
        return None  # one is gone, and nobody knows which it was
    return [AccountName(number, domain) for number, domain in names]


def heed(work: Work, run: Run, stage: Stage, seq: int) -> bool:
    """Have rows of *stage* written after all whose accounts changed behind *seq*.

    Of accounts that changed and have no row it is noted.  False when so much changed
    that all rows are to be written, and it cannot be told which accounts have none.
    """
    late = changed_accounts(work, seq)
    before = stage.settled
    if late is None:
        stage.unsettle_all()
    elif late:
        others = stage.unsettle(late)
        stage.add_missing(number for number, name in others if name == stage.domain)
    run.skip(stage.settled - before)
    return late is not None
