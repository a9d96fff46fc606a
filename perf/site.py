"""What the rows share: the engine on its fleet, its documents, peers that are up."""

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeVar

from perf import documents
from perf.contenders import engine as engines
from perf.contenders.engine import Engine, mac_of
from perf.contenders.process import Served
from perf.documents import Expected
from perf.machine import awake
from perf.programs import Missing, Wrong, load, program

PHONES = 20_000  # of the fleet that most rows ask; the larger burst
HTTP_PHONES = 2_000  # whose documents the HTTP rows fetch
SETTLE_SECONDS = 0.3  # for what a server puts off: it is its work all the same

AnyServed = TypeVar("AnyServed", bound=Served)


class Effort(NamedTuple):
    """How long everything takes: *seconds* of load in each of *rounds*, and fleets."""

    seconds: float = 1.0
    rounds: int = 5
    fleets: tuple[int, ...] = (1_000, 100_000, 1_000_000)


class Site:
    """One run's servers and files, taken down in the end."""

    def __init__(self, place: Path, effort: Effort) -> None:
        """Work in *place*, which may hold fleets of runs before."""
        self.place = place
        self.effort = effort
        self.busy: dict[str, float] = {}
        self._kept = ExitStack()
        self._row = ExitStack()

    def __enter__(self) -> "Site":
        """Return the site."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop every server."""
        self.end_row()
        self._kept.close()

    def end_row(self) -> None:
        """Stop the servers of the row: beside those of the next they would cost."""
        self._row.close()
        self.busy.clear()

    def directory(self, name: str) -> Path:
        """Return an empty directory *name*."""
        path = self.place / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def up(self, start: Callable[[], AnyServed]) -> AnyServed:
        """Return the server that *start* starts; it is stopped after the row."""
        served = start()
        self._row.callback(served.stop)
        return served

    def peer(
        self, name: str, start: Callable[[], Served], missing: dict[str, str]
    ) -> dict[str, Served]:
        """Return the peer under its name; or nothing, and say why in *missing*."""
        try:
            return {name: self.up(start)}
        except (Missing, Wrong) as reason:
            missing[name] = str(reason)
            return {}

    def fleet(self, devices: int) -> Path:
        """Return the options file of a fleet of *devices*, which is kept for later."""
        return engines.make_fleet(self.place / f"fleet-{devices}", devices)

    @cached_property
    def engine(self) -> Engine:
        """The engine on PHONES devices with fresh windows."""
        shutil.rmtree(self.place / f"fleet-{PHONES}", ignore_errors=True)
        file = self.fleet(PHONES)
        engines.open_windows(file)
        engine = Engine(file)
        self._kept.callback(engine.stop)
        return engine

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """The first HTTP_PHONES documents by path, each checked; windows used up."""
        return {
            f"/{mac_of(phone)}.xml": engines.fetch_own(self.engine, phone)
            for phone in range(HTTP_PHONES)
        }

    @cached_property
    def expected(self) -> Path:
        """The file that tells the load program what those documents are."""
        return documents.write(
            self.place / "expected",
            [
                Expected(path, len(content), documents.checksum(content))
                for path, content in self.documents.items()
            ],
        )

    def expected_of(self, document: bytes) -> Path:
        """Return the file that wants *document* under every path."""
        total = documents.checksum(document)
        return documents.write(
            self.place / "expected-same",
            [Expected(path, len(document), total) for path in self.documents],
        )


def http_cost(
    served: Served, expected: Path, in_flight: int, *more: object, site: Site
) -> float:
    """Return the µs of processor that *served* takes for one request, saturated.

    *more* is what follows SECONDS in the load program's arguments.  Raises Wrong when
    one answer was not the one expected.  The share of its core that it had goes to
    *site*: beside the spinner half of one is all there is.
    """
    with awake(program("load/spin")):
        before = served.cpu()
        told = load(
            "http_load", served.port, expected, in_flight, site.effort.seconds, *more
        )
        time.sleep(SETTLE_SECONDS)
        after = served.cpu()
    if told["wrong"] or told["failed"] or not told["answered"]:
        raise Wrong(
            f"{told['wrong']} wrong and {told['failed']} failed beside "
            f"{told['answered']} right answers: {told['said']}"
        )
    site.busy[served.name] = (after - before) / told["seconds"]
    return float((after - before) / told["answered"] * 1e6)
