"""What the engine itself tells phones, and how layers are merged.

Order: engine, model, firmware ranges, domain, button profile, account, device; by name
and index, the later one wins.  A setting that each identity has, told without an index,
is meant for every identity in use; in the layer of an account or its profile for the
account's own.  In one layer the setting with an index beats the one without.

Two accounts on one phone may disagree about a setting that the phone has only once.
Then the account with the lower identity wins, with its profile: the first is the
phone's owner, the others are lines that ring there too.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from bootwave.directory.records import Domain, FunctionKey, Layer, Permission, Setting
from bootwave.settings.catalogue import is_forbidden, is_general, is_per_identity

# Where phones listen for SIP unless waves.phone_port says otherwise.
SIP_PORT: Final = 5060

_SETTINGS: Final = (
    # Must be the first element of the document to work at all.
    Setting("auto_reboot_on_setting_change", "on"),
    Setting("update_policy", "auto_update"),
    # Once a phone knows its setting server, a foreign PBX on its LAN must not be
    # able to take it over; DHCP and the redirection service still can.
    Setting("pnp_config", "off"),
    Setting("provisioning_order", "dhcp:stop redirection:stop"),
    # RW, or administrators could not enter administrator mode at the phone.
    Setting("admin_mode", "off", permission="RW"),
    # The PBX's NOTIFY (check-sync) must be heard: neither challenged nor dropped
    # because it does not come from the registrar's own address.
    Setting("challenge_response", "off"),
    Setting("filter_registrar", "off"),
)


def engine_layer(phone_port: int = SIP_PORT) -> Layer:
    """Return what the engine tells all phones, which listen for SIP on *phone_port*.

    Phones that are told no port choose one by chance, and no check-sync NOTIFY reaches
    them on the LAN.  The usual port is told to phones that have none of their own: one
    that somebody set at a phone, because 5060 does not get through a VLAN or a router
    there, goes on working.  Another port was named by an administrator on purpose, and
    is told to all.
    """
    usual = phone_port == SIP_PORT
    port = Setting("network_id_port", str(phone_port), permission="!" if usual else "R")
    return Layer(settings=(*_SETTINGS, port))


ENGINE_LAYER: Final = engine_layer()

# Phones spell their type like this ("snom370", "snomD785"); anything else a peer may
# call itself does not become part of a URL.
_MODEL = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Slot(NamedTuple):
    """A value that differs from phone to phone: its place in the phone's values."""

    number: int


Content = str | Slot


class Told(NamedTuple):
    """A setting's value and permission in a merged document."""

    content: Content
    permission: Permission


class ToldKey(NamedTuple):
    """A function key's contents in a merged document."""

    content: Content
    label: Content
    context: str
    permission: Permission
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One setting of a layer whose value may be a slot."""

    name: str
    content: Content
    index: int | None = None
    permission: Permission = "R"


class Merged:
    """What all layers together say.

    ``settings`` by name and index and ``keys`` by index, in the order first told.
    ``origin`` is where what is said next was said, in words.
    """

    def __init__(self, identities: Sequence[int] = ()) -> None:
        """Start empty, for a phone with *identities* in use."""
        self.identities = identities
        self.origin = ""
        self.settings: dict[tuple[str, int | None], Told] = {}
        self.keys: dict[int, ToldKey] = {}

    def say(
        self, lines: Iterable[Line], identities: Sequence[int] | None = None
    ) -> None:
        """Put *lines* over what was said; *identities* are those they are meant for.

        Forbidden settings are left out: they cannot be stored, but what an older
        version let in must not reach a phone.
        """
        if identities is None:
            identities = self.identities
        indexed = []
        for line in lines:
            if is_forbidden(line.name):
                continue
            if line.index is not None or not is_per_identity(line.name):
                indexed.append(line)
                continue
            for identity in identities:
                self._put(line, identity)
        for line in indexed:
            self._put(line, line.index)

    def _put(self, line: Line, index: int | None) -> None:
        self.tell(line.name, index, Told(line.content, line.permission))

    def say_secret(self, name: str, identity: int | None, content: Content) -> None:
        """Tell an identity, or the phone, a secret that no layer may say."""
        self.tell(name, identity, Told(content, "R"))

    def tell(self, name: str, index: int | None, told: Told) -> None:
        """Put *told* over what was said of the setting *name* with *index*."""
        self.settings[name, index] = told

    def say_key(self, index: int, key: ToldKey) -> None:
        """Put *key* over what was said of the key *index*."""
        self.keys[index] = key


class Remembering(Merged):
    """What all layers together say, and what each of them said.

    ``said`` and ``said_keys`` hold, for each place, the origins with what they said,
    the winner last.
    """

    def __init__(self, identities: Sequence[int] = ()) -> None:
        """Start empty, for a phone with *identities* in use."""
        super().__init__(identities)
        self.said: dict[tuple[str, int | None], list[tuple[str, Told]]] = {}
        self.said_keys: dict[int, list[tuple[str, ToldKey]]] = {}

    def tell(self, name: str, index: int | None, told: Told) -> None:
        """Put *told* over what was said of the setting *name* with *index*."""
        super().tell(name, index, told)
        self.said.setdefault((name, index), []).append((self.origin, told))

    def say_key(self, index: int, key: ToldKey) -> None:
        """Put *key* over what was said of the key *index*."""
        super().say_key(index, key)
        self.said_keys.setdefault(index, []).append((self.origin, key))


def lines_of(settings: Iterable[Setting]) -> list[Line]:
    """Return stored *settings* as lines."""
    return [Line(s.name, s.value, s.index, s.permission) for s in settings]


def key_of(key: FunctionKey, content: Content, label: Content) -> ToldKey:
    """Return *key* as told, with its expanded *content* and its *label*."""
    return ToldKey(content, label, key.context, key.permission, key.attributes)


@lru_cache(256)  # peers name models
def known_model(model: str) -> str:
    """Return *model*, or "" when it is not spelled as phones spell their type."""
    return model if _MODEL.fullmatch(model) else ""


def setting_server(base_url: str, dialect: str, model: str) -> str:
    """Return the URL that phones reading *dialect* come back to, with ``{mac}`` in it.

    DECT bases begin with the list of their files: settings, firmware and, of an m9, the
    phone book.  They know no firmware_status.
    """
    name = "{mac}.xml"
    if dialect == "m9":
        name = "snomm9-{mac}.htm"
    elif dialect == "dect" and model:
        name = f"{model}-{{mac}}.htm"
    return f"{base_url.rstrip('/')}/{name}"


def bootstrap(base_url: str, model: str, dialect: str = "xml") -> list[Line]:
    """Return what brings a phone back to this server, the same for all of a *model*.

    ``{mac}`` stands as it is: the phone puts its own there, and an escaped brace would
    not be replaced.  Without a known model the phone asks for the firmware of its type
    under the path it has from the factory, which is served as well.
    """
    server = setting_server(base_url, dialect, model)
    lines = [Line("setting_server", server, permission="RW")]
    if model:
        base_url = base_url.rstrip("/")
        url = f"{base_url}/{model}/{model}-firmware.htm?mac={{mac}}"
        lines.append(Line("firmware_status", url))
    return lines


def locale(domain: Domain) -> list[Line]:
    """Return the settings that a domain's own fields stand for."""
    values = (
        ("language", domain.language),
        ("timezone", domain.timezone),
        ("tone_scheme", domain.tone_scheme),
    )
    return [Line(name, value, permission="RW") for name, value in values if value]


def general(lines: Iterable[Line]) -> list[Line]:
    """Return those of *lines* that the document for anybody may hold.

    It holds no secret, because anybody may read it, and no identity: a phone that is
    refused its own document has still loaded this one, and must go on working with the
    identities it has.  It does not turn PnP off either, which would cut the way back
    of a phone that is not provisioned yet, nor does it reboot phones: where general
    and specific document disagree, a phone that reboots for every change never stops.
    """
    return [line for line in lines if line.index is None and is_general(line.name)]
