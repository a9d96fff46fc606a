"""``bootwave watch``: what phones and roll-outs do, as it happens."""

import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.following import named_action
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import hint, moment, print_line
from bootwave.control.session import Session
from bootwave.errors import StoreNotFound
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.sightings.tail import place_from_text

LOOK_SECONDS = 0.5


def watch(
    phones: Annotated[
        list[str] | None,
        typer.Argument(metavar="MAC", help="Only these phones.", show_default=False),
    ] = None,
    after: Annotated[
        str,
        typer.Option(
            metavar="PLACE",
            help="Begin behind it, where --json tells places.",
            show_default=False,
        ),
    ] = "",
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, a line for each event.")
    ] = False,
) -> None:
    """Follow what phones ask and get, and how far roll-outs are, until Ctrl-C.

    As the events of the API, without a token.
    """
    wanted = {text_from_mac(required_mac(text)) for text in phones or ()}
    if after and place_from_text(after) is None:
        raise Misuse(
            f"{after[:40]!r} is no place: write one that --json told, such as "
            "29a3b4-0-1504."
        )
    told: dict[int, dict[str, Any]] = {}
    with place.session() as session:
        if not session.live:
            hint("No engine runs here: nothing happens until bootwave serve runs.")
        try:
            while True:
                found = session.call("events.read", after=after)
                after = found["last"]
                if not wanted:
                    _tell_rollouts(session, found["rollouts"], told, json=json)
                _tell_sightings(found, wanted, json=json)
                sys.stdout.flush()
                if not found["behind"]:
                    time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            pass


def _tell_sightings(found: dict[str, Any], wanted: set[str], *, json: bool) -> None:
    if found["lost"]:
        hint(f"{found['lost']:,} sightings were overwritten before they could be read.")
    for seen in found["sightings"]:
        if wanted and seen["mac"] not in wanted:
            continue
        if json:
            _print_json_line({"event": "sighting", **seen})
            continue
        detail = f" ({seen['detail']})" if seen["detail"] else ""
        print_line(
            f"{moment(seen['at'])}  {seen['mac']}  {seen['source']}  "
            f"{seen['sentence']}{detail}"
        )


def _tell_rollouts(
    session: Session,
    going_on: list[dict[str, Any]],
    told: dict[int, dict[str, Any]],
    *,
    json: bool,
) -> None:
    """Tell roll-outs that went on since *told*, or ended, which keeps what is told."""
    now = {one["id"]: one for one in going_on}
    for number in told.keys() - now.keys():
        # Those of a domain go with it, and who watches goes on.
        with suppress(StoreNotFound):
            shown = session.call("rollout.show", rollout=number)
            now[number] = {name: shown[name] for name in told[number]}
    for number in sorted(now):
        before = told.get(number)
        if before is None or _news(now[number], json=json) != _news(before, json=json):
            _tell_rollout(now[number], json=json)
    told.clear()
    told.update({one["id"]: one for one in going_on})


def _news(one: dict[str, Any], *, json: bool) -> Any:
    """Return what is told of a roll-out, and told again when it is another."""
    return one if json else (one["state"], one["fates"])


def _tell_rollout(one: dict[str, Any], *, json: bool) -> None:
    if json:
        _print_json_line({"event": "rollout", **one})
        return
    fates = ", ".join(f"{many:,} {fate}" for fate, many in one["fates"].items() if many)
    print_line(
        f"{moment(time.time())}  roll-out {one['id']} ({named_action(one)}, "
        f"{one['selection']}) is {one['state']}: {fates}"
    )


def _print_json_line(value: dict[str, Any]) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value).decode() + "\n")
