import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from bootwave.control.api.problems import Problem
from bootwave.control.api.readers import LOOKERS, Readers
from bootwave.errors import StoreUnavailable
from bootwave.options import Options, PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing

# Counts for longer than anybody waits.
ENDLESS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n
"""


@pytest.fixture
def make(options: Options) -> Callable[[], Administration]:
    def opened() -> Administration:
        def connection() -> object:
            return connect(options.store.database, read_only=True)

        return Administration(
            connection(),  # type: ignore[arg-type]
            KeyRing.load(options.store.key),
            PairingOptions(),
            now=instant,
            committed=lambda changes: None,
            reopen=connection,  # type: ignore[arg-type]
        )

    return opened


def test_reads_are_made_in_threads_that_cannot_write(
    make: Callable[[], Administration],
) -> None:
    async def scenario() -> None:
        readers = Readers(make, count=2)
        assert await readers.run(lambda store: store.domain_list()) == []
        name = await readers.run(lambda store: threading.current_thread().name)
        assert name.startswith("bootwave-reader")
        with pytest.raises(StoreUnavailable, match="readonly"):
            await readers.run(lambda store: store.domain_add("x.example.com"))
        assert await readers.run(lambda store: store.domain_list()) == []
        readers.close()

    asyncio.run(scenario())


def test_every_connection_is_opened_before_the_first_read(
    make: Callable[[], Administration],
) -> None:
    threads: list[str] = []
    opened: list[Administration] = []

    def counted() -> Administration:
        threads.append(threading.current_thread().name)
        opened.append(make())
        return opened[-1]

    async def scenario() -> None:
        readers = Readers(counted, count=3)
        await readers.open()
        assert len(opened) == len(set(threads)) == 3 + LOOKERS
        for _ in range(9):
            await readers.run(lambda store: store.domain_list())
            await readers.look(lambda store: store.domain_list())
        assert len(opened) == 3 + LOOKERS
        readers.close()

    asyncio.run(scenario())


def test_a_store_that_is_away_at_first_is_opened_by_the_first_read(
    make: Callable[[], Administration],
) -> None:
    away = [True]

    def opened() -> Administration:
        if away:
            raise StoreUnavailable("The store is away.")
        return make()

    async def scenario() -> None:
        readers = Readers(opened, count=2)
        await readers.open()
        with pytest.raises(StoreUnavailable, match="away"):
            await readers.run(lambda store: store.domain_list())
        away.clear()
        assert await readers.run(lambda store: store.domain_list()) == []
        readers.close()

    asyncio.run(scenario())


def endless(store: Administration) -> None:
    with store._look() as work:
        work.connection.execute(ENDLESS).fetchall()


def test_a_read_that_takes_too_long_is_ended_and_no_other(
    make: Callable[[], Administration],
) -> None:
    async def scenario() -> None:
        readers = Readers(make, count=1, seconds=0.2)
        with pytest.raises(StoreUnavailable, match="interrupted"):
            await readers.run(endless)
        assert await readers.run(lambda store: store.domain_list()) == []
        readers.close()

    asyncio.run(scenario())


def test_only_so_many_wait(make: Callable[[], Administration]) -> None:
    go = threading.Event()

    async def scenario() -> None:
        readers = Readers(make, count=1, waiting=1)
        held = [
            asyncio.ensure_future(readers.run(lambda store: go.wait(20)))
            for _ in range(2)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await readers.run(lambda store: None)
        assert refused.value.kind == "busy"
        go.set()
        assert await asyncio.gather(*held) == [True, True]
        assert await readers.run(lambda store: 5) == 5
        readers.close()

    asyncio.run(scenario())


def test_one_that_waited_too_long_is_not_begun(
    make: Callable[[], Administration],
) -> None:
    async def scenario() -> None:
        readers = Readers(make, count=1, seconds=0.1)
        held = asyncio.ensure_future(readers.run(lambda store: time.sleep(0.5)))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="busy for too long") as refused:
            await readers.run(lambda store: None)
        assert refused.value.headers["Retry-After"] == "5"
        await held
        readers.close()

    asyncio.run(scenario())


def test_nobody_has_all_threads_or_all_places_to_himself(
    make: Callable[[], Administration],
) -> None:
    go = threading.Event()

    async def scenario() -> None:
        readers = Readers(make, count=2, waiting=8, of_one=3)
        held = [
            asyncio.ensure_future(
                readers.run(lambda store: go.wait(20), whose="greedy")
            )
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="of your requests") as refused:
            await readers.run(lambda store: None, whose="greedy")
        assert refused.value.kind == "busy"
        # He has one thread of two, and the other one reads for everybody else.
        assert await readers.run(lambda store: 5, whose="other") == 5
        assert not any(each.done() for each in held)
        go.set()
        assert await asyncio.gather(*held) == [True] * 3
        assert await readers.run(lambda store: 6, whose="greedy") == 6
        await asyncio.sleep(0)
        assert readers._lines == {}
        readers.close()

    asyncio.run(scenario())


def test_a_look_waits_for_no_read(make: Callable[[], Administration]) -> None:
    go = threading.Event()

    async def scenario() -> None:
        readers = Readers(make, count=1, waiting=0)
        held = asyncio.ensure_future(readers.run(lambda store: go.wait(20)))
        await asyncio.sleep(0)
        assert await readers.look(lambda store: store.domain_list()) == []
        with pytest.raises(StoreUnavailable, match="readonly"):
            await readers.look(lambda store: store.domain_add("x.example.com"))
        go.set()
        assert await held
        readers.close()

    asyncio.run(scenario())


def test_who_hangs_up_gives_his_turn_back(make: Callable[[], Administration]) -> None:
    go = threading.Event()

    async def scenario() -> None:
        readers = Readers(make, count=2, of_one=2)
        held = [
            asyncio.ensure_future(readers.run(lambda store: go.wait(20), whose="a"))
            for _ in range(2)
        ]
        await asyncio.sleep(0.05)
        for each in held:
            each.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        # What he asked goes on until it ends, and counts as his until then.
        with pytest.raises(Problem, match="of your requests"):
            await readers.run(lambda store: None, whose="a")
        go.set()
        async with asyncio.timeout(20):
            while readers._lines:
                await asyncio.sleep(0.01)
        assert await readers.run(lambda store: 5, whose="a") == 5
        readers.close()

    asyncio.run(scenario())


def test_who_closes_waits_for_no_read_that_takes_long(
    make: Callable[[], Administration],
) -> None:
    async def scenario() -> None:
        readers = Readers(make, count=1, seconds=20)
        await readers.run(lambda store: None)
        held = [asyncio.ensure_future(readers.run(endless)) for _ in range(2)]
        await asyncio.sleep(0.2)  # the first one is in the middle of it
        try:
            async with asyncio.timeout(10):
                await asyncio.to_thread(readers.close)
        finally:
            for store in readers._opened:
                store.interrupt()
        first, second = await asyncio.gather(*held, return_exceptions=True)
        assert isinstance(first, StoreUnavailable)
        assert isinstance(second, BaseException)

    asyncio.run(scenario())
