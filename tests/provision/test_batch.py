import asyncio
from collections.abc import Sequence

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.provision.batch import MOST, Batch


class Reads:
    """Answers each MAC with its text and remembers what was asked together."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked: list[list[int]] = []
        self.fault = fault

    def __call__(self, macs: Sequence[int]) -> dict[int, str]:
        self.asked.append(list(macs))
        if self.fault is not None:
            raise self.fault
        return {mac: str(mac) for mac in macs}


def test_what_is_missed_in_one_turn_is_read_together_and_once() -> None:
    reads = Reads()

    async def run() -> None:
        batch = Batch(reads)
        first = await asyncio.gather(*(batch.look(mac) for mac in (1, 2, 1)))
        assert first == ["1", "2", "1"]
        assert await batch.look(3) == "3"

    asyncio.run(run())
    assert reads.asked == [[1, 2], [3]]


def test_who_waits_and_who_is_told_are_read_together() -> None:
    reads = Reads()
    told: list[str | Exception] = []

    async def run() -> None:
        batch = Batch(reads)
        batch.ask(1, told.append)
        assert await batch.look(2) == "2"
        batch.ask(3, told.append)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert reads.asked == [[1, 2], [3]]
    assert told == ["1", "3"]


def test_a_storm_is_read_in_pieces_so_that_the_loop_goes_on() -> None:
    reads = Reads()
    turns = []

    async def others() -> None:
        while len(reads.asked) < 3:
            turns.append(len(reads.asked))
            await asyncio.sleep(0)

    async def run() -> None:
        batch = Batch(reads)
        looks = [batch.look(mac) for mac in range(2 * MOST + 10)]
        await asyncio.gather(others(), *looks)

    asyncio.run(run())
    assert [len(asked) for asked in reads.asked] == [MOST, MOST, 10]
    assert set(turns) >= {0, 1, 2}


@pytest.mark.parametrize("fault", [StoreUnavailable("away"), RuntimeError("a bug")])
def test_what_the_read_raises_reaches_everyone_who_waits(fault: Exception) -> None:
    async def run() -> list[object]:
        batch = Batch(Reads(fault))
        looks = (batch.look(mac) for mac in (1, 2))
        return list(await asyncio.gather(*looks, return_exceptions=True))

    assert asyncio.run(run()) == [fault, fault]


def test_who_hung_up_is_not_asked_for() -> None:
    reads = Reads()

    async def run() -> None:
        batch = Batch(reads)
        tasks = [asyncio.ensure_future(batch.look(mac)) for mac in (1, 2)]
        alone = asyncio.ensure_future(Batch(reads).look(3))
        for _ in range(1):
            await asyncio.sleep(0)
        tasks[0].cancel()
        alone.cancel()
        await asyncio.gather(*tasks, alone, return_exceptions=True)
        assert tasks[1].result() == "2"

    asyncio.run(run())
    assert [3] not in reads.asked
