"""What can be done for rows before they are written, by reading alone.

Phones' own writes wait while an administrator writes.  So what is as a row says already
is left out, and passwords are sealed, before the transaction; it looks again, for what
was written meanwhile.
"""

from collections.abc import Sequence

from bootwave.store.bulk.accountstates import (
    Stored,
    fields_of,
    has_password,
    is_same,
    keeps_phones,
    stored_of,
)
from bootwave.store.bulk.importrows import Becomes, ImportRow
from bootwave.store.bulk.imports import domains_reached
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.work import Work


def outstanding(
    work: Work, rows: Sequence[ImportRow], *, update: bool
) -> list[ImportRow]:
    """Return those of *rows* that do not say what is stored, with their accounts' ids.

    An account that is new has none.  Without *update* all are returned.
    """
    stored = stored_of(work, rows, domains_reached(work))
    found: list[ImportRow] = []
    for row in rows:
        one = stored.get(row.account)
        if one is None:
            found.append(row)
        elif not update or not is_same(work, row, one):
            becomes = _becomes(work, row, one) if update else None
            found.append(row._replace(account_id=one.account.id, becomes=becomes))
    return found


def _becomes(work: Work, row: ImportRow, stored: Stored) -> Becomes | None:
    """Return what the account of *row* is to be, None if its phones change."""
    if not keeps_phones(row, stored):
        return None
    fields = fields_of(row, stored.account)
    return Becomes(
        **fields,
        other_fields=any(
            value != getattr(stored.account, name) for name, value in fields.items()
        ),
        other_password=not has_password(work, row, stored),
    )


def prepared(
    keyring: KeyRing, rows: Sequence[ImportRow], first_id: int
) -> list[ImportRow]:
    """Return *rows* with their passwords sealed; new accounts get ids from *first_id*.

    In their order, so that it is that of the ids.
    """
    found: list[ImportRow] = []
    for row in rows:
        if row.password and (row.becomes is None or row.becomes.other_password):
            is_new = not row.account_id
            account_id = first_id if is_new else row.account_id
            first_id += is_new
            sealed = keyring.seal(row.password, owner=password_owner(account_id))
            row = row._replace(
                account_id=account_id, password="", ready=sealed, is_new=is_new
            )
        found.append(row)
    return found


def new_accounts(rows: Sequence[ImportRow]) -> int:
    """Return how many ids ``prepared`` gives to *rows*."""
    return sum(1 for row in rows if row.password and not row.account_id)
