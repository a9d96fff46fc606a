"""``bootwave resync``: have live phones fetch their settings again."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.following import follow, print_rollout
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json
from bootwave.cli.paces import at_a_pace
from bootwave.control.session import Session
from bootwave.phone.mac import mac_from_text

Detach = Annotated[
    bool, typer.Option("--detach", help="Do not wait for phones to come back.")
]


@at_a_pace
def resync(
    pace: dict[str, Any],
    target: Annotated[
        str,
        typer.Argument(
            metavar="MAC|ACCOUNT|DOMAIN",
            help="Whose phones: 0004132E08B4, 401@pbx.example.com, pbx.example.com.",
            show_default=False,
        ),
    ] = "",
    group: Annotated[
        str, typer.Option(metavar="NAME@DOMAIN", help="Phones of a group.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All phones.")] = False,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Only phones of this model.")
    ] = "",
    shared: Annotated[
        bool,
        typer.Option(
            "--shared",
            help="Also phones that share an extension behind a proxy with one of them.",
        ),
    ] = False,
    reboot: Annotated[
        bool, typer.Option("--reboot", help="Reboot them, settings changed or not.")
    ] = False,
    detach: Detach = False,
    json: Json = False,
) -> int:
    """Have phones fetch their settings now: a few first, then stage by stage.

    When too few of a stage come back it halts, and the others are told nothing.  A
    proxy tells all phones of an extension: one whose others were not chosen is left out
    unless --shared is given.
    """
    scope, name = _chosen(target, group, everything=everything)
    with place.session() as session:
        return started(
            session,
            "rollout.start",
            detach=detach,
            json=json,
            scope=scope,
            target=name,
            action="reboot" if reboot else "resync",
            model=model,
            shared=shared,
            **pace,
        )


def started(
    session: Session, op: str, *, detach: bool, json: bool, **arguments: Any
) -> int:
    """Start a roll-out by the operation *op*, follow it; return the exit status."""
    shown = session.call(op, **arguments)
    for sentence in shown.get("warnings", ()):
        hint(f"bootwave: {sentence}")
    if not session.live:
        hint("No engine runs here: the phones are told when bootwave serve is started.")
    elif not detach:
        shown = follow(session, shown, quiet=json)
    if json:
        print_json(shown)
        return int(shown["state"] not in ("done", "running"))
    return print_rollout(shown)


def _chosen(target: str, group: str, *, everything: bool) -> tuple[str, str]:
    if bool(target) + bool(group) + everything != 1:
        raise Misuse(
            "Say whose phones: a MAC, 401@pbx.example.com, a domain, --group or --all."
        )
    if everything:
        return "engine", ""
    if group:
        return "group", group
    if "@" in target:
        return "account", target
    return ("domain" if mac_from_text(target) is None else "device"), target
