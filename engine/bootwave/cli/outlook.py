"""``bootwave device would-serve``."""

import textwrap
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, print_json, print_line
from bootwave.control.session import DirectSession, Session

# Two sentences for each way would make a table that no terminal shows.
_WIDTH = 76


def would_serve(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="ADDRESS",
            help="From which address it asks; else the last it was heard from.",
            show_default=False,
        ),
    ] = "",
    model: Annotated[
        str,
        typer.Option(metavar="MODEL", help="What it calls itself.", show_default=False),
    ] = "",
    json: Json = False,
) -> None:
    """Say what a phone would be given if it asked now, in each way, and why.

    Nothing happens by it: no window is used up. The status is 1 when it would be given
    no settings of its own in any way.
    """
    with place.session() as session:
        found = _outlook(session, {"mac": mac, "source": source, "model": model})
    if json:
        print_json(found)
    else:
        print_line(f"{found['mac']} from {found['source']}:")
        for way in found["ways"]:
            print_line(f"  {way['way']}: {'yes' if way['served'] else 'no'}")
            for sentence in filter(None, (way["sentence"], way["advice"])):
                for line in textwrap.wrap(sentence, _WIDTH):
                    print_line(f"    {line}")
    if not found["served"]:
        raise typer.Exit(1)


def _outlook(session: Session, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    if session.live:
        found = session.call("device.outlook", **asked)
        return found
    from bootwave.control.outlooks import outlook_for
    from bootwave.store.secrets import KeyRing

    assert isinstance(session, DirectSession)
    options = place.loaded().options
    keyring = KeyRing.load(options.store.key)
    return outlook_for(session.administration, options, keyring, **asked)
