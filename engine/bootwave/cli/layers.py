"""Which layer of settings or keys a command is about."""

from typing import Annotated, NamedTuple

import typer

from bootwave.cli.misuse import Misuse

Engine = Annotated[bool, typer.Option("--engine", help="All phones.")]
Model = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Phones of a model: snom370.")
]
Domain = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="Phones of a domain.")
]
Account = Annotated[
    str | None,
    typer.Option(metavar="ACCOUNT", help="Phones of an account: 401@pbx.example.com."),
]
Device = Annotated[str | None, typer.Option(metavar="MAC", help="One phone.")]


class Layer(NamedTuple):
    """A layer as operations name it; ``target`` is "" for the engine's."""

    scope: str
    target: str

    def __str__(self) -> str:
        """Return the layer as people read it."""
        return f"{self.scope} {self.target}" if self.target else "all phones"


def chosen_layer(
    engine: bool,
    model: str | None,
    domain: str | None,
    account: str | None,
    device: str | None,
) -> Layer:
    """Return the one layer that was named; raises Misuse unless it was one."""
    named = {"model": model, "domain": domain, "account": account, "device": device}
    layers = [Layer(scope, target) for scope, target in named.items() if target]
    if engine:
        layers.append(Layer("engine", ""))
    if len(layers) != 1:
        raise Misuse(
            "Say for whom with one of --engine, --model, --domain, --account and "
            "--device."
        )
    return layers[0]
