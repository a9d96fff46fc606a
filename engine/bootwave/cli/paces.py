"""How fast and in which stages phones are told, as options of several commands."""

from typing import Annotated, Any

import typer

from bootwave.cli.joined import joined
from bootwave.cli.misuse import finite


def chosen_pace(
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", help="Phones told in a second; else 10."),
    ] = None,
    canary: Annotated[
        int | None,
        typer.Option(metavar="N", help="Phones told first; else 1 %, at most 10."),
    ] = None,
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="N,N%,...",
            help="How many were told when each stage ends; else 10%,50%.",
        ),
    ] = None,
    hours: Annotated[
        str, typer.Option(metavar="FROM-TO", help="Only then, as 22-06.")
    ] = "",
    wait: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="How long a phone may take to come back; else 10, or 30 for an image "
            "to load, and its boot delay.",
            callback=finite,
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            metavar="PERCENT",
            help="Of a stage, so many must come back; else 90.",
            callback=finite,
        ),
    ] = None,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="All, without canary and stages.")
    ] = False,
) -> dict[str, Any]:
    """Return the arguments of ``rollout.start`` that were given."""
    asked = {
        "rate": rate,
        "canary": canary,
        "stages": stages,
        "wait_minutes": wait,
        "share_percent": share,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return {**given, "hours": hours, "at_once": at_once}


at_a_pace = joined("pace", chosen_pace)
