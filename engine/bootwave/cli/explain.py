"""``bootwave settings explain`` and ``diff``: why a phone is told what, and what if."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.document import default_url
from bootwave.cli.joined import joined
from bootwave.cli.layers import (
    Account,
    Device,
    Domain,
    Engine,
    Firmware,
    Model,
    Profile,
    chosen_layer,
)
from bootwave.cli.looking import Looked, looked_at
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json, print_line, print_table
from bootwave.cli.revealing import RevealByKeyFile
from bootwave.cli.scope import Scope
from bootwave.cli.settings import Index, Permission
from bootwave.errors import SettingError, StoreNotFound

if TYPE_CHECKING:
    from bootwave.directory.records import FunctionKey
    from bootwave.directory.records import Profile as ProfileRecord
    from bootwave.settings.explaining import Explanation, Place, Said
    from bootwave.settings.trial import Edit, Phone

Mac = Annotated[str, typer.Argument(metavar="MAC", show_default=False)]


def explain(
    mac: Mac,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A setting, or a key: P1, 'M1 P1'.", show_default=False
        ),
    ],
    index: Index = None,
    reveal: RevealByKeyFile = False,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="As the phone names itself: snom370.")
    ] = "",
    firmware: Annotated[
        str, typer.Option(metavar="VERSION", help="As it says; else what it said last.")
    ] = "",
    json: Json = False,
) -> None:
    """Say what a phone is told of a setting or key, and every layer that speaks of it.

    The winner stands first.
    """
    options = place.loaded().options
    with looked_at(
        mac, options, model=model, firmware=firmware, reveal=reveal
    ) as phone:
        found = _explained(phone, _phone(phone))
        wanted = _wanted(name, phone.model)
    told = {
        spot: said
        for spot, said in sorted(found.items(), key=lambda one: one[0].number or 0)
        if spot.name == wanted.name
        and (spot.number == wanted.number or (spot.name and wanted.number is None))
        and (index is None or spot.number == index)
    }
    if reveal:
        _note_revealed(mac)
    if json:
        print_json(
            [
                {
                    "name": _name(spot),
                    "index": spot.number if spot.name else None,
                    "layers": [
                        {"layer": one.origin, **_fields(spot, one, reveal)}
                        for one in said
                    ],
                }
                for spot, said in told.items()
            ]
        )
        return
    print_table(
        ("told", "index", "permission", "value", "said by"),
        [
            (
                number == 0,
                spot.number if spot.name else None,
                one.permission,
                _text(spot, one, reveal),
                one.origin,
            )
            for spot, said in told.items()
            for number, one in enumerate(said)
        ],
        empty=f"Nobody says {name} to {mac}, which keeps what it has.",
    )


def optional_layer(
    engine: Engine = False,
    model: Model = None,
    firmware: Firmware = None,
    domain: Domain = None,
    profile: Profile = None,
    account: Account = None,
    device: Device = None,
) -> Scope | None:
    """Return the layer that was named, None when none was; Misuse for two."""
    if not engine and not any((model, firmware, domain, profile, account, device)):
        return None
    return chosen_layer(engine, model, firmware, domain, profile, account, device)


@joined("layer", optional_layer)
def diff(
    mac: Mac,
    layer: Scope | None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="As settings set does."),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="NAME", help="As settings unset does."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY=VALUE", help="As keys set does."),
    ] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option("--clear", metavar="KEY", help="As keys clear does."),
    ] = None,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What stands beside the keys.")
    ] = "",
    assign: Annotated[
        str | None,
        typer.Option(
            metavar="PROFILE", help="As profile assign does; '' as unassign does."
        ),
    ] = None,
    index: Index = None,
    permission: Permission = "R",
    reveal: RevealByKeyFile = False,
    json: Json = False,
) -> None:
    """Say what a change would do to the document of a phone; nothing is stored.

    It is one of the layer named, else of the device.  With --assign its account, or
    that of --account, gets a button profile.
    """
    from bootwave.settings.explaining import differences
    from bootwave.settings.trial import with_edit, with_profile

    options = place.loaded().options
    chosen = layer or Scope("device", mac)
    with looked_at(mac, options, reveal=reveal) as looked:
        edit = _edit(looked, set_, unset, key, clear, label, index, permission)
        if not any(edit) and assign is None:
            raise Misuse("Say what is to change: --set, --unset, --key, --clear, …")
        before = _phone(looked)
        after: Phone | None = before
        if any(edit):
            after = with_edit(before, chosen.scope, chosen.target, edit)
        if after is not None and assign is not None:
            account = chosen.target if chosen.scope == "account" else ""
            after = with_profile(after, account, _profile(looked, assign))
        changes = (
            []
            if after is None
            else differences(_explained(looked, before), _explained(looked, after))
        )
    if reveal:
        _note_revealed(mac)
    if json:
        print_json(
            [
                {
                    "name": _name(spot),
                    "index": spot.number if spot.name else None,
                    "before": old and _fields(spot, old, reveal),
                    "after": new and _fields(spot, new, reveal),
                }
                for spot, old, new in changes
            ]
        )
        return
    for spot, old, new in changes:
        for sign, one in (("-", old), ("+", new)):
            if one is not None:
                name = _name(spot)
                if spot.name and spot.number is not None:
                    name += f" {spot.number}"
                print_line(
                    f"{sign} {name} ({one.permission}): {_text(spot, one, reveal)}"
                )
    if after is None:
        hint(f"That layer is none of this phone's: {chosen}.")
    elif not changes:
        hint("That changes nothing for this phone.")


def _phone(looked: Looked) -> "Phone":
    from bootwave.settings.trial import Phone

    device = looked.bound()
    layers = looked.maker.told(_key(looked), device)["layers"]
    return Phone(device, layers, looked.model, looked.firmware)


def _explained(looked: Looked, phone: "Phone") -> "Explanation":
    """Return what each layer says to *phone*, which is as it is stored or not."""
    from bootwave.settings.explaining import explained

    told = looked.maker.told(_key(looked), phone.device)
    told["layers"] = phone.layers
    return explained(*looked.compiler.remembered(phone.device, **told))


def _key(looked: Looked) -> Any:
    from bootwave.http.target import DocumentKind
    from bootwave.provision.cache import DocumentKey

    url = default_url(place.loaded().options)
    return DocumentKey(DocumentKind.SETTINGS, url, looked.model, looked.firmware)


def _edit(
    looked: Looked,
    set_: list[str] | None,
    unset: list[str] | None,
    key: list[str] | None,
    clear: list[str] | None,
    label: str,
    index: int | None,
    permission: str,
) -> "Edit":
    from bootwave.settings.catalogue import checked_name
    from bootwave.settings.trial import Edit
    from bootwave.settings.variables import checked_setting_with_variables

    settings = []
    for written in set_ or []:
        name, value = _parts(written, "--set NAME=VALUE")
        setting, warning = checked_setting_with_variables(
            name, value, index, permission
        )
        if warning:
            hint(f"bootwave: {warning}")
        settings.append(setting)
    return Edit(
        tuple(settings),
        tuple((checked_name(name), index) for name in unset or []),
        tuple(_key_of(looked, written, label, permission) for written in key or []),
        tuple(_key_index(name, looked.model) for name in clear or []),
    )


def _key_of(looked: Looked, written: str, label: str, permission: str) -> "FunctionKey":
    from bootwave.settings.variables import checked_key_with_variables

    name, value = _parts(written, "--key KEY=VALUE")
    key, warning = checked_key_with_variables(
        _key_index(name, looked.model), value, label, "active", permission
    )
    if warning:
        hint(f"bootwave: {warning}")
    return key


def _profile(looked: Looked, name: str) -> "ProfileRecord | None":
    """Return the profile *name* of the phone's domain as it is stored, None for ""."""
    if not name:
        return None
    domain = looked.bound().domain
    assert domain is not None  # for it is bound
    # Not as profile show tells it, which masks secrets.
    found = looked.reader.profile(domain.id, name.strip())
    if found is None:
        raise StoreNotFound(
            f"{domain.name} has no profile {name.strip()!r}: see bootwave profile list."
        )
    return found


def _parts(written: str, form: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not equals or not name.strip():
        raise Misuse(f"{written!r} is not written as {form}.")
    return name.strip(), value


def _wanted(name: str, model: str) -> "Place":
    """Return which key or, at any index, which setting is meant."""
    from bootwave.settings.explaining import Place

    try:
        return Place("", _key_index(name, model))
    except SettingError:
        return Place(name, None)


def _key_index(name: str, model: str) -> int:
    from bootwave.phone.models import model_data
    from bootwave.settings.keyplaces import KeyCounts, index_of, place_from_text

    spot = place_from_text(name)
    counts = KeyCounts.of(model_data(model)) if spot.module else None
    return index_of(spot, counts)


def _name(spot: "Place") -> str:
    return spot.name or f"P{(spot.number or 0) + 1}"


def _text(spot: "Place", said: "Said", reveal: bool) -> str:
    said = said if reveal else _masked(spot, said)
    if spot.name:
        return said.value
    label = f"{said.label!r} " if said.label else ""
    context = "" if said.context == "active" else f" of identity {said.context}"
    return f"{label}{said.value}{context}"


def _fields(spot: "Place", said: "Said", reveal: bool) -> dict[str, Any]:
    said = said if reveal else _masked(spot, said)
    if spot.name:
        return {"value": said.value, "permission": said.permission}
    return {
        "value": said.value,
        "permission": said.permission,
        "label": said.label,
        "context": said.context,
        "attributes": dict(said.attributes),
    }


def _masked(spot: "Place", said: "Said") -> "Said":
    """Return what is said, without what may be a secret in it."""
    from bootwave.settings.credentials import (
        key_without_credentials,
        setting_without_credentials,
    )

    if spot.name:
        setting = setting_without_credentials({"name": spot.name, "value": said.value})
        return said._replace(value=setting["value"])
    key = key_without_credentials(
        {
            "value": said.value,
            "label": said.label,
            "attributes": dict(said.attributes),
        }
    )
    return said._replace(
        value=key["value"],
        label=key["label"],
        attributes=tuple(key["attributes"].items()),
    )


def _note_revealed(mac: str) -> None:
    # What cannot be written down is not shown.
    with place.session() as session:
        session.call("document.revealed", mac=mac)
