"""A change of one layer as if it were made, in the records of one phone.

Nothing here is stored: a phone's records come in, and come out with the change in them,
so that what it would be told can be compared with what it is told.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from bootwave.directory.records import (
    EMPTY,
    Binding,
    Device,
    FunctionKey,
    Layer,
    NamedLayer,
    Profile,
    Setting,
)
from bootwave.errors import SettingError
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.phone.mac import required_mac
from bootwave.phone.model import required_model
from bootwave.settings import origins

Layers = tuple[NamedLayer, ...]


class Edit(NamedTuple):
    """What is to be said, and what no longer, in one layer."""

    settings: tuple[Setting, ...] = ()
    unset: tuple[tuple[str, int | None], ...] = ()
    keys: tuple[FunctionKey, ...] = ()
    cleared: tuple[int, ...] = ()


class Phone(NamedTuple):
    """One phone's records; ``layers`` are those of all phones and of its model."""

    device: Device
    layers: Layers
    model: str
    firmware: str


def edited(layer: Layer, edit: Edit) -> Layer:
    """Return *layer* with *edit* made, in the order in which the store has it.

    Raises SettingError for what is to be taken back and was not said.
    """
    settings = {(row.name, row.index): row for row in layer.settings}
    for name, index in edit.unset:
        if settings.pop((name, index), None) is None:
            raise SettingError(f"{name} is not set there: see bootwave settings list.")
    settings |= {(row.name, row.index): row for row in edit.settings}
    keys = {row.index: row for row in layer.keys}
    for number in edit.cleared:
        if keys.pop(number, None) is None:
            raise SettingError("No such key is set there: see bootwave keys list.")
    keys |= {row.index: row for row in edit.keys}
    return Layer(
        tuple(
            sorted(
                settings.values(),
                key=lambda row: (row.name, -1 if row.index is None else row.index),
            )
        ),
        tuple(sorted(keys.values(), key=lambda row: row.index)),
    )


def with_edit(phone: Phone, scope: str, target: str, edit: Edit) -> Phone | None:
    """Return *phone* with *edit* made in a layer, None when the layer is not its own.

    *scope* and *target* name the layer as operations do.  Raises SettingError for what
    names none, and as ``edited`` does.
    """
    device = phone.device
    match scope:
        case "engine":
            return _with_shared(phone, origins.ENGINE, edit)
        case "model":
            if required_model(target) != phone.model:
                return None
            return _with_shared(phone, origins.of_model(phone.model), edit)
        case "firmware":
            model, _blank, written = target.strip().rpartition(" ")
            range_ = FirmwareRange.required(written)
            version = FirmwareVersion.from_text(phone.firmware)
            if (
                required_model(model) != phone.model
                or version is None
                or not range_.covers(version)
            ):
                return None
            return _with_shared(phone, origins.of_firmware(range_, phone.model), edit)
        case "domain":
            domain = device.domain
            if domain is None or target.strip().lower() != domain.name:
                return None
            domain = replace(domain, layer=edited(domain.layer, edit))
            return phone._replace(device=replace(device, domain=domain))
        case "profile":
            return _with_bindings(phone, target, _profile_name, _edit_profile(edit))
        case "account":
            return _with_bindings(phone, target, _account_name, _edit_account(edit))
        case "device":
            if required_mac(target) != device.mac:
                return None
            layer = edited(device.layer, edit)
            return phone._replace(device=replace(device, layer=layer))
    raise SettingError(f"There is no layer {scope!r}.")


def with_profile(phone: Phone, account: str, profile: Profile | None) -> Phone | None:
    """Return *phone* with the account ``number@domain`` given *profile*, or none.

    With "" it is the phone's owner.  None when the account is not on the phone.
    """
    if not account:
        bindings = sorted(phone.device.bindings, key=lambda one: one.identity)
        if not bindings or phone.device.domain is None:
            return None
        account = f"{bindings[0].account.number}@{phone.device.domain.name}"

    def assign(binding: Binding) -> Binding:
        return replace(binding, account=replace(binding.account, profile=profile))

    return _with_bindings(phone, account, _account_name, assign)


def _with_shared(phone: Phone, origin: str, edit: Edit) -> Phone:
    layers = {named.origin: named.layer for named in phone.layers}
    layers[origin] = edited(layers.get(origin, EMPTY), edit)
    named = [NamedLayer(*one) for one in layers.items() if one[1] != EMPTY]
    return phone._replace(layers=tuple(sorted(named, key=_rank)))


def _rank(named: NamedLayer) -> tuple[int, object]:
    """Return what the layers of one phone are sorted by, the winner last."""
    kind, _blank, name = named.origin.partition(" ")
    if kind == "firmware":
        return 2, FirmwareRange.required(name.partition(" ")[0]).precedence()
    return int(kind == "model"), ()


def _with_bindings(
    phone: Phone,
    target: str,
    name_of: Callable[[Binding], str],
    change: Callable[[Binding], Binding],
) -> Phone | None:
    """Return *phone* with those bindings changed that *target* names, None for none."""
    device = phone.device
    name, _at, domain = target.strip().rpartition("@")
    if device.domain is None or domain.lower() != device.domain.name:
        return None
    if not any(name_of(binding) == name.strip() for binding in device.bindings):
        return None
    bindings = tuple(
        change(binding) if name_of(binding) == name.strip() else binding
        for binding in device.bindings
    )
    return phone._replace(device=replace(device, bindings=bindings))


def _account_name(binding: Binding) -> str:
    return binding.account.number


def _profile_name(binding: Binding) -> str:
    profile = binding.account.profile
    return "" if profile is None else profile.name


def _edit_account(edit: Edit) -> Callable[[Binding], Binding]:
    def change(binding: Binding) -> Binding:
        account = binding.account
        account = replace(account, layer=edited(account.layer, edit))
        return replace(binding, account=account)

    return change


def _edit_profile(edit: Edit) -> Callable[[Binding], Binding]:
    def change(binding: Binding) -> Binding:
        profile = binding.account.profile
        assert profile is not None  # or it had not that name
        profile = replace(profile, layer=edited(profile.layer, edit))
        return replace(binding, account=replace(binding.account, profile=profile))

    return change
