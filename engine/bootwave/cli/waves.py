"""Running a boot wave from a command, and telling what became of it."""

import asyncio
import gc
import resource
import signal
from collections.abc import Callable, Mapping

import uvloop

from bootwave.cli.output import print_line, print_table
from bootwave.errors import OperatorError
from bootwave.wave.credentials import Credentials
from bootwave.wave.fleet import Fleet, Progress, Wave
from bootwave.wave.phone import Outcome, Phone
from bootwave.wave.report import Report, sentence

MAX_IN_FLIGHT = 1000
# Descriptors for everything that is not a phone's connection.
_OTHER_DESCRIPTORS = 128
_ENDING = (signal.SIGINT, signal.SIGTERM)


def in_flight() -> int:
    """Return how many phones may fetch at a time, after raising the limit to it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_IN_FLIGHT + _OTHER_DESCRIPTORS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(MAX_IN_FLIGHT, soft - _OTHER_DESCRIPTORS))


def run(
    wave: Wave,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    keep: Callable[[Mapping[int, Credentials]], None] | None = None,
) -> tuple[Report, bool]:
    """Return what became of *wave*, and whether Ctrl-C ended it early.

    *keep* is called with the credentials that the phones have then.  Raises
    OperatorError when this machine lacks what the wave names.
    """
    collected = gc.isenabled()
    # All phones live until the report: looking through them for garbage finds none.
    gc.disable()
    try:
        fleet = Fleet(wave, on_progress=on_progress)
        done = uvloop.run(_interruptible(fleet))
    except (ValueError, OSError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise OperatorError(f"The wave cannot be started: {what}.") from None
    finally:
        if collected:
            gc.enable()
    if keep is not None:
        keep(fleet.credentials)
    return done


async def _interruptible(fleet: Fleet) -> tuple[Report, bool]:
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        fleet.stop()

    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        loop.add_signal_handler(number, stop)
    try:
        return await fleet.run(), interrupted
    finally:
        # The loop would leave them to nobody when it closes.
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def print_phone(phone: Phone, notes: list[str]) -> None:
    """Print the verdict of *phone* in a sentence, *notes*, and its time-line."""
    print_line(sentence(phone))
    for note in notes:
        print_line(note)
    print_line("")
    for step in phone.steps:
        print_line(f"  {step.at:9.4f} s  {step.what}")


def print_report(report: Report) -> None:
    """Print *report*: how many, how soon, and why not the others."""
    counts = ", ".join(f"{report.outcomes[outcome]:,} {outcome}" for outcome in Outcome)
    unfinished = f", {report.unfinished:,} unfinished" if report.unfinished else ""
    print_line(
        f"{report.phones:,} phones in {report.seconds:.2f} s: {counts}{unfinished}."
    )
    if report.shares:
        every = report.phones == report.outcomes[Outcome.BOOTED]
        of_whom = "" if every else " (of those that did)"
        times = ", ".join(
            f"{share} % after {seconds:.2f} s"
            for share, seconds in report.shares.items()
        )
        print_line(f"Booted{of_whom}: {times}.")
    print_line(
        f"{report.requests:,} files were asked for; {report.resends:,} SUBSCRIBEs "
        "were repeated."
    )
    if report.strays:
        print_line(f"{report.strays:,} datagrams belonged to no phone of the wave.")
    for note in report.notes:
        print_line(note)
    if report.reasons:
        print_line("")
        print_table(
            ("phones", "outcome", "first MAC", "why"),
            [
                (f"{each.phones:,}", each.outcome, each.example, each.text)
                for each in report.reasons
            ],
            empty="",
        )
