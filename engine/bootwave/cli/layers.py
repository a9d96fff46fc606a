"""Which layer of settings or keys a command is about, and what it does there."""

from typing import Annotated, Any

import typer

from bootwave.cli.joined import joined
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import hint, print_json, print_line
from bootwave.cli.scope import Scope

Engine = Annotated[bool, typer.Option("--engine", help="All phones.")]
Model = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Phones of a model: snom370.")
]
Firmware = Annotated[
    str | None,
    typer.Option(
        metavar="RANGE", help="With --model, those of a firmware: 8.4-8.7, 8.7 or 8.7-."
    ),
]
Domain = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="Phones of a domain.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="PROFILE", help="Phones with a button profile: sales@pbx.example.com."
    ),
]
Account = Annotated[
    str | None,
    typer.Option(metavar="ACCOUNT", help="Phones of an account: 401@pbx.example.com."),
]
Device = Annotated[str | None, typer.Option(metavar="MAC", help="One phone.")]


def chosen_layer(
    engine: Engine = False,
    model: Model = None,
    firmware: Firmware = None,
    domain: Domain = None,
    profile: Profile = None,
    account: Account = None,
    device: Device = None,
) -> Scope:
    """Return the one layer that was named; raises Misuse unless it was one."""
    named = {
        "model": model,
        "domain": domain,
        "profile": profile,
        "account": account,
        "device": device,
    }
    if firmware is not None:
        if not model:
            raise Misuse("A firmware is one of a model: name it, too, with --model.")
        range_ = firmware.replace(" ", "")
        named = {"firmware": f"{model} {range_}", **named, "model": None}
    layers = [Scope(scope, target) for scope, target in named.items() if target]
    if engine:
        layers.append(Scope("engine", ""))
    if len(layers) != 1:
        raise Misuse(
            "Say for whom with one of --engine, --model (perhaps with --firmware), "
            "--domain, --profile, --account and --device."
        )
    return layers[0]


for_layer = joined("layer", chosen_layer)
"""A command on one layer takes it as ``layer``."""


def print_change(done: dict[str, Any], sentence: str, *, json: bool) -> None:
    """Print what was *done*: as JSON, or the *sentence* and a warning beside it."""
    if json:
        print_json(done)
        return
    print_line(sentence)
    if done.get("warning"):
        hint(f"bootwave: {done['warning']}")
