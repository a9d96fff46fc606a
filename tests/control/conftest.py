"""A control server with a stand-in for the store behind it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bootwave.control.server import ControlServer
from bootwave.errors import StoreNotFound


class Fake:
    """Stands for the store's administration and remembers its threads."""

    actor, reach, before, after = "", None, None, None

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.names: list[str] = []
        self.ended: list[str] = []
        self.pause = 0.0
        self.go = threading.Event()
        self.go.set()

    def domain_add(self, name: str) -> dict[str, str]:
        assert self.go.wait(10)
        self.threads.append(threading.current_thread().name)
        self.names.append(name)
        return {"name": name}

    def domain_remove_steps(self, name: str) -> Generator[float, None, None]:
        yield 0.0
        raise StoreNotFound(f"There is no domain {name}.")

    def domain_list(self) -> object:
        return object()  # JSON has no form for it

    def settings_ranges(self) -> None:
        raise RuntimeError("a fault of the program")

    def account_import_steps(
        self, rows: int, progress: Callable[[int, int], None] | None = None
    ) -> Generator[float, None, int]:
        try:
            for number in range(rows):
                if progress is not None:
                    progress(number + 1, rows)
                assert self.go.wait(10)
                yield self.pause
            self.names.append(f"{rows} rows")
            return rows
        finally:
            self.ended.append(threading.current_thread().name)


@pytest.fixture
def administration() -> Fake:
    return Fake()


Serving = Callable[[], Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def serving(path: Path, administration: Fake) -> Serving:
    @asynccontextmanager
    async def made() -> AsyncIterator[ControlServer]:
        server = ControlServer(path, administration)
        await server.start()
        try:
            yield server
        finally:
            await asyncio.wait_for(server.stop(), 10)

    return made
