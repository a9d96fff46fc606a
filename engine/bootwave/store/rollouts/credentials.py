"""What a phone that is told may ask for: whose credentials it is shown."""

import sqlite3

from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.rollout.notifier import Credentials
from bootwave.rollout.resolving import proxy_from_text
from bootwave.store.secrets import KeyRing, password_owner
from bootwave.store.sightings.outcomes import PROVISIONED
from bootwave.store.sightings.running import running_from
from bootwave.store.sightings.sightings import SightingLog

# What the phone's own web server wants, from the layers that say it, by their rank.
_WEB = """
SELECT CASE s.scope WHEN 'engine' THEN 0 WHEN 'model' THEN 1 WHEN 'domain' THEN 3
  WHEN 'profile' THEN 4 WHEN 'account' THEN 5 ELSE 6 END, s.name, s.value
FROM settings s JOIN devices v ON v.mac = :mac
WHERE s.name IN ('http_user', 'http_pass') AND s.idx = -1 AND (
  (s.scope = 'engine' AND s.key = 0)
  OR (s.scope = 'model' AND s.key = (SELECT id FROM models WHERE name = v.model))
  OR (s.scope = 'domain' AND s.key = v.domain_id)
  OR (s.scope = 'account' AND s.key = (
    SELECT account_id FROM bindings WHERE mac = :mac ORDER BY identity LIMIT 1))
  OR (s.scope = 'profile' AND s.key = (
    SELECT a.profile_id FROM bindings b JOIN accounts a ON a.id = b.account_id
    WHERE b.mac = :mac ORDER BY b.identity LIMIT 1))
  OR (s.scope = 'device' AND s.key = :mac))
"""
# Between those of its model and of its domain.
_OF_RANGES = """
SELECT r.low, r.high, s.name, s.value FROM devices v
JOIN firmware_ranges r ON r.model = v.model
JOIN settings s ON s.scope = 'firmware' AND s.key = r.id
WHERE v.mac = :mac AND s.name IN ('http_user', 'http_pass') AND s.idx = -1
"""
_RANK_OF_RANGES = 2
_ACCOUNTS = """
SELECT a.id, a.number, a.auth_user, a.sealed_password, d.name, d.registrar,
  d.outbound_proxy
FROM bindings b JOIN accounts a ON a.id = b.account_id
JOIN domains d ON d.id = a.domain_id
WHERE b.mac = :mac ORDER BY b.identity
"""


def credentials_for(
    connection: sqlite3.Connection, keyring: KeyRing, log: SightingLog | None, mac: int
) -> list[Credentials]:
    """Return what the phone *mac* may ask a NOTIFY for, the likeliest first.

    Those of its own web server, if a layer says both, then those of its accounts, which
    are also for the realms of their domain: its name, its registrar and its proxy.
    Raises StoreError when a password cannot be opened.
    """
    web = _web(connection, log, mac)
    found = []
    if web.get("http_user") and web.get("http_pass"):
        found.append(Credentials(web["http_user"], web["http_pass"]))
    for account, number, auth_user, sealed, *servers in connection.execute(
        _ACCOUNTS, {"mac": mac}
    ).fetchall():
        password = keyring.open(sealed, owner=password_owner(account))
        realms = frozenset(proxy_from_text(each).host for each in servers if each)
        found.append(Credentials(auth_user or number, password, realms))
    return found


def _web(
    connection: sqlite3.Connection, log: SightingLog | None, mac: int
) -> dict[str, str]:
    """Return http_user and http_pass of the phone *mac*, as far as layers say them."""
    where = {"mac": mac}
    said = connection.execute(_WEB, where).fetchall()
    ranges = connection.execute(_OF_RANGES, where).fetchall()
    # Only then: which firmware it runs is a pass over the file of sightings.
    seen = log.last_of(mac, PROVISIONED) if ranges and log else None
    version = running_from(seen).version if seen else None
    if version is not None:
        found = [
            (FirmwareRange.from_ends(low, high), name, value)
            for low, high, name, value in ranges
        ]
        found.sort(key=lambda one: one[0].precedence())
        said += [
            (_RANK_OF_RANGES, name, value)
            for range_, name, value in found
            if range_.covers(version)
        ]
    said.sort(key=lambda one: one[0])
    return {name: value for _rank, name, value in said}
