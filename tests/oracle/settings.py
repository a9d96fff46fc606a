"""What a settings document says, merged the slow and obvious way, without plans."""

from collections.abc import Mapping
from xml.etree import ElementTree

from bootwave.directory.records import Device, Layer
from bootwave.settings.catalogue import is_per_identity
from bootwave.settings.functionkeys import expanded
from bootwave.settings.layers import ENGINE_LAYER, refresh_seconds

Settings = dict[tuple[str, int | None], tuple[str, str]]
Keys = dict[int, tuple[str, str, str, str]]


def told(
    device: Device,
    model: str,
    model_layer: Layer,
    passwords: Mapping[int, str],
    base_url: str,
) -> tuple[Settings, Keys]:
    """Return settings: value, permission; keys: context, label, permission, value."""
    domain = device.domain
    assert domain is not None
    used = {binding.identity: binding.account for binding in device.bindings}
    settings: Settings = {}
    keys: Keys = {}

    def apply(layer: Layer, identities: list[int]) -> None:
        for with_index in (False, True):
            for setting in layer.settings:
                if (setting.index is not None) != with_index:
                    continue
                places: list[int | None] = [setting.index]
                if setting.index is None and is_per_identity(setting.name):
                    places = list(identities)
                for place in places:
                    settings[setting.name, place] = (setting.value, setting.permission)
        for key in layer.keys:
            value = expanded(key.value, domain.name)
            keys[key.index] = (key.context, key.label, key.permission, value)

    def say(name: str, index: int | None, value: str, permission: str = "R") -> None:
        settings[name, index] = (value, permission)

    for identity in range(1, 13):
        if identity not in used:
            say("user_active", identity, "off", "RW")
    say("setting_server", None, base_url + "/{mac}.xml", "RW")
    if model:
        url = f"{base_url}/{model}/{model}-firmware.htm?mac={{mac}}"
        say("firmware_status", None, url)
    say("settings_refresh_timer", None, str(refresh_seconds(device.mac)))
    apply(ENGINE_LAYER, list(used))
    apply(model_layer, list(used))
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
        apply(account.layer, [identity])
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
