"""Hot reads: complete records by MAC, a batch in few queries, on the caller's thread.

One read transaction per call, or for all calls within ``moment``, so that a device, its
bindings and their windows are of one moment (``moments``).  What many devices share
(their domain, layers of models, the list of wildcards) is kept here until the log says
that it changed, within the same transaction: a record never holds a domain older than
itself.

A MAC that is unknown or bound to nothing must not be told by the time it takes to find
that out.  In the place of the bindings it has not, those of a bound device are read,
its *decoy*, and dropped again: the same rows, records and all.  Decoys are some of the
fleet, and a keyed hash says which is whose: so strangers take as long as phones do,
with as many accounts and as many windows, and no two of them tell how they differ.
"""

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bootwave.certificates.blocks import Blocks
from bootwave.directory.records import (
    EMPTY,
    Account,
    Binding,
    Device,
    DeviceCredentials,
    Domain,
    Layer,
    Profile,
    Token,
    WildcardAccount,
    Window,
)
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.store.changelog import Change
from bootwave.store.connection import placeholders
from bootwave.store.serving.domainparts import (
    Book,
    account_books,
    domain_book,
    extras_of,
)
from bootwave.store.serving.layerparts import layers_of
from bootwave.store.serving.moments import FollowedMoments
from bootwave.store.serving.wildcardparts import wildcards_of

# Columns of _DEVICES that are looked at before the rest.
_BOUND, _HAS_DEVICE_LAYER, _ACCOUNT, _HAS_ACCOUNT_LAYER = 1, 6, 18, 25

# MACs in one query.  Far below SQLite's bound of variables, and a tick has fewer.
BATCH = 256

# Entries of domains' phone books kept at once, at some 0.4 KB: the domain read first
# goes first.
MOST_ENTRIES = 250_000


# Devices that stand in for strangers: as many as differ in what they cost to read.
DECOYS = 64

# The rows of one MAC may come in any order: sorting them here costs less than there.
_DEVICES = """
SELECT asked.mac, b.mac, b.domain_id, d.model, d.owns_certificate, d.provisioned_at,
  EXISTS (SELECT 1 FROM settings s WHERE s.scope = 'device' AND s.key = b.mac)
  OR EXISTS (SELECT 1 FROM function_keys k WHERE k.scope = 'device' AND k.key = b.mac),
  t.sealed_token, t.sealed_previous, t.used_at,
  c."user", c.sealed_password, c.previous_user, c.sealed_previous, c.used_at,
  b.identity, b.expires, b.boot_id,
  a.id, a.number, a.display_name, a.auth_user, a.sealed_password, a.mailbox,
  a.wildcard,
  EXISTS (SELECT 1 FROM settings s WHERE s.scope = 'account' AND s.key = a.id)
  OR EXISTS (SELECT 1 FROM function_keys k WHERE k.scope = 'account' AND k.key = a.id),
  w.id, w.boot_id, w.opened, w.deadline, w.consumed_mac, w.consumed_source,
  w.pairing_end, w.closed_at, a.profile_id, d.group_id,
  EXISTS (SELECT 1 FROM phone_books p WHERE p.account_id = a.id)
FROM (SELECT column1 AS mac, column2 AS decoy FROM (VALUES {})) asked
LEFT JOIN devices d ON d.mac = asked.mac
LEFT JOIN bindings b ON b.mac = CASE
  WHEN EXISTS (SELECT 1 FROM bindings x WHERE x.mac = asked.mac) THEN asked.mac
  ELSE asked.decoy
END
LEFT JOIN device_credentials c ON c.mac = b.mac
LEFT JOIN device_tokens t ON t.mac = b.mac
LEFT JOIN accounts a ON a.id = b.account_id
LEFT JOIN windows w ON w.account_id = a.id
WHERE asked.mac IS NOT NULL
"""
# By the number of MACs, a power of two: making the text each time costs a fifth of a
# single device's read.
_DEVICES_OF = {
    1 << power: _DEVICES.format(placeholders(1 << power, "(?, ?)"))
    for power in range(BATCH.bit_length())
}
_DOMAIN = """
SELECT id, name, registrar, outbound_proxy, language, timezone, tone_scheme,
  wildcard_subnet
FROM domains WHERE id = ?
"""
_TOKENS = """
SELECT domain_id, sealed_token, sealed_previous, used_at IS NOT NULL, required
FROM domain_tokens
"""
# By account and not by MAC: ids are close together, MACs lie in blocks far apart.
_SPAN = """
SELECT (SELECT MIN(account_id) FROM bindings), (SELECT MAX(account_id) FROM bindings)
"""
_NEXT = """
SELECT mac FROM bindings WHERE account_id >= ? AND expires IS NULL
ORDER BY account_id LIMIT 1
"""
_BOUND_FOR_GOOD = """
SELECT DISTINCT mac FROM bindings WHERE mac > ? AND expires IS NULL
ORDER BY mac LIMIT ?
"""
_PROFILE = "SELECT name FROM profiles WHERE id = ?"
_PROFILE_NAMED = "SELECT id FROM profiles WHERE domain_id = ? AND name = ?"
_BLOCKS = "SELECT kind, value FROM certificate_blocks"
_MODEL = "SELECT id FROM models WHERE name = ?"
_RANGES = "SELECT id, low, high FROM firmware_ranges WHERE model = ?"


class Reader(FollowedMoments):
    """One process's hot reads: its connection, and what it keeps of what was read."""

    def __init__(self, path: Path, secret: bytes | None = None) -> None:
        """Read the store at *path*; *secret*, drawn without one, chooses decoys.

        Processes that have it from before fork choose alike.
        """
        super().__init__(path)
        self._secret = os.urandom(16) if secret is None else secret
        self._domains: dict[int, Domain] = {}
        self._entries = 0  # of their books
        self._profiles: dict[int, Profile] = {}
        self._models: dict[str, Layer] = {}
        self._wildcards: list[WildcardAccount] | None = None
        self._wildcard_ids: frozenset[int] = frozenset()  # of those read last
        self._tokens: dict[int, Token] | None = None
        self._decoys: list[Device] | None = None  # unknown; empty: nothing is bound
        self._decoy_macs: set[int] = set()

    def devices(self, macs: Sequence[int]) -> dict[int, Device]:
        """Return the devices of *macs* that are known, complete, by MAC.

        Expired claims of ``?`` accounts are still among the bindings: whether they
        hold is for whoever has a clock.
        """
        wanted = list(dict.fromkeys(macs))
        found: dict[int, Device] = {}
        with self._moment as connection:
            if self._decoys is None:
                self._decoys = self._chosen(connection)
                self._decoy_macs = {decoy.mac for decoy in self._decoys}
            for start in range(0, len(wanted), BATCH):
                self._read_devices(connection, wanted[start : start + BATCH], found)
        return found

    def decoy(self, mac: int) -> Device | None:
        """Return the device that stands in for *mac* where that is bound to nothing.

        For the time that is spent on it, and for nothing else: it is another phone's.
        None while nothing is bound at all.  Its windows are closed.
        """
        decoys = self._decoys
        if not decoys:
            return None
        return decoys[hash(b"%b%d" % (self._secret, mac)) % len(decoys)]

    def bound(self, after: int, most: int) -> list[int]:
        """Return, in order, the next *most* MACs above *after* bound for good."""
        with self._moment as connection:
            rows = connection.execute(_BOUND_FOR_GOOD, (after, most)).fetchall()
        return [mac for (mac,) in rows]

    def wildcards(self) -> list[WildcardAccount]:
        """Return every account with a wildcard, with its window and its claim if any.

        The list is shared between calls until something in it changed; do not alter it.
        """
        with self._moment as connection:
            if self._wildcards is None:
                self._wildcards = wildcards_of(connection)
                ids = [row.account.id for row in self._wildcards]
                self._wildcard_ids = frozenset(ids)
            return self._wildcards

    def domain_tokens(self) -> dict[int, Token]:
        """Return the token of each domain that has one, by the domain's id.

        Shared between calls like the wildcards.
        """
        with self._moment as connection:
            if self._tokens is None:
                self._tokens = {
                    domain_id: Token(sealed, previous, used != 0, required != 0)
                    for domain_id, sealed, previous, used, required in (
                        connection.execute(_TOKENS).fetchall()
                    )
                }
            return self._tokens

    def model_layer(self, model: str) -> Layer:
        """Return what is set for all phones of *model*; empty when nothing is."""
        with self._moment as connection:
            layer = self._models.get(model)
            if layer is None:
                rows = connection.execute(_MODEL, (model,)).fetchall()
                if not rows:
                    # Not remembered: the name came from a phone and could be anything.
                    return EMPTY
                key = rows[0][0]
                layer = layers_of(connection, "model", [key]).get(key, EMPTY)
                self._models[model] = layer
            return layer

    def account_books(self, account_ids: Sequence[int]) -> dict[int, Book]:
        """Return the phone books of those of *account_ids* that have one.

        Apart from ``devices``, which anybody can have read: books are large.
        """
        with self._moment as connection:
            return account_books(connection, account_ids)

    def profile(self, domain_id: int, name: str) -> Profile | None:
        """Return the profile *name* of a domain, None when it has none of that name."""
        with self._moment as connection:
            rows = connection.execute(_PROFILE_NAMED, (domain_id, name)).fetchall()
            if not rows:
                return None
            key = rows[0][0]
            return self._profiles.get(key) or self._read_profile(connection, key)

    def firmware_layers(self, model: str) -> list[tuple[FirmwareRange, Layer]]:
        """Return what is set for firmware ranges of *model*, the winner last."""
        with self._moment as connection:
            rows = connection.execute(_RANGES, (model,)).fetchall()
            layers = layers_of(connection, "firmware", [key for key, _, _ in rows])
        found = [
            (FirmwareRange.from_ends(low, high), layers.get(key, EMPTY))
            for key, low, high in rows
        ]
        return sorted(found, key=lambda one: one[0].precedence())

    def engine_layer(self) -> Layer:
        """Return what is set for every phone of this engine."""
        with self._moment as connection:
            return layers_of(connection, "engine", [0]).get(0, EMPTY)

    def certificate_blocks(self) -> Blocks:
        """Return which certificates prove nothing any more."""
        with self._moment as connection:
            rows = connection.execute(_BLOCKS).fetchall()
        return Blocks(
            frozenset(int(value) for kind, value in rows if kind == "serial"),
            frozenset(bytes.fromhex(value) for kind, value in rows if kind == "key"),
        )

    def _forget(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "all":
                self._domains.clear()
                self._entries = 0
                self._profiles.clear()
                self._models.clear()
                self._wildcards = self._tokens = self._decoys = None
            elif change.kind == "device":
                if not self._decoys or change.key in self._decoy_macs:
                    self._decoys = None
            elif change.kind == "domain":
                self._drop_domain(change.key)
                self._wildcards = self._tokens = None
            elif change.kind == "profile":
                self._profiles.pop(change.key, None)
            elif change.kind == "model":
                self._models.clear()
            elif change.kind == "wildcard":
                self._wildcards = self._tokens = None
            elif change.kind == "account":
                # One that becomes a wildcard is told as such.
                if change.key in self._wildcard_ids:
                    self._wildcards = None
        super()._forget(changes)

    def _chosen(self, connection: sqlite3.Connection) -> list[Device]:
        """Return decoys, evenly spread over what is bound for good.

        Chosen, as strangers are given theirs, by Python's own keyed hash of bytes
        (SipHash, PEP 456): a fifth of what BLAKE2 costs.
        """
        ((first, last),) = connection.execute(_SPAN).fetchall()
        if first is None:
            return []
        macs: list[int] = []
        for number in range(DECOYS):
            place = hash(b"%b%d" % (self._secret, -number))
            chosen = first + place % (last - first + 1)
            macs += [mac for (mac,) in connection.execute(_NEXT, (chosen,)).fetchall()]
        found: dict[int, Device] = {}
        if macs:
            self._read_devices(connection, list(dict.fromkeys(macs)), found)
        return [_closed(found[mac]) for mac in macs]

    def _read_devices(
        self,
        connection: sqlite3.Connection,
        macs: list[int],
        found: dict[int, Device],
    ) -> None:
        # Lengths are rounded up to powers of two, so that a handful of statements
        # stays compiled.
        room = 1 << (len(macs) - 1).bit_length()
        decoys = self._decoys  # None while they are read themselves
        asked: list[int | None] = [None] * (2 * room)
        asked[: 2 * len(macs) : 2] = macs
        if decoys:
            secret, count = self._secret, len(decoys)
            asked[1 : 2 * len(macs) : 2] = [
                decoys[hash(b"%b%d" % (secret, mac)) % count].mac for mac in macs
            ]
        rows = connection.execute(_DEVICES_OF[room], asked).fetchall()
        account_layers = device_layers = None
        if any([row[_HAS_ACCOUNT_LAYER] for row in rows]):
            account_layers = layers_of(
                connection,
                "account",
                list({row[_ACCOUNT] for row in rows if row[_HAS_ACCOUNT_LAYER]}),
            )
        if any([row[_HAS_DEVICE_LAYER] for row in rows]):
            device_layers = layers_of(
                connection,
                "device",
                list({row[_BOUND] for row in rows if row[_HAS_DEVICE_LAYER]}),
            )
        domains, profiles = self._domains, self._profiles
        strangers: dict[int, Device] = {}  # made all the same, too
        told: dict[int, tuple[Binding, ...]] = {}
        for (
            mac,
            bound_mac,
            domain_id,
            model,
            certified,
            provisioned_at,
            _has_layer,
            sealed_token,
            previous_token,
            token_used_at,
            user,
            sealed_pair,
            previous_user,
            sealed_previous,
            used_at,
            identity,
            expires,
            binding_boot_id,
            account_id,
            number,
            display_name,
            auth_user,
            sealed_password,
            mailbox,
            wildcard,
            _has_account_layer,
            window_id,
            boot_id,
            opened,
            deadline,
            consumed_mac,
            consumed_source,
            pairing_end,
            closed_at,
            profile_id,
            group_id,
            has_book,
        ) in rows:
            domain = token = credentials = window = profile = None
            bindings: tuple[Binding, ...] = ()
            if bound_mac is not None:
                domain = domains.get(domain_id) or self._read_domain(
                    connection, domain_id
                )
                if window_id is not None:
                    window = Window(
                        window_id,
                        account_id,
                        boot_id,
                        opened,
                        deadline,
                        consumed_mac,
                        consumed_source,
                        pairing_end,
                        closed_at is not None,
                    )
                if profile_id is not None:
                    profile = profiles.get(profile_id) or self._read_profile(
                        connection, profile_id
                    )
                account = Account(
                    account_id,
                    domain_id,
                    number,
                    display_name,
                    auth_user,
                    sealed_password,
                    mailbox,
                    wildcard,
                    account_layers.get(account_id, EMPTY) if account_layers else EMPTY,
                    window,
                    profile,
                    has_book == 1,
                )
                bindings = (Binding(identity, account, expires, binding_boot_id),)
                if mac in told:
                    bindings = _joined(told[mac], bindings)
                told[mac] = bindings
                if user is not None:
                    credentials = DeviceCredentials(
                        user,
                        sealed_pair,
                        previous_user,
                        sealed_previous,
                        used_at is not None,
                    )
                if sealed_token is not None:
                    token = Token(
                        sealed_token, previous_token, token_used_at is not None
                    )
            own = bound_mac == mac  # else it is the decoy's, made all the same
            device = Device(
                mac,
                domain if own else None,
                bindings if own else (),
                device_layers.get(mac, EMPTY) if device_layers else EMPTY,
                certified == 1,
                model,
                provisioned_at,
                token if own else None,
                credentials if own else None,
                group_id,
            )
            (strangers if certified is None else found)[mac] = device

    def _read_domain(self, connection: sqlite3.Connection, domain_id: int) -> Domain:
        rows = connection.execute(_DOMAIN, (domain_id,)).fetchall()
        layer = layers_of(connection, "domain", [domain_id]).get(domain_id, EMPTY)
        book = domain_book(connection, domain_id)
        if book is not None:
            layer = replace(layer, book=book)
            self._entries += len(book)
            while self._entries > MOST_ENTRIES and self._domains:
                self._drop_domain(next(iter(self._domains)))
        domain = self._domains[domain_id] = replace(
            Domain(*rows[0]), layer=layer, extras=extras_of(connection, domain_id)
        )
        return domain

    def _drop_domain(self, domain_id: int) -> None:
        domain = self._domains.pop(domain_id, None)
        if domain is not None:
            self._entries -= len(domain.layer.book or ())

    def _read_profile(self, connection: sqlite3.Connection, profile_id: int) -> Profile:
        rows = connection.execute(_PROFILE, (profile_id,)).fetchall()
        layer = layers_of(connection, "profile", [profile_id]).get(profile_id, EMPTY)
        profile = self._profiles[profile_id] = Profile(profile_id, rows[0][0], layer)
        return profile


def _joined(
    before: tuple[Binding, ...], more: tuple[Binding, ...]
) -> tuple[Binding, ...]:
    """Return the bindings of one device in the order of their identities."""
    return tuple(sorted(before + more, key=lambda binding: binding.identity))


def _closed(device: Device) -> Device:
    """Return *device* with its windows closed: nobody takes those of a decoy."""
    bindings = [
        replace(
            binding,
            account=replace(
                binding.account,
                window=binding.account.window
                and replace(binding.account.window, closed=True),
            ),
        )
        for binding in device.bindings
    ]
    return replace(device, bindings=tuple(bindings))
