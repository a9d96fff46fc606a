"""Whether the engine lives and can work."""

import asyncio
import threading
from typing import Any

from bootwave.control.api.readers import READERS
from tests.control.api.conftest import Served, problem


def test_it_lives_and_is_ready(api: Served) -> None:
    client = api.client()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_with_a_damaged_store_it_lives_and_is_not_ready(api: Served) -> None:
    # In place, and not what is mapped: a file that becomes shorter ends who maps it.
    database = api.options.store.database
    for path in (database, database.with_name(f"{database.name}-wal")):
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write((b"no database at all" * (size // 18 + 1))[:size])
    client = api.client()
    answer = client.get("/health/ready")
    assert (answer.status_code, problem(answer)) == (503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    assert client.get("/health/live").json() == {"status": "live"}


def test_it_is_ready_while_all_that_reads_is_busy(api: Served) -> None:
    go = threading.Event()
    assert api.plane._api is not None
    readers = api.plane._api._desk._readers

    async def hold() -> list[Any]:
        return [
            asyncio.ensure_future(
                readers.run(lambda store: go.wait(20), whose=str(number))
            )
            for number in range(READERS)
        ]

    held = api.run(hold())
    try:
        assert api.client().get("/health/ready").json() == {"status": "ready"}
        # Who asks is known, too.
        who = api.token("read").get("/api/v1/session")
        assert who.status_code == 200
        assert not any(each.done() for each in held)
    finally:
        go.set()
