"""Since when a domain has the devices that moved to it before that was written down.

The audit log tells who had a device: who bound it, and which passwords it was given.
Of one that it names in another domain than its last, nothing of before is told any
more; an import names no devices, so what was only imported keeps what it had.

A migration is history: it spells its tables out and imports none of them.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TOGETHER = 10_000  # rows in memory at once
_PHONE = "phone:"
_SOME = """
SELECT seq, actor, subject, detail FROM audit WHERE seq > :last ORDER BY seq LIMIT :most
"""
_MOVED = """
UPDATE devices SET adopted_at = :now
WHERE mac = :mac AND adopted_at IS NULL AND last_domain_id IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM domains d WHERE d.id = devices.last_domain_id AND d.name = :domain)
"""


def upgrade() -> None:
    """Have those that moved begin now."""
    connection, last, now = op.get_bind(), 0, time.time()
    while rows := connection.execute(
        sa.text(_SOME), {"last": last, "most": _TOGETHER}
    ).all():
        last = rows[-1][0]
        had = {pair for _seq, *said in rows for pair in _had(*said)}
        if had:
            moved = [{"mac": mac, "domain": name, "now": now} for mac, name in had]
            connection.execute(sa.text(_MOVED), moved)


def _had(actor: str, subject: str, detail: str) -> Iterator[tuple[int, str]]:
    """Yield which device was in which domain, as a row of the log tells it."""
    try:
        told = json.loads(detail)
    except ValueError:
        told = {}  # somebody changed it
    told = told if isinstance(told, dict) else {}
    macs = [actor.removeprefix(_PHONE)] if actor.startswith(_PHONE) else []
    macs += [text for name in ("to", "of", "mac") for text in _texts(told.get(name))]
    accounts = [subject, *_texts(told.get("passwords_of"))]
    for account in accounts:
        domain = account.rpartition("@")[2] if "@" in account else ""
        for mac in macs:
            number = _mac(mac)
            if number and domain:
                yield number, domain


def _texts(said: Any) -> list[str]:
    some = said if isinstance(said, list) else [said]
    return [text for text in some if isinstance(text, str)]


def _mac(text: str) -> int:
    """Return the number of a MAC as the log spells it, 0 for what is none."""
    if len(text) != 12 or text.strip("0123456789ABCDEF"):
        return 0
    return int(text, 16)
