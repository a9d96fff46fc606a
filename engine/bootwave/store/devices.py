"""What administrators do with devices themselves."""

from typing import Any

from bootwave.errors import StoreNotFound
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.work import Work

_RESET = "UPDATE devices SET provisioned_at = NULL WHERE mac = :mac RETURNING mac"


def reset(work: Work, text: str) -> dict[str, Any]:
    """Let the device be provisioned as if for the first time: passwords are told again.

    It needs a grant for them as ever.  Raises StoreNotFound for an unknown MAC.
    """
    mac = required_mac(text)
    work.require_reached(mac)
    if not work.connection.execute(_RESET, {"mac": mac}).fetchall():
        raise StoreNotFound(
            f"{text_from_mac(mac)} is unknown: see bootwave device list."
        )
    work.touched("device", mac)
    work.note("device.reset", text_from_mac(mac))
    return {"mac": text_from_mac(mac)}
