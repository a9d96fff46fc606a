"""Whether a phone listens for SIP where roll-outs tell it: what its layers say."""

import sqlite3

NAME = "network_id_port"

# The last one wins.  Ranges of firmware count as their model: who says a port there is
# told of it, whatever the phone runs now.
_SAID = """
SELECT s.scope, s.value FROM settings s JOIN devices v ON v.mac = :mac
WHERE s.name = :name AND s.idx = -1 AND (
  (s.scope = 'engine' AND s.key = 0)
  OR (s.scope = 'model' AND s.key = (SELECT id FROM models WHERE name = v.model))
  OR (s.scope = 'firmware' AND s.key IN (
    SELECT id FROM firmware_ranges WHERE model = v.model))
  OR (s.scope = 'domain' AND s.key = v.domain_id)
  OR (s.scope = 'profile' AND s.key IN (
    SELECT a.profile_id FROM bindings b JOIN accounts a ON a.id = b.account_id
    WHERE b.mac = v.mac))
  OR (s.scope = 'account' AND s.key IN (
    SELECT account_id FROM bindings WHERE mac = v.mac))
  OR (s.scope = 'device' AND s.key = v.mac))
ORDER BY CASE s.scope WHEN 'engine' THEN 0 WHEN 'model' THEN 1 WHEN 'firmware' THEN 2
  WHEN 'domain' THEN 3 WHEN 'profile' THEN 4 WHEN 'account' THEN 5 ELSE 6 END
"""


def port_notes(connection: sqlite3.Connection, mac: int, phone_port: int) -> list[str]:
    """Return a sentence when a layer gives the phone *mac* another port, else none.

    *phone_port* is where roll-outs tell phones on the LAN.
    """
    rows = connection.execute(_SAID, {"mac": mac, "name": NAME}).fetchall()
    if not rows:
        return []
    scope, value = rows[-1]
    if value == str(phone_port):
        return []
    port = f"the port {value}" if value else "any free port"
    return [
        f"Its {scope} layer has it listen for SIP on {port} ({NAME}), but resync, "
        f"reboot and roll-outs tell phones on the LAN at {phone_port} "
        "(waves.phone_port): it does not hear them there."
    ]
