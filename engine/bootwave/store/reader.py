"""Hot reads: complete records by MAC, a batch in few queries, on the caller's thread.

One read transaction per call, so that a device, its bindings and their windows are of
one moment.  Its first statement is ``PRAGMA data_version``, which moves when another
connection committed; only then the change log is read.  What many devices share (their
domain, layers of models, the list of wildcards) is kept here until the log says that it
changed, within the same transaction: a record never holds a domain older than itself.

A MAC that is unknown or bound to nothing must not be told by the time it takes to find
that out.  In the place of the bindings it has not, those of a bound device are read,
the *decoy*, and dropped again: the same rows, records and all.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bootwave.certificates.blocks import Blocks
from bootwave.directory.records import (
    EMPTY,
    Account,
    Binding,
    Device,
    DeviceCredentials,
    Domain,
    FunctionKey,
    Layer,
    Setting,
    Token,
    WildcardAccount,
    Window,
)
from bootwave.errors import StoreError, StoreUnavailable
from bootwave.store.changelog import (
    EVERYTHING,
    MOST_IN_ONE,
    Change,
    changes_after,
    last_seq,
)
from bootwave.store.connection import connect, placeholders
from bootwave.store.openings import opening_from_row

# MACs in one query.  Far below SQLite's bound of variables, and a tick has fewer.
BATCH = 256

# Readers are never shut out by a write, but for a moment by who closes a connection,
# and by who mends the log that a killed process left: a millisecond, more when that
# process has to wait for a core.
PATIENCE_SECONDS = 0.25

_VERSION = "PRAGMA data_version"
_PATIENT = "PRAGMA busy_timeout = 250"  # PATIENCE_SECONDS, in milliseconds

_DEVICES = """
SELECT asked.mac, d.mac, b.mac, COALESCE(d.domain_id, b.domain_id), d.model,
  d.owns_certificate, d.provisioned_at,
  EXISTS (SELECT 1 FROM settings s WHERE s.scope = 'device' AND s.key = b.mac)
  OR EXISTS (SELECT 1 FROM function_keys k WHERE k.scope = 'device' AND k.key = b.mac),
  t.sealed_token, t.sealed_previous, t.used_at,
  c."user", c.sealed_password, c.previous_user, c.sealed_previous, c.used_at,
  b.identity, b.expires, b.boot_id,
  a.id, a.domain_id, a.number, a.display_name, a.auth_user, a.sealed_password,
  a.mailbox, a.wildcard,
  EXISTS (SELECT 1 FROM settings s WHERE s.scope = 'account' AND s.key = a.id)
  OR EXISTS (SELECT 1 FROM function_keys k WHERE k.scope = 'account' AND k.key = a.id),
  w.id, w.boot_id, w.opened, w.deadline, w.consumed_mac, w.consumed_source,
  w.pairing_end, w.closed_at
FROM (SELECT column1 AS mac FROM (VALUES {})) asked
LEFT JOIN devices d ON d.mac = asked.mac
LEFT JOIN bindings b ON b.mac = CASE
  WHEN EXISTS (SELECT 1 FROM bindings x WHERE x.mac = asked.mac) THEN asked.mac
  ELSE ?
END
LEFT JOIN device_credentials c ON c.mac = b.mac
LEFT JOIN accounts a ON a.id = b.account_id
LEFT JOIN windows w ON w.account_id = a.id
LEFT JOIN device_tokens t ON t.mac = COALESCE(d.mac, b.mac)
WHERE asked.mac IS NOT NULL
ORDER BY asked.mac, b.identity
"""
# By the number of MACs, a power of two: making the text each time costs a fifth of a
# single device's read.
_DEVICES_OF = {
    1 << power: _DEVICES.format(placeholders(1 << power, "(?)"))
    for power in range(BATCH.bit_length())
}
# Sorted here: asked to sort, SQLite walks all accounts by id, not the few of the index.
_WILDCARDS = """
SELECT a.id, a.domain_id, a.number, a.display_name, a.auth_user, a.sealed_password,
  a.mailbox, a.wildcard, 0,
  w.id, w.boot_id, w.opened, w.deadline, w.consumed_mac, w.consumed_source,
  w.pairing_end, w.closed_at,
  d.name, d.wildcard_subnet, b.expires, b.boot_id,
  o.most_claims, o.claims, o.ouis, o.subnet, o.models
FROM accounts a
JOIN domains d ON d.id = a.domain_id
LEFT JOIN windows w ON w.account_id = a.id
LEFT JOIN openings o ON o.id = w.opening_id
LEFT JOIN bindings b ON b.account_id = a.id AND b.expires IS NOT NULL
WHERE a.wildcard <> ''
"""
_DOMAIN = """
SELECT id, name, registrar, outbound_proxy, language, timezone, tone_scheme,
  wildcard_subnet
FROM domains WHERE id = ?
"""
_TOKENS = """
SELECT domain_id, sealed_token, sealed_previous, used_at IS NOT NULL, required
FROM domain_tokens
"""
_DECOY = "SELECT mac FROM bindings WHERE expires IS NULL LIMIT 1"
_BOUND = """
SELECT DISTINCT mac FROM bindings WHERE mac > ? AND expires IS NULL
ORDER BY mac LIMIT ?
"""
_BLOCKS = "SELECT kind, value FROM certificate_blocks"
_MODEL = "SELECT id FROM models WHERE name = ?"
_SETTINGS = """
SELECT key, name, value, idx, permission FROM settings
WHERE scope = ? AND key IN ({}) ORDER BY key, name, idx
"""
_KEYS = """
SELECT key, idx, value, label, context, permission FROM function_keys
WHERE scope = ? AND key IN ({}) ORDER BY key, idx
"""


class Reader:
    """One process's read connection.  Make it after fork; it opens at its first use.

    Every method raises StoreUnavailable when the database cannot be read now, and
    tries again with a new connection at the next call.  A lock is waited for up to
    PATIENCE_SECONDS, but after a failure no longer until the store could be read again:
    the caller serves phones meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Read the store at *path*."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._away = False
        self._version = -1
        self._seq = -1  # unknown: nothing was read yet
        self._pending: list[Change] = []
        self._domains: dict[int, Domain] = {}
        self._models: dict[str, Layer] = {}
        self._wildcards: list[WildcardAccount] | None = None
        self._tokens: dict[int, Token] | None = None
        self._decoy = 0  # unknown; -1 when nothing is bound

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._version = -1

    def devices(self, macs: Sequence[int]) -> dict[int, Device]:
        """Return the devices of *macs* that are known, complete, by MAC.

        Expired claims of ``?`` accounts are still among the bindings: whether they
        hold is for whoever has a clock.
        """
        wanted = list(dict.fromkeys(macs))
        found: dict[int, Device] = {}
        try:
            connection = self._begin()
            for start in range(0, len(wanted), BATCH):
                self._read_devices(connection, wanted[start : start + BATCH], found)
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return found

    def bound(self, after: int, most: int) -> list[int]:
        """Return, in order, the next *most* MACs above *after* bound for good."""
        try:
            connection = self._begin()
            rows = connection.execute(_BOUND, (after, most)).fetchall()
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return [mac for (mac,) in rows]

    def wildcards(self) -> list[WildcardAccount]:
        """Return every account with a wildcard, with its window and its claim if any.

        The list is shared between calls until something in it changed; do not alter it.
        """
        try:
            connection = self._begin()
            if self._wildcards is None:
                self._wildcards = _wildcards_from_rows(
                    connection.execute(_WILDCARDS).fetchall()
                )
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return self._wildcards

    def domain_tokens(self) -> dict[int, Token]:
        """Return the token of each domain that has one, by the domain's id.

        Shared between calls like the wildcards.
        """
        try:
            connection = self._begin()
            if self._tokens is None:
                self._tokens = {
                    domain_id: Token(sealed, previous, used != 0, required != 0)
                    for domain_id, sealed, previous, used, required in (
                        connection.execute(_TOKENS).fetchall()
                    )
                }
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return self._tokens

    def model_layer(self, model: str) -> Layer:
        """Return what is set for all phones of *model*; empty when nothing is."""
        try:
            connection = self._begin()
            layer = self._models.get(model)
            if layer is None:
                rows = connection.execute(_MODEL, (model,)).fetchall()
                if not rows:
                    # Not remembered: the name came from a phone and could be anything.
                    layer = EMPTY
                else:
                    key = rows[0][0]
                    layer = _layers(connection, "model", [key]).get(key, EMPTY)
                    self._models[model] = layer
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return layer

    def engine_layer(self) -> Layer:
        """Return what is set for every phone of this engine."""
        try:
            connection = self._begin()
            layer = _layers(connection, "engine", [0]).get(0, EMPTY)
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return layer

    def certificate_blocks(self) -> Blocks:
        """Return which certificates prove nothing any more."""
        try:
            connection = self._begin()
            rows = connection.execute(_BLOCKS).fetchall()
            connection.execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        return Blocks(
            frozenset(int(value) for kind, value in rows if kind == "serial"),
            frozenset(bytes.fromhex(value) for kind, value in rows if kind == "key"),
        )

    def changed(self) -> list[Change] | None:
        """Return what others committed since the last call, or None for nothing.

        ``Change("all", 0)`` when the log no longer reaches back to the last call.  The
        first call after opening tells nothing: nothing was read before.
        """
        try:
            self._begin().execute("COMMIT")
        except (sqlite3.Error, StoreError) as error:
            raise self._lost(error) from error
        if not self._pending:
            return None
        pending, self._pending = list(dict.fromkeys(self._pending)), []
        return [EVERYTHING] if EVERYTHING in pending else pending

    def _begin(self) -> sqlite3.Connection:
        """Begin a read transaction and forget what changed before it."""
        connection = self._connection
        if connection is None:
            connection = self._connection = connect(
                self._path,
                read_only=True,
                busy_seconds=0.0 if self._away else PATIENCE_SECONDS,
            )
        connection.execute("BEGIN")
        version = connection.execute(_VERSION).fetchall()[0][0]
        if self._away:
            self._away = False
            connection.execute(_PATIENT)
        if version != self._version:
            if self._seq < 0:
                self._seq = last_seq(connection)
            else:
                self._seq, changes = changes_after(connection, self._seq)
                self._forget(changes)
            self._version = version
        return connection

    def _forget(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "all":
                self._domains.clear()
                self._models.clear()
                self._wildcards = self._tokens = None
                self._decoy = 0
            elif change.kind == "device":
                if change.key == self._decoy or self._decoy < 0:
                    self._decoy = 0
            elif change.kind == "domain":
                self._domains.pop(change.key, None)
                self._wildcards = self._tokens = None
            elif change.kind == "model":
                self._models.clear()
            elif change.kind == "wildcard":
                self._wildcards = self._tokens = None
            elif change.kind == "account":
                self._wildcards = None
        self._pending.extend(changes)
        if len(self._pending) > MOST_IN_ONE:
            self._pending = [EVERYTHING]

    def _lost(self, error: Exception) -> StoreUnavailable:
        self.close()
        self._away = True
        if isinstance(error, StoreUnavailable):
            return error
        return StoreUnavailable(f"The store cannot be read: {error}")

    def _read_devices(
        self,
        connection: sqlite3.Connection,
        macs: list[int],
        found: dict[int, Device],
    ) -> None:
        if not self._decoy:
            found_decoy = connection.execute(_DECOY).fetchall()
            self._decoy = found_decoy[0][0] if found_decoy else -1
        # Lengths are rounded up to powers of two, so that a handful of statements
        # stays compiled.
        room = 1 << (len(macs) - 1).bit_length()
        asked = [*macs, *[None] * (room - len(macs)), self._decoy]
        rows = connection.execute(_DEVICES_OF[room], asked).fetchall()
        account_layers = _layers(
            connection, "account", list({row[19] for row in rows if row[27]})
        )
        device_layers = _layers(
            connection, "device", list({row[2] for row in rows if row[7]})
        )
        for (
            mac,
            known,
            bound_mac,
            domain_id,
            model,
            certified,
            provisioned_at,
            _,
            sealed_token,
            previous_token,
            token_used_at,
            user,
            sealed,
            previous_user,
            sealed_previous,
            used_at,
            *bound,
        ) in rows:
            bindings: tuple[Binding, ...] = ()
            if bound_mac is not None:
                identity, expires, boot_id, *account_and_window = bound
                bindings = (
                    Binding(
                        identity,
                        _account(account_and_window, account_layers),
                        expires,
                        boot_id,
                    ),
                )
                if mac in found:  # the rows of one device are behind one another
                    bindings = found[mac].bindings + bindings
            domain = self._domains.get(domain_id)
            if domain is None and domain_id is not None:
                domain = self._read_domain(connection, domain_id)
            credentials = None
            if user is not None:
                used = used_at is not None
                credentials = DeviceCredentials(
                    user, sealed, previous_user, sealed_previous, used
                )
            token = None
            if sealed_token is not None:
                token_used = token_used_at is not None
                token = Token(sealed_token, previous_token, token_used)
            own = bound_mac == mac  # else it is the decoy's, made all the same
            layer = device_layers.get(mac, EMPTY) if device_layers else EMPTY
            device = Device(
                mac,
                domain if own else None,
                bindings if own else (),
                layer,
                certified != 0,
                model,
                provisioned_at,
                token,
                credentials if own else None,
            )
            if known is not None:
                found[mac] = device

    def _read_domain(self, connection: sqlite3.Connection, domain_id: int) -> Domain:
        rows = connection.execute(_DOMAIN, (domain_id,)).fetchall()
        layer = _layers(connection, "domain", [domain_id]).get(domain_id, EMPTY)
        domain = self._domains[domain_id] = replace(Domain(*rows[0]), layer=layer)
        return domain


def _account(row: Sequence[Any], layers: Mapping[int, Layer]) -> Account:
    (
        number,
        domain_id,
        name,
        display_name,
        auth_user,
        sealed,
        mailbox,
        wildcard,
        _,  # whether it has a layer
        window_id,
        boot_id,
        opened,
        deadline,
        mac,
        source,
        pairing_end,
        closed_at,
    ) = row
    window = None
    if window_id is not None:
        window = Window(
            window_id,
            number,
            boot_id,
            opened,
            deadline,
            mac,
            source,
            pairing_end,
            closed_at is not None,
        )
    return Account(
        number,
        domain_id,
        name,
        display_name,
        auth_user,
        sealed,
        mailbox,
        wildcard,
        layers.get(number, EMPTY) if layers else EMPTY,
        window,
    )


def _wildcards_from_rows(rows: list[tuple[Any, ...]]) -> list[WildcardAccount]:
    # A claim of '?' ends the claims before it, so an account comes once.  Should an
    # operator's hand have made several, the one that lasts longest holds.
    by_account: dict[int, WildcardAccount] = {}
    for row in sorted(rows, key=lambda row: (row[0], row[19] or 0.0)):
        by_account[row[0]] = WildcardAccount(
            _account(row[:17], {}),
            row[17],
            row[18],
            claimed_until=row[19] or 0.0,
            claimed_boot_id=row[20] or "",
            opening=None if row[21] is None else opening_from_row(row[21:]),
        )
    return list(by_account.values())


def _layers(
    connection: sqlite3.Connection, scope: str, keys: Sequence[int]
) -> dict[int, Layer]:
    """Return the layers of those of *keys* that have one."""
    if not keys:
        return {}
    marks = placeholders(len(keys))
    settings: dict[int, list[Setting]] = {}
    function_keys: dict[int, list[FunctionKey]] = {}
    rows = connection.execute(_SETTINGS.format(marks), [scope, *keys]).fetchall()
    for key, name, value, index, permission in rows:
        settings.setdefault(key, []).append(
            Setting(name, value, None if index < 0 else index, permission)
        )
    rows = connection.execute(_KEYS.format(marks), [scope, *keys]).fetchall()
    for key, index, value, label, context, permission in rows:
        function_keys.setdefault(key, []).append(
            FunctionKey(index, value, label, context, permission)
        )
    return {
        key: Layer(tuple(settings.get(key, ())), tuple(function_keys.get(key, ())))
        for key in settings.keys() | function_keys.keys()
    }
