"""One phone's layers, in their order, into what its document says.

What differs from phone to phone is not said itself but by a slot, a place in the
phone's list of *values*: the refresh timer, and of a large fleet the hour in which
the phone polls; the URLs to come back to and to ask for
firmware at, where they are its own; the user name and password that it authenticates
with here, if it has some; for each binding in the order of identities its account's
fields and password, then the values and the labels and values of keys in the account's
layer; those of the device's layer; at last all that has variables in it.  ``merge``
numbers the slots, and ``values_for`` lists the values, in this order.  What else fills
a slot comes behind.

Layers that many phones share (a model's, a profile's) are said as they are.  Where any
layer holds a variable that is not the same for all phones of a plan, a slot stands
there, and a ``Filled`` says what fills it.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final, NamedTuple

from bootwave.directory.records import (
    EMPTY,
    Binding,
    Device,
    Domain,
    Layer,
    NamedLayer,
    Setting,
)
from bootwave.phone.models import model_data
from bootwave.settings import origins, variables
from bootwave.settings.catalogue import IDENTITIES, is_per_identity
from bootwave.settings.functionkeys import free_keys
from bootwave.settings.identities import (
    FIELDS,
    identity_lines,
    unused_lines,
    values_of,
)
from bootwave.settings.keyvalues import expanded
from bootwave.settings.layers import (
    Content,
    Line,
    Merged,
    Slot,
    bootstrap,
    key_of,
    locale,
)
from bootwave.settings.origins import BUILT_IN
from bootwave.settings.pacing import USUAL, Pace
from bootwave.settings.variables import MARK

# Between which times of the day it polls.
POLLING_FIELDS: Final = ("prov_polling_time", "prov_polling_time_rand_end")
# What a phone authenticates with as a client of HTTP.
CLIENT_FIELDS: Final = ("http_client_user", "http_client_pass")


class Filled(NamedTuple):
    """What fills the slot of a text with variables.

    ``place`` is that of the binding whose account they speak of, -1 for none.
    """

    text: str
    place: int
    is_key: bool


class Phone(NamedTuple):
    """What is told to one phone, but for the values; ``bindings`` in order of identity.

    ``layers`` are those of the engine, the model and the firmware, in that order.
    """

    device: Device
    domain: Domain
    bindings: Sequence[Binding]
    model: str
    layers: Sequence[NamedLayer]
    base_url: str
    with_passwords: bool
    own_server: bool
    has_credentials: bool
    own_firmware: bool = False
    dialect: str = "xml"
    pace: Pace = USUAL


def merge(phone: Phone, built_in: Layer, merged: Merged) -> tuple[Filled, ...]:
    """Say to *merged* what *phone* is told; return what fills the last of the slots.

    *built_in* is what the engine says by itself.  Raises ValueError for an identity
    that is out of range or given twice.
    """
    return _Merging(phone, merged).run(built_in)


def _large_fleet(pace: Pace, polling: Sequence[Slot]) -> list[Line]:
    """Return what keeps the phones of a large fleet apart."""
    return [
        Line("max_boot_delay", str(pace.boot_delay)),
        Line("prov_back_off_timer", pace.back_off),
        Line("prov_polling_mode", "random"),
        *(Line(*each) for each in zip(POLLING_FIELDS, polling, strict=True)),
    ]


def used_identities(bindings: Sequence[Binding]) -> list[int]:
    """Return the identities of *bindings*; raises ValueError for a wrong one."""
    used = [binding.identity for binding in bindings]
    if len(set(used)) < len(used) or not set(used) <= set(range(1, IDENTITIES + 1)):
        raise ValueError(f"identities are 1 to {IDENTITIES}, once each: {used}")
    return used


class _Merging:
    def __init__(self, phone: Phone, merged: Merged) -> None:
        self._phone = phone
        self._merged = merged
        self._numbers = count()
        self._filled: list[Filled] = []

    def run(self, built_in: Layer) -> tuple[Filled, ...]:
        phone, merged = self._phone, self._merged
        used = [binding.identity for binding in phone.bindings]
        # Slots first, in the order of values; who says what, and so wins, comes after.
        timer = self._slot()
        polling = [self._slot() for _ in POLLING_FIELDS] if phone.pace.is_large else []
        server = self._slot() if phone.own_server else None
        firmware = self._slot() if phone.own_firmware else None
        own = [self._slot() for _ in CLIENT_FIELDS] if phone.has_credentials else []
        accounts = [
            (
                [self._slot() for _ in FIELDS],
                self._slot() if phone.with_passwords else None,
                self._slots(binding.account.layer),
            )
            for binding in phone.bindings
        ]
        devices = self._slots(phone.device.layer)
        merged.origin = BUILT_IN
        merged.say(bootstrap(phone.base_url, phone.model, phone.dialect))
        merged.say([Line("settings_refresh_timer", timer), *unused_lines(used)])
        if phone.pace.is_large:
            merged.say(_large_fleet(phone.pace, polling))
        if server is not None:
            merged.say([Line("setting_server", server, permission="RW")])
        if firmware is not None:
            merged.say([Line("firmware_status", firmware)])
        self._free_keys(built_in)
        self._say(BUILT_IN, built_in)
        for named in phone.layers:
            self._say(named.origin, named.layer)
        domain = phone.domain
        merged.origin = origins.fields_of(origins.of_domain(domain.name))
        merged.say(locale(domain))
        self._say(origins.of_domain(domain.name), domain.layer)
        # The lowest identity is told last and so wins (layers).
        for place in reversed(range(len(accounts))):
            fields, password, slots = accounts[place]
            binding = phone.bindings[place]
            self._say_account(binding, place, fields, password, slots)
        device = phone.device
        self._say(origins.of_device(device.mac), device.layer, slots=devices)
        merged.origin = BUILT_IN
        for name, slot in zip(CLIENT_FIELDS, own, strict=False):
            merged.say_secret(name, None, slot)
        return tuple(self._filled)

    def _slot(self) -> Slot:
        return Slot(next(self._numbers))

    def _slots(self, layer: Layer) -> list[Slot]:
        """Number the values of *layer*: one per setting, label and value per key."""
        return [self._slot() for _ in plain_values(layer, "")]

    def _free_keys(self, built_in: Layer) -> None:
        """Say that every key of the model is free, which a layer may say otherwise.

        Told explicitly, or a key would survive that is said no longer.  Those of
        expansion modules only when some layer says one of them: they are many, and few
        phones have modules.
        """
        phone = self._phone
        layers = [built_in, *(named.layer for named in phone.layers)]
        layers += [phone.domain.layer, phone.device.layer]
        for binding in phone.bindings:
            account = binding.account
            layers += [
                account.layer,
                account.profile.layer if account.profile else EMPTY,
            ]
        said = max((key.index for layer in layers for key in layer.keys), default=-1)
        data = model_data(phone.model)
        free = data.keys if said < data.keys else data.most_keys
        for key in free_keys(free):
            self._merged.say_key(key.index, key_of(key, key.value, key.label))

    def _say_account(
        self,
        binding: Binding,
        place: int,
        fields: Sequence[Slot],
        password: Slot | None,
        slots: Sequence[Slot],
    ) -> None:
        merged, account = self._merged, binding.account
        identity = binding.identity
        domain = self._phone.domain.name
        origin = origins.of_account(account.number, domain)
        merged.origin = origins.fields_of(origin)
        merged.say(identity_lines(self._phone.domain, fields), (identity,))
        if password is not None:
            merged.say_secret("user_pass", identity, password)
        profile = account.profile
        if profile is not None:
            named = origins.of_profile(profile.name, domain)
            self._say(named, profile.layer, place)
        self._say(origin, account.layer, place, slots)

    def _say(
        self,
        origin: str,
        layer: Layer,
        place: int | None = None,
        slots: Sequence[Slot] | None = None,
    ) -> None:
        """Say *layer*, for the binding at *place* or for all of them.

        With *slots* these stand for its values, but for those with variables.
        """
        merged, bindings = self._merged, self._phone.bindings
        merged.origin = origin
        given = None if slots is None else iter(slots)
        places = range(len(bindings)) if place is None else (place,)
        plain: list[Line] = []
        everywhere: list[Line] = []
        indexed: list[Line] = []
        for setting in layer.settings:
            if MARK in setting.value:
                lines = self._lines(setting, places, place)
                (everywhere if setting.index is None else indexed).extend(lines)
            else:
                content = setting.value if given is None else next(given)
                line = Line(setting.name, content, setting.index, setting.permission)
                plain.append(line)
        # Those for each identity come first, so that one with an index beats them.
        merged.say(
            [*everywhere, *plain, *indexed], [bindings[at].identity for at in places]
        )
        domain = self._phone.domain.name
        for key in layer.keys:
            owner = self._place_of(key.context, place)
            label: Content = key.label
            if MARK in key.label:
                label = self._content(key.label, owner, is_key=False)
            elif given is not None:
                label = next(given)
            if MARK in key.value:
                content = self._content(key.value, owner, is_key=True)
            elif given is None:
                content = expanded(key.value, domain)
            else:
                content = next(given)
            merged.say_key(key.index, key_of(key, content, label))

    def _lines(
        self, setting: Setting, places: Sequence[int], place: int | None
    ) -> list[Line]:
        """Return the lines of a setting with variables, one per identity it is for."""
        bindings = self._phone.bindings
        name, index, permission = setting.name, setting.index, setting.permission
        if index is None and is_per_identity(name):
            return [
                Line(
                    name,
                    self._content(setting.value, at, is_key=False),
                    bindings[at].identity,
                    permission,
                )
                for at in places
            ]
        owner = self._place_of(str(index), place)
        content = self._content(setting.value, owner, is_key=False)
        return [Line(name, content, index, permission)]

    def _place_of(self, identity: str, place: int | None) -> int:
        """Return the place of the binding that variables speak of, -1 for none.

        In a layer that is said for one binding they speak of that; else of the one
        under *identity*, if there is one, or of the phone's owner.
        """
        if place is not None:
            return place
        bindings = self._phone.bindings
        for at, binding in enumerate(bindings):
            if identity == str(binding.identity):
                return at
        return 0 if bindings else -1

    def _content(self, text: str, place: int, *, is_key: bool) -> Content:
        filled = Filled(text, place, is_key)
        if variables.is_of_the_plan(text):
            phone = self._phone
            known = _known(place, phone.device, phone.domain, phone.bindings)
            return _text(filled, known, phone.domain)
        self._filled.append(filled)
        return self._slot()


def _known(
    place: int, device: Device, domain: Domain, bindings: Sequence[Binding]
) -> dict[str, str]:
    """Return the variables of the account at *place*, or of none."""
    if place < 0:
        return variables.values_of(device.mac, domain, 0, None)
    binding = bindings[place]
    return variables.values_of(device.mac, domain, binding.identity, binding.account)


def _text(filled: Filled, known: Mapping[str, str], domain: Domain) -> str:
    if filled.is_key:
        return variables.key_content(filled.text, known, domain.name)
    return variables.substituted(filled.text, known)


def plain_values(layer: Layer, domain: str) -> list[str]:
    """Return the values of *layer* without variables, as a phone of *domain* has them.

    One per setting, then label and value of each key.
    """
    values = [s.value for s in layer.settings if MARK not in s.value]
    for key in layer.keys:
        if MARK not in key.label:
            values.append(key.label)
        if MARK not in key.value:
            values.append(expanded(key.value, domain))
    return values


def values_for(
    device: Device,
    domain: Domain,
    bindings: Sequence[Binding],
    passwords: Mapping[int, str] | None,
    urls: Sequence[str | None],
    credentials: Sequence[str],
    filled: Sequence[Filled],
    pace: Pace = USUAL,
) -> list[str]:
    """Return what the slots numbered by ``merge`` stand for, in the same order.

    *urls* are where the phone alone finds its settings and asks for firmware, and
    *pace* is the phone's.
    """
    values = [str(pace.refresh(device.mac))]
    if pace.is_large:
        values += pace.polling(device.mac)
    values += [url for url in urls if url is not None]
    values += credentials
    for binding in bindings:
        account = binding.account
        values += values_of(account)
        if passwords is not None:
            values.append(passwords[account.id])
        if account.layer is not EMPTY:
            values += plain_values(account.layer, domain.name)
    if device.layer is not EMPTY:
        values += plain_values(device.layer, domain.name)
    known: dict[int, dict[str, str]] = {}
    for one in filled:
        place = one.place
        if place not in known:
            known[place] = _known(place, device, domain, bindings)
        values.append(_text(one, known[place], domain))
    return values
