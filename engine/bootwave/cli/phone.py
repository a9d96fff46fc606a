"""``bootwave phone boot``: simulated phones against a server."""

import math
import socket
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bootwave.cli.completion import one_of
from bootwave.cli.output import Json, print_json
from bootwave.cli.progress import Progress
from bootwave.errors import OperatorError, OptionError, ServerFault
from bootwave.phone.mac import required_mac

SIP_PORT = 5060
LOOPBACK = "127.0.0.1"
_INTERRUPTED = 130
# Some three kilobytes each; more phones are several waves on several machines.
MAX_PHONES = 250_000


def boot(
    mac: Annotated[
        str,
        typer.Option(
            metavar="MAC", help="Of the first phone; others count up from it."
        ),
    ],
    server: Annotated[
        str,
        typer.Option(metavar="HOST[:PORT]", help="Where the SUBSCRIBE goes."),
    ] = f"{LOOPBACK}:{SIP_PORT}",
    multicast: Annotated[
        bool,
        typer.Option("--multicast", help="Ask the multicast group, not the server."),
    ] = False,
    interface: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS|NAME", help="Of this machine, where the group is asked."
        ),
    ] = LOOPBACK,
    group: Annotated[
        str, typer.Option(metavar="ADDRESS[:PORT]", help="The multicast group.")
    ] = f"224.0.1.75:{SIP_PORT}",
    url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The settings URL, as by DHCP option 66 or by hand: no SUBSCRIBE.",
        ),
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="As the phone says it.")
    ] = "snom370",
    firmware: Annotated[
        str, typer.Option(metavar="VERSION", help="What it runs.")
    ] = "8.4.35",
    shape: Annotated[
        str,
        typer.Option(
            metavar="classic|m700|from-mac",
            help="How the SUBSCRIBE is written; else as the model does.",
            autocompletion=one_of("classic", "m700", "from-mac"),
        ),
    ] = "",
    count: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=MAX_PHONES, help="How many phones boot."),
    ] = 1,
    rate: Annotated[
        float,
        typer.Option(
            metavar="N", min=0, help="Phones started per second; 0: all at once."
        ),
    ] = 0,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Of this machine, that phones send from; several are taken in turn.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            help="How long a phone waits for the NOTIFY; twice as long for each file.",
        ),
    ] = 10,
    keep_alive: Annotated[
        bool,
        typer.Option("--keep-alive", help="Fetch all files on one connection."),
    ] = False,
    certificate: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="What it shows over TLS: PEM with chain and key; {mac} in it stands "
            "for the phone's MAC.",
        ),
    ] = "",
    memory: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where phones keep the credentials they are given, for later boots.",
        ),
    ] = None,
    stay: Annotated[
        float,
        typer.Option(
            metavar="MINUTES",
            min=0,
            max=24 * 60,
            help="Stay so long after the boot, and fetch again when told to.",
        ),
    ] = 0,
    silent: Annotated[
        float,
        typer.Option(
            metavar="PERCENT",
            min=0,
            max=100,
            help="Of the phones that stay, so many hear nothing.",
        ),
    ] = 0,
    sip_port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=1,
            max=65_535,
            help="Where phones that stay listen: waves.phone_port.",
        ),
    ] = SIP_PORT,
    json: Json = False,
) -> int:
    """Boot a simulated phone, or many, and say what happened to it.

    It asks by SUBSCRIBE, checks 200 and NOTIFY strictly, fetches what a real phone
    would, and checks the documents.  The exit status is 0 when every phone booted.
    """
    from bootwave.cli import phonememory, waves
    from bootwave.wave.fleet import Wave, interface_address
    from bootwave.wave.identity import Identity, Shape
    from bootwave.wave.phone import Patience
    from bootwave.wave.report import as_json
    from bootwave.wave.url import first_requests

    if shape and shape not in list(Shape):
        raise OptionError(f"--shape {shape} is none of {', '.join(Shape)}.")
    if not math.isfinite(timeout) or not math.isfinite(rate):
        raise OptionError("--timeout and --rate must be numbers.")
    if multicast:
        try:
            interface = interface_address(interface)
        except OSError:
            raise OptionError(
                f"--interface {interface}: this machine has no such interface with "
                "an IPv4 address."
            ) from None
    first = required_mac(mac)
    try:
        identity = Identity(first, model, firmware)
    except ValueError as error:
        raise OptionError(str(error)) from None
    if url:
        try:
            first_requests(url, identity)
        except ServerFault as fault:
            raise OptionError(f"--url: {fault}.") from None
    target = None if url else _endpoint(group if multicast else server)
    wave = Wave(
        first,
        target,
        interface=interface if multicast and not url else "",
        url=url,
        model=model,
        firmware=firmware,
        shape=Shape(shape) if shape else None,
        count=count,
        rate=rate,
        sources=tuple(source or ()),
        in_flight=waves.in_flight(),
        keep_alive=keep_alive,
        patience=Patience(timeout, 2 * timeout),
        certificate=certificate,
        credentials=phonememory.load(memory) if memory else {},
    )
    if stay:
        from bootwave.cli import staying

        return staying.stay(wave, stay, sip_port, silent, json=json)
    with Progress("Booting") as progress:
        report, interrupted = waves.run(
            wave,
            lambda now: progress.update(now.finished, count),
            keep=partial(phonememory.save, memory) if memory else None,
        )
    if json and count == 1:
        print_json({**as_json(report.examples[0]), "notes": report.notes})
    elif json:
        print_json(report.as_json())
    elif count == 1:
        waves.print_phone(report.examples[0], report.notes)
    else:
        waves.print_report(report)
    if interrupted:
        return _INTERRUPTED
    return 0 if report.all_booted else 1


def _endpoint(text: str) -> tuple[str, int]:
    """Return the IPv4 address and port that *text* names; raises OperatorError."""
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, str(SIP_PORT)
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise OptionError(f"{text!r} is no HOST:PORT, such as 127.0.0.1:5060.")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        raise OperatorError(f"The name {host} has no IPv4 address.") from None
    address, number = found[0][4][:2]
    return str(address), int(number)
