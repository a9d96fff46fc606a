"""Accounts that keep their phones, and get other names or passwords: many at a time.

Where all rows of an import change, each statement that is spared for one is spared a
hundred thousand times while phones wait.  What they become may be known before
(``importplan``), and is written by one statement then.  The result is that of the rows
one by one: whoever writes otherwise in between calls ``flush`` before.
"""

import json

from bootwave.store.bulk.accountstates import (
    Stored,
    fields_of,
    has_password,
    keeps_phones,
    password_of,
)
from bootwave.store.bulk.importrows import ImportRow
from bootwave.store.bulk.staged import Stage
from bootwave.store.domains.accounts import SEAL, SET
from bootwave.store.names import sort_name
from bootwave.store.secrets import password_owner
from bootwave.store.work import Work

# As accounts._PASSWORD_CHANGED.
_PASSWORDS_CHANGED = """
UPDATE devices SET provisioned_at = NULL
WHERE mac IN (SELECT b.mac FROM json_each(:ids) j CROSS JOIN bindings b
  ON b.account_id = j.value)
"""
_WRITTEN_TOGETHER = 1_000
# As accounts.SET and accounts.SEAL.
_SET = """
UPDATE accounts SET display_name = ?, auth_user = ?, mailbox = ?, sort_name = ?,
  sealed_password = COALESCE(?, sealed_password)
WHERE id = ?
"""
_SEAL = "UPDATE accounts SET sealed_password = ? WHERE id = ?"


class ChangedAccounts:
    """The accounts of one import that keep their phones, in its transaction."""

    def __init__(self, work: Work) -> None:
        """Change none yet."""
        self._work = work
        self._fields: list[dict[str, object]] = []
        self._passwords: list[tuple[int, bytes]] = []

    def add(self, row: ImportRow, stored: Stored) -> bool | None:
        """Whether an account was not as *row* says; it is behind the next ``flush``.

        None when it is to be bound or unbound, which others do.
        """
        if not keeps_phones(row, stored):
            return None
        if max(len(self._fields), len(self._passwords)) >= _WRITTEN_TOGETHER:
            self.flush()
        work, account = self._work, stored.account
        fields = fields_of(row, account)
        is_changed = any(
            value != getattr(account, name) for name, value in fields.items()
        )
        if is_changed:
            sorted_by = sort_name(fields["display_name"])
            self._fields.append({"id": account.id, **fields, "sort_name": sorted_by})
        if not has_password(work, row, stored):
            sealed = row.ready
            if not sealed or row.account_id != account.id:
                owner = password_owner(account.id)
                sealed = work.keyring.seal(password_of(work, row), owner=owner)
            self._passwords.append((account.id, sealed))
            is_changed = True
        if is_changed:
            work.touched("account", account.id)
            if account.wildcard:
                work.touched("wildcard", account.domain_id)
            for mac in stored.macs | stored.claims:
                work.touched("device", mac)
        return is_changed

    def flush(self) -> None:
        """Write what waits."""
        connection = self._work.connection
        connection.executemany(SET, self._fields)
        if self._passwords:
            connection.executemany(
                SEAL, [{"id": id_, "sealed": sealed} for id_, sealed in self._passwords]
            )
            ids = json.dumps([id_ for id_, _ in self._passwords])
            connection.execute(_PASSWORDS_CHANGED, {"ids": ids})
        self._fields.clear()
        self._passwords.clear()


def write(work: Work, stage: Stage) -> int:
    """Write what is kept on *stage* of accounts that change; return how many.

    None of them was changed by others since.  The caller has noted that everything
    changes.
    """
    if not stage.is_sealed_by(bytes.fromhex(work.keyring.names[0])):
        stage.keep_all_back()  # there is another key since (``rekey``)
        return 0
    connection = work.connection
    for statement, values in zip((_SET, _SEAL), stage.changes(), strict=True):
        connection.executemany(statement, values)
    for ids in stage.newly_sealed():
        connection.execute(_PASSWORDS_CHANGED, {"ids": json.dumps(ids)})
    return stage.count_changes()
