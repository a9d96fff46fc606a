"""``bootwave pnp probe``: who answers phones that ask by multicast."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse, finite
from bootwave.cli.output import Json, print_json, print_table
from bootwave.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bootwave.options import PnpOptions
    from bootwave.server.interfaces import Interface
    from bootwave.server.probe import Answer

_MAX_SECONDS = 60.0
_USUAL_PORT = 5060  # where the kernel chooses the server's, phones do not ask there
# Workers write what they saw every 0.2 s.
_LOOKS = 20
_LOOK_SECONDS = 0.1


def probe(
    mac: Annotated[
        str,
        typer.Option(
            metavar="MAC",
            help="Ask as this phone; else as one that nobody has, which this engine "
            "hears and leaves alone.",
            show_default=False,
        ),
    ] = "",
    interface: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Ask on it alone (again for more); else as pnp.interfaces says.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            metavar="N", help="How long to wait for answers.", callback=finite
        ),
    ] = 5.0,
    json: Json = False,
) -> int:
    """Ask on each interface as a booting phone, and say who answers with what.

    The exit status is 1 when another server answers: then nobody knows whose answer a
    phone takes.
    """
    import asyncio

    from bootwave.phone.mac import PROBE_MAC, required_mac
    from bootwave.server.probe import Probe

    if not 0 < seconds <= _MAX_SECONDS:
        raise Misuse(f"--seconds must be above 0, at most {_MAX_SECONDS:g}.")
    asked_as = required_mac(mac) if mac else PROBE_MAC
    options = place.loaded().options.pnp
    interfaces = _interfaces(options, interface or [])
    port = int(options.listen.rpartition(":")[2]) or _USUAL_PORT
    before = time.time()
    with Progress("Waiting for answers"):
        answers = asyncio.run(
            Probe((options.group, port), interfaces, mac=asked_as, own=True).run(
                seconds
            )
        )
        heard = _heard(asked_as, before, interfaces)
    rows = [row for each in interfaces for row in _rows(each, answers, heard)]
    if json:
        print_json(rows)
    else:
        print_table(
            ("interface", "address", "who", "from", "what it says"),
            [tuple(row.values()) for row in rows],
            empty="",
        )
    return int(any(row["who"] == "another server" for row in rows))


def _interfaces(options: "PnpOptions", named: list[str]) -> "list[Interface]":
    from bootwave.errors import OperatorError, OptionError
    from bootwave.server.interfaces import list_interfaces
    from bootwave.server.memberships import selected

    there = list_interfaces()
    for name in named:
        if not selected(there, [name], ""):
            raise OptionError(
                f"--interface {name}: this machine has no such interface that is up "
                "and has an IPv4 address."
            )
    listen = options.listen.rpartition(":")[0]
    found = selected(there, named or options.interfaces, listen or "0.0.0.0")
    if not found:
        raise OperatorError(
            "There is no interface to ask on: none is up, has an IPv4 address and can "
            "do multicast."
        )
    return found


def _heard(
    mac: int, since: float, interfaces: "Sequence[Interface]"
) -> dict[str, str] | None:
    """Return what the engine said to the question, by the address it came from.

    None when no engine runs.
    """
    from bootwave.control.session import LiveSession
    from bootwave.errors import OperatorError
    from bootwave.phone.mac import text_from_mac

    try:
        client, _path = place.engine()
    except OperatorError:
        return None
    if client is None:
        return None
    own = {each.ipv4[0] for each in interfaces}
    told: dict[str, str] = {}
    with LiveSession(client) as session:
        for _ in range(_LOOKS):
            shown = session.call("device.show", mac=text_from_mac(mac))
            for seen in reversed(shown["time_line"]):
                if seen["at"] >= since and seen["source"] in own:
                    told[seen["source"]] = seen["sentence"]
            if own <= told.keys():
                break
            time.sleep(_LOOK_SECONDS)
    return told


def _rows(
    interface: "Interface", answers: "Sequence[Answer]", heard: dict[str, str] | None
) -> list[dict[str, Any]]:
    address = interface.ipv4[0]
    rows = []
    for answer in answers:
        if answer.interface != interface.name:
            continue
        if answer.host not in interface.ipv4:
            who = "another server"
        else:
            who = "a program here" if heard is None else "this engine"
        says = answer.url or "it answers without a URL"
        rows.append(_row(interface.name, address, who, answer.host, says))
    if heard is not None and not any(row["who"] == "this engine" for row in rows):
        says = heard.get(address, "it did not hear the question")
        rows.append(_row(interface.name, address, "this engine", "", says))
    return rows or [_row(interface.name, address, "nobody", "", "")]


def _row(
    interface: str, address: str, who: str, host: str, says: str
) -> dict[str, Any]:
    return {
        "interface": interface,
        "address": address,
        "who": who,
        "from": host,
        "says": says,
    }
