"""What a settings document says, merged the slow and obvious way, without plans."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote
from xml.etree import ElementTree

from bootwave.directory.records import Device, Layer, NamedLayer
from bootwave.settings.catalogue import is_per_identity
from bootwave.settings.keyvalues import expanded
from bootwave.settings.layers import ENGINE_LAYER
from bootwave.settings.pacing import USUAL

Settings = dict[tuple[str, int | None], tuple[str, str]]
Keys = dict[int, tuple[str, str, str, str]]
KEYS_OF = {"": 0, "snom370": 12, "snom320": 12}
IN_ADDRESSES = "-_.!~*'()&=+$,;?/"  # what RFC 3261 lets stand in a user part


def told(
    device: Device,
    model: str,
    layers: Sequence[NamedLayer],
    passwords: Mapping[int, str],
    base_url: str,
) -> tuple[Settings, Keys]:
    """Return settings: value, permission; keys: context, label, permission, value."""
    domain = device.domain
    assert domain is not None
    used = {binding.identity: binding.account for binding in device.bindings}
    settings: Settings = {}
    keys: Keys = {}

    def replaced(
        text: str, place: int | None, of: int | None, safe: str | None = None
    ) -> str:
        """Return *text* without variables, which speak of the identity *of*, if any."""
        if of is None and used:
            of = place if place in used else min(used)
        account = None if of is None else used[of]
        values = {
            "number": account.number if account else "",
            "display_name": account.display_name if account else "",
            "mailbox": account.mailbox if account else "",
            "identity": str(of) if account else "",
            "domain": domain.name,
            "mac": f"{device.mac:012X}",
        }
        if safe is not None:
            values = {name: quote(value, safe) for name, value in values.items()}
        parts = re.split(r"(\{\{[a-z_]+\}\})", text)
        return "".join(
            values.get(part[2:-2], part) if part[:2] == "{{" else part for part in parts
        )

    def apply(layer: Layer, identities: list[int], of: int | None = None) -> None:
        for with_index in (False, True):
            for setting in layer.settings:
                if (setting.index is not None) != with_index:
                    continue
                places: list[int | None] = [setting.index]
                if setting.index is None and is_per_identity(setting.name):
                    places = list(identities)
                for place in places:
                    value = replaced(setting.value, place, of)
                    settings[setting.name, place] = (value, setting.permission)
        for key in layer.keys:
            place = int(key.context) if key.context.isdecimal() else None
            kind = key.value.partition(" ")[0]
            safe = {"blf": IN_ADDRESSES, "url": ""}.get(kind)
            value = expanded(replaced(key.value, place, of, safe), domain.name)
            label = replaced(key.label, place, of)
            keys[key.index] = (key.context, label, key.permission, value)

    def say(name: str, index: int | None, value: str, permission: str = "R") -> None:
        settings[name, index] = (value, permission)

    for index in range(KEYS_OF[model]):
        keys[index] = ("active", "", "RW", "line")
    for identity in range(1, 13):
        if identity not in used:
            say("user_active", identity, "off", "RW")
    say("setting_server", None, base_url + "/{mac}.xml", "RW")
    if model:
        url = f"{base_url}/{model}/{model}-firmware.htm?mac={{mac}}"
        say("firmware_status", None, url)
    say("settings_refresh_timer", None, str(USUAL.refresh(device.mac)))
    apply(ENGINE_LAYER, list(used))
    for named in layers:
        apply(named.layer, list(used))
    for name in ("language", "timezone", "tone_scheme"):
        if getattr(domain, name):
            say(name, None, getattr(domain, name), "RW")
    apply(domain.layer, list(used))
    for identity, account in sorted(used.items(), reverse=True):
        say("user_active", identity, "on")
        say("user_realname", identity, account.display_name)
        say("user_name", identity, account.number)
        say("user_pname", identity, account.auth_user or account.number)
        say("user_pass", identity, passwords[account.id])
        say("user_host", identity, domain.registrar or domain.name)
        say("user_outbound", identity, domain.outbound_proxy)
        say("user_mailbox", identity, account.mailbox)
        if account.profile is not None:
            apply(account.profile.layer, [identity], identity)
        apply(account.layer, [identity], identity)
    apply(device.layer, list(used))
    return settings, keys


def read(document: bytes) -> tuple[Settings, Keys]:
    """Return what *document* says, by a parser that is not ours; each thing once."""
    settings: Settings = {}
    keys: Keys = {}
    root = ElementTree.fromstring(document)
    assert root.tag == "settings"
    for element in root.findall("phone-settings/*"):
        place = element.get("idx")
        name = (element.tag, None if place is None else int(place))
        assert name not in settings
        settings[name] = (element.text or "", element.attrib["perm"])
    for element in root.findall("functionKeys/fkey"):
        attributes = element.attrib
        index = int(attributes["idx"])
        assert index not in keys
        keys[index] = (
            attributes["context"],
            attributes["label"],
            attributes["perm"],
            element.text or "",
        )
    return settings, keys
