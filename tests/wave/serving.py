"""The fake server in a thread, for commands that run a loop of their own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.wave.fakeserver import FakeServer


@contextmanager
def serving(make: Callable[[], FakeServer] = FakeServer) -> Iterator[FakeServer]:
    """Give the server that *make* made, running in a thread."""
    server = make()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def main() -> None:
        async with server:
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()
