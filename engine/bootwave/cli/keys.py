"""``bootwave keys``."""

from typing import Annotated, Any

import typer

from bootwave.cli.completion import one_of
from bootwave.cli.layers import for_layer, print_change
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, print_json, print_table
from bootwave.cli.revealing import Reveal
from bootwave.cli.scope import Scope
from bootwave.errors import SettingError

KeyName = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="As the phone names it: P1, P2, …, or 'M1 P1' on an expansion module.",
        show_default=False,
    ),
]
On = Annotated[
    str,
    typer.Option(
        "--on", metavar="MODEL", help="The model whose modules M1, M2, … are meant."
    ),
]


@for_layer
def set_key(
    key: KeyName,
    value: Annotated[
        str,
        typer.Argument(
            metavar="VALUE",
            help="What it does, such as 'blf 402' or 'speed 0123'.",
            show_default=False,
        ),
    ],
    layer: Scope,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What stands beside it.")
    ] = "",
    context: Annotated[
        str,
        typer.Option(
            metavar="active|1…12",
            help="The identity it belongs to.",
            autocompletion=one_of("active", *map(str, range(1, 13))),
        ),
    ] = "active",
    permission: Annotated[
        str,
        typer.Option(
            metavar="R|RW|!",
            help="As for settings.",
            autocompletion=one_of("R", "RW", "!"),
        ),
    ] = "R",
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="What newer firmware shows, such as icon_type."
        ),
    ] = None,
    on: On = "",
    json: Json = False,
) -> None:
    """Tell phones what a function key does; the narrower layer wins."""
    done = layer.call(
        "keys.set",
        index=index_from_key(key, _model(layer, on)),
        value=value,
        label=label,
        context=context,
        permission=permission,
        attributes=_named(attribute or []),
    )
    print_change(
        done, f"Set P{done['index'] + 1} for {layer}: {done['value']}", json=json
    )


@for_layer
def clear(
    layer: Scope,
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", help="P1, P2, …; else all."),
    ] = None,
    on: On = "",
    json: Json = False,
) -> None:
    """Tell phones nothing any more about one function key, or about any."""
    index = None if key is None else index_from_key(key, _model(layer, on))
    done = layer.call("keys.clear", index=index)
    names = ", ".join(f"P{index + 1}" for index in done["cleared"])
    print_change(done, f"Cleared {names} for {layer}.", json=json)


@for_layer
def list_all(layer: Scope, reveal: Reveal = False, json: Json = False) -> None:
    """List the function keys of one layer, secrets masked."""
    found = layer.call("keys.list", reveal=reveal)
    if json:
        print_json(found)
        return
    print_keys(found, empty=f"No key is set for {layer}.")


def print_keys(found: list[dict[str, Any]], *, empty: str) -> None:
    """Print the function keys of a layer as a table, or *empty* as a hint."""
    headers = ["key", "context", "permission", "label", "value"]
    if any(one["attributes"] for one in found):
        headers.append("attributes")
    print_table(
        headers,
        [
            (
                f"P{one['index'] + 1}",
                one["context"],
                one["permission"],
                one["label"],
                one["value"],
                " ".join(f"{k}={v}" for k, v in one["attributes"].items()),
            )[: len(headers)]
            for one in found
        ],
        empty=empty,
    )


def index_from_key(key: str, model: str = "") -> int:
    """Return the index, from 0, of the key that ``P1`` or ``M1 P1`` names.

    Modules are those of *model*.  A number alone is refused: it could be either count.
    Raises Misuse.
    """
    from bootwave.phone.models import model_data
    from bootwave.settings.keyplaces import KeyCounts, index_of, place_from_text

    try:
        place = place_from_text(key)
        counts = KeyCounts.of(model_data(model)) if model and place.module else None
        return index_of(place, counts)
    except SettingError as error:
        raise Misuse(str(error)) from None


def _model(layer: Scope, on: str) -> str:
    """Return whose modules are meant: the model named, or the one the layer is for."""
    of_model = layer.scope in ("model", "firmware")
    return on or (layer.target.partition(" ")[0] if of_model else "")


def _named(attributes: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for attribute in attributes:
        name, equals, value = attribute.partition("=")
        if not equals:
            raise Misuse(f"{attribute!r} is not an attribute: write NAME=VALUE.")
        named[name] = value
    return named
