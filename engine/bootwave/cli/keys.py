"""``bootwave keys``."""

import re
from typing import Annotated, Any

import typer

from bootwave.cli.layers import Layer, for_layer, print_change
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, print_json, print_table

_KEY = re.compile(r"[pP]([1-9][0-9]{0,2})", re.ASCII)

KeyName = Annotated[
    str,
    typer.Argument(
        metavar="KEY", help="As the phone names it: P1, P2, …", show_default=False
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
    layer: Layer,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What stands beside it.")
    ] = "",
    context: Annotated[
        str,
        typer.Option(metavar="active|1…12", help="The identity it belongs to."),
    ] = "active",
    permission: Annotated[
        str, typer.Option(metavar="R|RW|!", help="As for settings.")
    ] = "R",
    json: Json = False,
) -> None:
    """Tell phones what a function key does; the narrower layer wins."""
    done = layer.call(
        "keys.set",
        index=index_from_key(key),
        value=value,
        label=label,
        context=context,
        permission=permission,
    )
    print_change(
        done, f"Set P{done['index'] + 1} for {layer}: {done['value']}", json=json
    )


@for_layer
def clear(
    layer: Layer,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[KEY]", help="P1, P2, …; else all."),
    ] = None,
    json: Json = False,
) -> None:
    """Tell phones nothing any more about one function key, or about any."""
    done = layer.call("keys.clear", index=None if key is None else index_from_key(key))
    names = ", ".join(f"P{index + 1}" for index in done["cleared"])
    print_change(done, f"Cleared {names} for {layer}.", json=json)


@for_layer
def list_all(layer: Layer, json: Json = False) -> None:
    """List the function keys of one layer."""
    found = layer.call("keys.list")
    if json:
        print_json(found)
        return
    print_keys(found, empty=f"No key is set for {layer}.")


def print_keys(found: list[dict[str, Any]], *, empty: str) -> None:
    """Print the function keys of a layer as a table, or *empty* as a hint."""
    print_table(
        ("key", "context", "permission", "label", "value"),
        [
            (
                f"P{one['index'] + 1}",
                one["context"],
                one["permission"],
                one["label"],
                one["value"],
            )
            for one in found
        ],
        empty=empty,
    )


def index_from_key(key: str) -> int:
    """Return the index, from 0, of the key that ``P1`` or ``p1`` names.

    A number alone is refused: it could be either count.  Raises Misuse.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        raise Misuse(f"{key!r} is not a function key: write P1, P2 and so on.")
    return int(match[1]) - 1
