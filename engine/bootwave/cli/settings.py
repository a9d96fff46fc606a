"""``bootwave settings``."""

from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.layers import Account, Device, Domain, Engine, Model, chosen_layer
from bootwave.cli.output import Json, hint, print_json, print_line, print_table

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Index = Annotated[
    int | None, typer.Option(help="The identity it is for, 1 to 12.", min=1, max=12)
]
Permission = Annotated[
    str,
    typer.Option(
        metavar="R|RW|!",
        help="R: read only, RW: the user may change it, !: set unless changed.",
    ),
]


def set_value(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", show_default=False)],
    engine: Engine = False,
    model: Model = None,
    domain: Domain = None,
    account: Account = None,
    device: Device = None,
    index: Index = None,
    permission: Permission = "R",
    json: Json = False,
) -> None:
    """Tell phones a setting; the narrower layer wins."""
    layer = chosen_layer(engine, model, domain, account, device)
    with place.session() as session:
        done = session.call(
            "settings.set",
            scope=layer.scope,
            target=layer.target,
            name=name,
            value=value,
            index=index,
            permission=permission,
        )
    if json:
        print_json(done)
        return
    print_line(f"Set {_spelled(done['name'], done['index'])} for {layer}.")
    if done["warning"]:
        hint(f"bootwave: {done['warning']}")


def unset(
    name: Name,
    engine: Engine = False,
    model: Model = None,
    domain: Domain = None,
    account: Account = None,
    device: Device = None,
    index: Index = None,
    json: Json = False,
) -> None:
    """Tell phones a setting no longer."""
    layer = chosen_layer(engine, model, domain, account, device)
    with place.session() as session:
        done = session.call(
            "settings.unset",
            scope=layer.scope,
            target=layer.target,
            name=name,
            index=index,
        )
    if json:
        print_json(done)
    else:
        print_line(f"Unset {_spelled(done['name'], done['index'])} for {layer}.")


def list_all(
    engine: Engine = False,
    model: Model = None,
    domain: Domain = None,
    account: Account = None,
    device: Device = None,
    json: Json = False,
) -> None:
    """List the settings of one layer."""
    layer = chosen_layer(engine, model, domain, account, device)
    with place.session() as session:
        found = session.call("settings.list", scope=layer.scope, target=layer.target)
    if json:
        print_json(found)
        return
    print_table(
        ("setting", "index", "permission", "value"),
        [(one["name"], one["index"], one["permission"], one["value"]) for one in found],
        empty=f"Nothing is set for {layer}.",
    )


def _spelled(name: str, index: int | None) -> str:
    return name if index is None else f"{name} of identity {index}"
