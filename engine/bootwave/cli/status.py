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
            print_line(f"No engine listens on {socket}: start it with bootwave serve.")
        raise typer.Exit(1)
    try:
        with place.waiting("Waiting for the engine"):
            found: dict[str, Any] = client.call("engine.status", {})
    finally:
        client.close()
    if json:
        print_json({"running": True, **found})
        return
    print_line("The engine is running.")
    counters = found.pop("counters", {})
    capacity = found.pop("capacity", None)
    for name, value in found.items():
        _print_fact(name, value)
    if capacity:
        print_line(f"capacity: {capacity_text(capacity)}")
    helps = {counter.name.lower(): counter.help for counter in Counter}
    shown = [
        (value, helps.get(name, name))
        for name, value in counters.items()
        if value or everything
    ]
    if shown:
        print_line("")
        print_table(("count", "of"), shown, empty="")


def capacity_text(found: dict[str, Any]) -> str:
    """Return what the server is taken to answer, and why."""
    told, measured = found["requests_per_second"], found["measured"]
    so_far = (
        f"{found['requests_measured']:,} requests of {found['cpu_milliseconds']} ms"
    )
    words = {
        "option": "waves.requests_per_second says so",
        "measured": f"measured: {measured or 0:,.0f}, over {so_far}",
        "usual": f"the usual one: of {found['requests_enough']:,} requests under load "
        f"{found['requests_measured']:,} were measured so far",
    }
    said = "not known yet" if told is None else f"{told:,.0f} requests a second"
    return f"{said} ({words[found['by']]})"


def _print_fact(name: str, value: Any) -> None:
    """Print one member of the status: a value, a list of values, or of records."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        print_line("")
        print_table(list(value[0]), [list(row.values()) for row in value], empty="")
    elif isinstance(value, list):
        print_line(f"{name}: {', '.join(map(str, value)) or 'none'}")
    else:
        print_line(f"{name}: {moment(value) if name == 'started' else value}")
