"""``bootwave demo``: an engine of its own, and phones that boot against it.

Everything stays on loopback.  The engine is the shipping one, ``bootwave serve`` as a
child process, with its supervisor and workers; the store is a real one that other
commands can look into while the demo serves.
"""

import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from bootwave.cli.output import called, hint, print_line
from bootwave.errors import OperatorError, OptionError

if TYPE_CHECKING:
    from bootwave.optionsfile import Loaded
    from bootwave.wave.fleet import Progress
    from bootwave.wave.report import Report

LOOPBACK = "127.0.0.1"
PNP_PORT = 15060
HTTP_PORT = 18080
DOMAIN = "pbx.example.com"
MODEL = "snom370"
FIRMWARE = "8.4.35"
# Of the range that snom370s have; these phones exist nowhere.
FIRST_MAC = 0x0004132E0001
FIRST_NUMBER = 10001
MAX_PHONES = 60_000  # what is left of that range
START_SECONDS = 30.0
STOP_SECONDS = 15.0
_INTERRUPTED = 130
_MOVES = 4  # to other ports, when others are faster
_MARK = "# Written by bootwave demo, which writes it again at every run."


def demo(
    phones: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=MAX_PHONES, help="How many phones boot."),
    ] = 1000,
    directory: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the demo keeps its store.")
    ] = Path("var"),
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the wave; do not keep serving.")
    ] = False,
) -> int:
    """Boot simulated phones against an engine of its own, on loopback only.

    Makes a store with an example domain and an account for each phone, opens them all,
    starts the engine, boots the phones, tells what happened, and serves until Ctrl-C.
    The exit status is 0 when every phone booted.
    """
    # TERM ends it as Ctrl-C does: the engine is to be stopped in either case.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _demonstrate(phones, directory.absolute(), once=once)
    finally:
        signal.signal(signal.SIGTERM, before)


def _demonstrate(phones: int, directory: Path, *, once: bool) -> int:
    began = time.monotonic()
    file = _prepare(directory)
    _fill(file, phones)
    print_line(
        f"{phones:,} accounts of {DOMAIN} are bound and open "
        f"({time.monotonic() - began:.1f} s)."
    )
    with _engine(file) as (engine, port):
        report, interrupted = _boot(phones, (LOOPBACK, port))
        print_line("")
        _print(report)
        if interrupted:
            return _INTERRUPTED
        if not once:
            _serve_on(engine, file)
    return 0 if report.all_booted else 1


# The store.


def _prepare(directory: Path) -> Path:
    """Make what is missing in *directory*; return the options file."""
    from bootwave.store.create import create, upgrade
    from bootwave.store.secrets import KeyRing

    file = directory / "bootwave.toml"
    try:
        if file.exists() and not file.read_text().startswith(_MARK):
            raise OptionError(
                f"{directory} is no demo's: name an empty one with --directory."
            )
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            _write(file, PNP_PORT, HTTP_PORT)
    except OSError as error:
        raise OptionError(f"{file} cannot be made: {error.strerror}.") from None
    store = _loaded(file).options.store
    if not store.key.exists():
        KeyRing.create(store.key)
    if store.database.exists():
        upgrade(store.database)
    else:
        create(store.database)
    return file


def _write(file: Path, pnp: int, http: int) -> None:
    file.write_text(
        f"{_MARK}\n"
        f'[pnp]\nlisten = "{LOOPBACK}:{pnp}"\ninterfaces = ["{LOOPBACK}"]\n'
        f'[http]\nlisten = ["{LOOPBACK}:{http}"]\n[https]\nlisten = []\n'
        '[control]\nlisten = ""\n[log]\nlevel = "warning"\n'
    )


def _loaded(file: Path) -> "Loaded":
    from bootwave.optionsfile import load

    return load(file, os.environ)


def _fill(file: Path, phones: int) -> None:
    """Make domain, accounts and bindings, and open all, in one transaction."""
    from bootwave.cli.progress import Progress
    from bootwave.control.session import open_session

    rows = [
        {
            "extension": str(FIRST_NUMBER + position),
            "domain": DOMAIN,
            "name": f"Desk {position + 1}",
            "password": secrets.token_urlsafe(12),
            "mac": f"{FIRST_MAC + position:012X}",
        }
        for position in range(phones)
    ]
    domain = {"name": DOMAIN, "language": "English", "tone_scheme": "GBR"}
    minutes = _loaded(file).options.pairing.window_minutes
    with open_session(_loaded(file).options) as session:
        if session.live:
            raise OperatorError(
                f"An engine runs on {file.parent} already: stop it, or name another "
                "place with --directory."
            )
        with Progress("Accounts") as progress:
            done = session.call(
                "bulk",
                domains=[domain],
                accounts=rows,
                open_minutes=minutes,
                update=True,
                progress=progress.update,
            )
    if done["error_count"]:
        raise OperatorError(f"The store refused: {done['errors'][0]['error']}")


def _free_port(kind: socket.SocketKind, wanted: int) -> int:
    """Return *wanted* if nothing on loopback has it, else a port of the kernel's."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, kind) as sock:
            if kind == socket.SOCK_STREAM:
                # Connections of the demo before are no reason to move.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((LOOPBACK, port))
                if kind == socket.SOCK_STREAM:
                    sock.listen(1)  # two may be bound, as long as neither listens
            except OSError:
                continue
            return int(sock.getsockname()[1])
    raise OperatorError(f"No port of {LOOPBACK} is free.")


# The engine.


@contextmanager
def _engine(file: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give the running engine of *file* and its PnP port; it is stopped in the end."""
    engine, pnp = _started_somewhere(file)
    try:
        yield engine, pnp
    finally:
        _stop(engine)


def _started_somewhere(file: Path) -> tuple[subprocess.Popen[str], int]:
    """Return the engine and its PnP port; raises OperatorError.

    Between finding a port and binding it another demo may take it, and be gone again
    when one looks: so a second place is always tried, more only while that happens.
    """
    udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
    pnp, http = _free_port(udp, PNP_PORT), _free_port(tcp, HTTP_PORT)
    for move in range(_MOVES):
        try:
            return _started(file, pnp, http), pnp
        except OperatorError:
            if move and (_free_port(udp, pnp), _free_port(tcp, http)) == (pnp, http):
                raise  # it was not for the ports
            pnp, http = _free_port(udp, 0), _free_port(tcp, 0)
    return _started(file, pnp, http), pnp


def _started(file: Path, pnp: int, http: int) -> subprocess.Popen[str]:
    """Return the engine on these ports when it is ready; raises OperatorError."""
    _write(file, pnp, http)
    engine = subprocess.Popen(
        [sys.executable, "-m", "bootwave", "-o", str(file), "serve"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        # Ctrl-C is for the demo, which then tells its engine.
        process_group=0,
        preexec_fn=_die_with_parent,
    )
    try:
        assert engine.stdout is not None
        _wait_until_ready(engine, engine.stdout)
    except BaseException:
        _stop(engine)
        raise
    return engine


def _die_with_parent() -> None:
    import ctypes

    from bootwave.server.supervisor import PR_SET_PDEATHSIG

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(engine: subprocess.Popen[str], output: IO[str]) -> None:
    until = time.monotonic() + START_SECONDS
    # Read by hand: a file object would hide what it has buffered from select.
    text = ""
    while "ready\n" not in text:
        left = until - time.monotonic()
        ready, _, _ = select.select([output], [], [], max(left, 0))
        if not ready:
            raise OperatorError(
                f"The engine was not ready within {START_SECONDS:.0f} seconds."
            )
        data = os.read(output.fileno(), 65536)
        if not data:
            raise OperatorError(
                f"The engine ended with status {engine.wait()}: see above."
            )
        text += data.decode(errors="replace")
    for line in text.splitlines():
        print_line(f"engine: {line}")


def _stop(engine: subprocess.Popen[str]) -> None:
    if engine.poll() is None:
        engine.terminate()
        try:
            engine.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            engine.kill()
            engine.wait()
    if engine.stdout is not None:
        engine.stdout.close()


def _serve_on(engine: subprocess.Popen[str], file: Path) -> None:
    """Return after Ctrl-C; raises OperatorError when the engine ends before it."""
    shown = os.path.relpath(file)
    mac = f"{FIRST_MAC:012X}"
    try:
        print_line("")
        print_line("Serving until Ctrl-C.  In another terminal:")
        for words in (
            f"device show {mac}",
            f"document {mac}",
            "window list",
            "status",
        ):
            print_line(f"  {called()} -o {shown} {words}")
        sys.stdout.flush()
        status = engine.wait()
    except KeyboardInterrupt:
        print_line("")
        return
    raise OperatorError(f"The engine ended by itself with status {status}.")


# The wave.


def _boot(phones: int, server: tuple[str, int]) -> "tuple[Report, bool]":
    from bootwave.cli import waves
    from bootwave.wave.fleet import Wave

    wave = Wave(
        FIRST_MAC,
        server,
        model=MODEL,
        firmware=FIRMWARE,
        count=phones,
        in_flight=waves.in_flight(),
    )
    with _bar(phones) as update:
        return waves.run(wave, update)


@contextmanager
def _bar(phones: int) -> Iterator[Any]:
    """Give what takes the wave's progress: a bar on a terminal, else nothing."""
    if not sys.stderr.isatty():
        hint(f"Booting {phones:,} phones …")
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("Booting"),
        BarColumn(None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[booted]} booted, {task.fields[other]} not"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=phones, booted=0, other=0)

        def update(now: "Progress") -> None:
            from bootwave.wave.phone import Outcome

            booted = now.outcomes[Outcome.BOOTED]
            other = now.finished - booted
            bar.update(task, completed=now.finished, booted=booted, other=other)

        yield update


def _print(report: "Report") -> None:
    from bootwave.cli.waves import print_report

    print_report(report)
