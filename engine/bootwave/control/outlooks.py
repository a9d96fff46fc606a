"""What a phone would be given, told by what decides for phones (``provision.outlook``).

For the API and for commands alike, with what the store knows of the phone already.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bootwave.errors import OptionError
from bootwave.options import Options
from bootwave.pairing.sources import source_key
from bootwave.phone.mac import required_mac
from bootwave.provision.looks import Looks
from bootwave.provision.outlook import Outlook
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.service import policy_of
from bootwave.provision.tokens import TokenGate
from bootwave.sightings import Reason
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.reader import Reader

_NO_CREDENTIALS: Final = (
    "it has none of its own yet: those of its account can be typed in at the phone"
)


def outlook_for(
    store: Administration,
    options: Options,
    keyring: KeyRing,
    mac: str,
    *,
    source: str = "",
    model: str = "",
) -> dict[str, Any]:
    """Return what the phone *mac* would be given if it asked now, in each way.

    *source* is the address it asks from, else the last one it was heard from, and
    *model* what it calls itself, else what *store* knows.  A bound phone is taken to
    ask by the URL that it should have, with a good token.  ``verdict`` is "served" when
    it can show what one of the ways takes, "unknown" when nobody knows its MAC, else
    "refused".  Who does not reach all domains is told nothing of wildcards in others.
    Nothing happens by it: no window is used up.

    Raises OptionError where no address is known, and what showing the device raises.
    """
    number = required_mac(mac)
    shown = store.device_show(mac)
    seen = [one["source"] for one in shown["time_line"] if one["source"]]
    address = source or (seen[0] if seen else "")
    if not address:
        raise OptionError(
            "The phone was never heard: say from which address it asks, by --from or, "
            "in the API, source."
        )
    try:
        source_key(address)
    except ValueError:
        raise OptionError(f"{address[:64]!r} is no address.") from None
    is_blocked = store.device_is_blocked(number)
    reader = Reader(options.store.database)
    try:
        # Of its own: what ends grants of workers ends nothing that is asked only once.
        looks = Looks(reader, RevocationPage(), instant)
        outlook = Outlook(
            looks,
            TokenGate(keyring),
            policy_of(options),
            trusts_factory=bool(options.https.factory_cas),
        )
        found = outlook.of(
            number,
            address,
            token=None,
            model=model or shown["model"],
            is_blocked=is_blocked,
            reach=store.reach,
        )
    finally:
        reader.close()
    has_credentials = shown["credentials"] is not None
    for way in found["ways"]:
        if way["by"] == "credentials" and not has_credentials:
            way["advice"] = _NO_CREDENTIALS
    return {"verdict": _verdict(found["ways"], has_credentials), **found}


def _verdict(ways: Sequence[Mapping[str, Any]], has_credentials: bool) -> str:
    shown = {"window", "wildcard", "certificate"}
    if has_credentials:
        shown.add("credentials")
    if any(way["by"] in shown for way in ways):
        return "served"
    is_unknown = all(way["reason"] == Reason.UNKNOWN_MAC.name for way in ways)
    return "unknown" if is_unknown else "refused"
