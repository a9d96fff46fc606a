"""``bootwave rollout``: phones told stage by stage, and what becomes of it."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.firmware import Model, Scope, Version, for_scope, warn_of_older
from bootwave.cli.following import print_rollout, stage_line
from bootwave.cli.output import (
    Json,
    hint,
    moment,
    print_json,
    print_line,
    print_table,
)
from bootwave.cli.paces import at_a_pace
from bootwave.cli.resync import Detach, started
from bootwave.errors import OperatorError

Number = Annotated[int, typer.Argument(metavar="N", show_default=False)]


def list_all(json: Json = False) -> None:
    """List the roll-outs, newest first."""
    with place.session() as session:
        found = session.call("rollout.list")
    if json:
        print_json(found)
        return
    print_table(
        ("N", "what", "whom", "state", "back", "of", "missing", "started", "by"),
        [
            (
                one["id"],
                one["action"],
                one["selection"],
                one["state"],
                one["fates"]["back"],
                one["total"],
                one["fates"]["missing"],
                moment(one["started_at"]),
                one["started_by"],
            )
            for one in found
        ],
        empty="There was none yet: bootwave resync starts one.",
    )


def show(number: Number, json: Json = False) -> None:
    """Show a roll-out: its stages, and the phones that are in trouble."""
    with place.session() as session:
        shown = session.call("rollout.show", rollout=number)
    if json:
        print_json(shown)
        return
    for stage in range(len(shown["stages"])):
        print_line(stage_line(shown, stage))
    results = shown["results"]
    told = ", ".join(f"{many} {result}" for result, many in results.items() if many)
    print_line(f"NOTIFYs: {told or 'none yet'}.")
    print_rollout(shown)


def pause(number: Number, json: Json = False) -> None:
    """Tell no more phones for now."""
    _steered(number, "pause", "Paused", json=json)


def resume(
    number: Number,
    skip: Annotated[
        bool, typer.Option("--skip", help="Go on without those that are missing.")
    ] = False,
    json: Json = False,
) -> None:
    """Go on with one that is paused or halted.

    After a halt the phones that are missing are told again, unless --skip is given.
    """
    _steered(number, "resume", "Resumed", json=json, skip=skip)


def cancel(number: Number, json: Json = False) -> None:
    """End one for good; what phones were told already stands."""
    _steered(number, "cancel", "Cancelled", json=json)


@for_scope
@at_a_pace
def firmware(
    model: Model,
    version: Version,
    scope: Scope,
    pace: dict[str, Any],
    location: Annotated[
        str,
        typer.Argument(
            metavar="[URL|IMAGE]",
            help="Else the image uploaded for it.",
            show_default=False,
        ),
    ] = "",
    detach: Detach = False,
    json: Json = False,
) -> int:
    """Define the version that phones of a model shall run, and reboot them in stages.

    The definition holds at once: a phone that restarts by itself loads it earlier.
    """
    with place.session() as session:
        done = session.call(
            "firmware.set",
            scope=scope.scope,
            target=scope.target,
            model=model,
            version=version,
            location=location,
        )
        if not json:
            print_line(f"Defined {model} {version} for {scope}.")
        warn_of_older(done)
        try:
            return started(
                session,
                detach=detach,
                json=json,
                scope=scope.scope,
                target=scope.target,
                action="reboot",
                model=model,
                **pace,
            )
        except OperatorError:
            hint("The version stays defined: phones load it when they next restart.")
            raise


def _steered(number: int, verb: str, done: str, *, json: bool, **more: Any) -> None:
    with place.session() as session:
        shown = session.call(f"rollout.{verb}", rollout=number, **more)
    if json:
        print_json(shown)
    else:
        print_line(f"{done} roll-out {number}.")
