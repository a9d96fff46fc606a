"""Simulated phones that stay after their boot, from a command."""

import asyncio
import errno
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import uvloop

from bootwave.cli.misuse import Misuse
from bootwave.cli.output import duration, hint, print_json, print_line
from bootwave.cli.progress import Progress
from bootwave.cli.waves import print_report
from bootwave.errors import OperatorError
from bootwave.wave.fleet import Wave
from bootwave.wave.report import Report
from bootwave.wave.staying import StayingFleet

_ENDING = (signal.SIGINT, signal.SIGTERM)
_LOOPBACK = ("127.0.0.1", "localhost")


def stay(
    wave: Wave, minutes: float, port: int, silent_percent: float, *, json: bool
) -> int:
    """Boot *wave*, let its phones listen on *port* so long, and return the status.

    *silent_percent* of them hear nothing.  Raises OperatorError when this machine lacks
    what that takes.
    """
    silent = silent_macs(wave.mac, wave.count, silent_percent)
    try:
        fleet = StayingFleet(_with_addresses(wave), port, silent=silent)
        report = uvloop.run(_stay(fleet, 60 * minutes, port, json=json))
    except (ValueError, OSError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            what = (
                f"another program has UDP port {port} of this machine; name a free one "
                "with --sip-port, and in waves.phone_port of the engine"
            )
        raise OperatorError(f"The phones cannot stay: {what}.") from None
    told = {mac for _at, mac in fleet.notified}
    if json:
        print_json({**report.as_json(), **_counts(fleet, told), "faults": fleet.faults})
    else:
        again = f"{len(told & fleet.fetched.keys()):,} did"
        print_line(f"{len(told):,} phones were told to fetch again, and {again}.")
        for version, phones in sorted(Counter(fleet.versions.values()).items()):
            print_line(f"{phones:,} restarted with firmware {version}.")
        for fault in fleet.faults:
            print_line(fault)
    return int(not report.all_booted or bool(fleet.faults))


def silent_macs(first: int, count: int, percent: float) -> set[int]:
    """Return *percent* of the *count* MACs from *first* on, every twentieth for 5.

    Not by where roll-outs tell phones (``phone.spread``): the first of those are the
    canary, and nobody else would be silent.
    """
    return {
        first + number
        for number in range(count)
        if int((number + 1) * percent / 100) > int(number * percent / 100)
    }


def _counts(fleet: StayingFleet, told: set[int]) -> Mapping[str, Any]:
    return {
        "told": len(told),
        "fetched": len(told & fleet.fetched.keys()),
        "versions": dict(Counter(fleet.versions.values())),
    }


def _with_addresses(wave: Wave) -> Wave:
    """Return *wave* with an address of this machine for each phone."""
    if not wave.url:
        raise Misuse("Phones that --stay come back to a --url: name one.")
    if wave.sources or urlsplit(wave.url).hostname not in _LOOPBACK:
        return wave
    addresses = tuple(
        f"127.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        for number in range(1, wave.count + 1)
    )
    return replace(wave, sources=addresses)


async def _stay(
    fleet: StayingFleet, seconds: float, port: int, *, json: bool
) -> Report:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        loop.add_signal_handler(number, ending.set)
    try:
        with Progress("Booting"):
            report = await fleet.start()
        if not json:
            print_report(report)
        hint(f"The phones listen on port {port} for {duration(seconds)}, or Ctrl-C.")
        try:
            await asyncio.wait_for(ending.wait(), seconds)
        except TimeoutError:
            pass
    finally:
        await fleet.stop()
        # The loop would leave them to nobody when it closes.
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
    return report
