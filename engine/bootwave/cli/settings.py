"""``bootwave settings``."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.layers import for_layer, print_change
from bootwave.cli.output import Json, print_json, print_table
from bootwave.cli.revealing import Reveal
from bootwave.cli.scope import Scope

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Index = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="The identity it is for, 1 to 12, or what else it counts by.",
        min=0,
        max=999,
    ),
]
Permission = Annotated[
    str,
    typer.Option(
        metavar="R|RW|!",
        help="R: read only, RW: the user may change it, !: set unless changed.",
        autocompletion=one_of("R", "RW", "!"),
    ),
]


@for_layer
def set_value(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False)],
    layer: Scope,
    index: Index = None,
    permission: Permission = "R",
    json: Json = False,
) -> None:
    """Tell phones a setting; the narrower layer wins."""
    done = layer.call(
        "settings.set", name=name, value=value, index=index, permission=permission
    )
    setting = _spelled(done["name"], done["index"])
    print_change(done, f"Set {setting} for {layer}.", json=json)


@for_layer
def unset(name: Name, layer: Scope, index: Index = None, json: Json = False) -> None:
    """Tell phones a setting no longer."""
    done = layer.call("settings.unset", name=name, index=index)
    setting = _spelled(done["name"], done["index"])
    print_change(done, f"Unset {setting} for {layer}.", json=json)


@for_layer
def list_all(layer: Scope, reveal: Reveal = False, json: Json = False) -> None:
    """List the settings of one layer, secrets masked."""
    found = layer.call("settings.list", reveal=reveal)
    if json:
        print_json(found)
        return
    print_settings(found, empty=f"Nothing is set for {layer}.")


def print_settings(found: list[dict[str, Any]], *, empty: str) -> None:
    """Print the settings of a layer as a table, or *empty* as a hint."""
    print_table(
        ("setting", "index", "permission", "value"),
        [(one["name"], one["index"], one["permission"], one["value"]) for one in found],
        empty=empty,
    )


def ranges(json: Json = False) -> None:
    """List the firmware ranges that say something; of a model the last fit wins."""
    with place.session() as session:
        found = session.call("settings.ranges")
    if json:
        print_json(found)
        return
    print_table(
        ("model", "firmware", "settings", "keys"),
        [tuple(one.values()) for one in found],
        empty="Nothing is set for a firmware range of a model.",
    )


def _spelled(name: str, index: int | None) -> str:
    return name if index is None else f"{name} of identity {index}"
