"""``bootwave rollout``: phones told stage by stage, and what becomes of it."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.firmware import Model, Version, for_scope
from bootwave.cli.following import named_action, print_rollout, stage_line
from bootwave.cli.output import (
    Json,
    moment,
    print_json,
    print_line,
    print_table,
)
from bootwave.cli.paces import at_a_pace
from bootwave.cli.resync import Detach, started
from bootwave.cli.scope import Scope

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
                named_action(one),
                one["selection"],
                one["state"],
                one["fates"]["back"],
                one["staged"],
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
    told = ", ".join(f"{many:,} {result}" for result, many in results.items() if many)
    print_line(f"NOTIFYs: {told or 'none yet'}.")
    print_rollout(shown)


def pause(number: Number, json: Json = False) -> None:
    """Tell no more phones for now."""
    _steered(number, "rollout.pause", "Paused", json=json)


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
    _steered(number, "rollout.resume", "Resumed", json=json, skip=skip)


def cancel(
    number: Number,
    withdraw: Annotated[
        bool,
        typer.Option(
            "--withdraw", help="Of firmware: from those that run it already, too."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """End one for good; what phones were told already stands.

    Phones that run the firmware it rolled out keep it, by a definition for each of
    them, unless --withdraw is given: then they go back to what is defined for them.
    """
    with place.session() as session:
        shown = session.call("rollout.cancel", rollout=number, withdraw=withdraw)
    if json:
        print_json(shown)
        return
    print_line(f"Cancelled roll-out {number}.")
    kept, withdrawn, version = shown["kept"], shown["withdrawn"], shown["version"]
    if kept == 1:
        print_line(
            f"1 phone runs {version} and keeps it: it is defined for that phone alone."
        )
    elif kept:
        print_line(
            f"{kept:,} phones run {version} and keep it: it is defined for each alone."
        )
    if withdrawn == 1:
        print_line(
            f"1 phone runs {version} and is told what else is defined for it when it "
            "next asks."
        )
    elif withdrawn:
        print_line(
            f"{withdrawn:,} phones run {version} and are told what else is defined for "
            "them when they next ask."
        )


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
            metavar="URL|IMAGE",
            help="Else the image uploaded for it.",
            show_default=False,
        ),
    ] = "",
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="Also restart phones that a proxy tells along with one of them.",
        ),
    ] = False,
    detach: Detach = False,
    json: Json = False,
) -> int:
    """Have phones of a model load a version in stages, then define it for all of them.

    A phone is told the version from its turn on, and is back when it runs it.  When the
    roll-out halts, those that do not run it yet are told nothing of it any more.
    """
    with place.session() as session:
        return started(
            session,
            "rollout.firmware",
            detach=detach,
            json=json,
            scope=scope.scope,
            target=scope.target,
            model=model,
            version=version,
            location=location,
            shared=shared,
            **pace,
        )


def _steered(number: int, op: str, done: str, *, json: bool, **more: Any) -> None:
    with place.session() as session:
        shown = session.call(op, rollout=number, **more)
    if json:
        print_json(shown)
    else:
        print_line(f"{done} roll-out {number}.")
