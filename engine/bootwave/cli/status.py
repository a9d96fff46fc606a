"""``bootwave status``."""

from typing import Any

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, moment, print_json, print_line, print_table
from bootwave.metrics import Counter


def status(
    json: Json = False,
    everything: bool = typer.Option(False, "--all", help="Counters at 0, too."),
) -> None:
    """Say whether the engine runs, what it listens on and what it counted.

    The exit status is 1 when it does not run.
    """
    client, socket = place.engine()
    if client is None:
        if json:
            print_json({"running": False})
        else:
            print_line(f"No engine listens on {socket}.")
        raise typer.Exit(1)
    try:
        found: dict[str, Any] = client.call("engine.status", {})
    finally:
        client.close()
    if json:
        print_json({"running": True, **found})
        return
    print_line("The engine is running.")
    counters = found.pop("counters", {})
    for name, value in found.items():
        _print_fact(name, value)
    helps = {counter.name.lower(): counter.help for counter in Counter}
    shown = [
        (value, helps.get(name, name))
        for name, value in counters.items()
        if value or everything
    ]
    if shown:
        print_line("")
        print_table(("count", "of"), shown, empty="")


def _print_fact(name: str, value: Any) -> None:
    """Print one member of the status: a value, a list of values, or of records."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        print_line("")
        print_table(list(value[0]), [list(row.values()) for row in value], empty="")
    elif isinstance(value, list):
        print_line(f"{name}: {', '.join(map(str, value)) or 'none'}")
    else:
        print_line(f"{name}: {moment(value) if name == 'started' else value}")
