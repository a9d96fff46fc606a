"""``bootwave device would-serve``."""

import textwrap
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, print_json, print_line
from bootwave.control.session import DirectSession, Session

# Two sentences for each way would make a table that no terminal shows.
_WIDTH = 76

# The status of a command that fails is 1, and 2 of one that was not called right.
_STATUS = {"served": 0, "refused": 3, "unknown": 4}
_VERDICTS = {
    "served": "it would be given its settings",
    "refused": "it would be refused",
    "unknown": "nobody knows it",
}


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
) -> int:
    """Say what a phone would be given if it asked now, in each way, and why.

    Nothing happens by it: no window is used up. The status is 0 when it would be given
    its settings, 3 when it would be refused, and 4 when nobody knows its MAC.
    """
    with place.session() as session:
        found = _outlook(session, {"mac": mac, "source": source, "model": model})
    if json:
        print_json(found)
    else:
        verdict = _VERDICTS[found["verdict"]]
        print_line(f"{found['mac']} from {found['source']}: {verdict}.")
        for way in found["ways"]:
            print_line(f"  {way['way']}: {'yes' if way['served'] else 'no'}")
            for sentence in filter(None, (way["sentence"], way["advice"])):
                for line in textwrap.wrap(sentence, _WIDTH):
                    print_line(f"    {line}")
    return _STATUS[found["verdict"]]


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
