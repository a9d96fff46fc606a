"""Many requests on their way at once: what is asked for together, and how often."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from bootwave.errors import StoreUnavailable
from bootwave.http.response import Response
from bootwave.pairing.decisions import Consume
from bootwave.provision.batch import MOST, Batch
from bootwave.provision.misses import Misses
from bootwave.provision.steps import Course, Slowed, Write

DONE = Response(200)


def miss(mac: int) -> Any:
    return SimpleNamespace(
        mac=mac,
        kind=4,
        base_url="http://h",
        model="",
        source="127.0.0.1",
        head=False,
        if_none_match=None,
        token=None,
        firmware="",
        agent_model="",
        detail="",
    )


class Way:
    """Looks, writes, looks again and is done; remembers what was asked together."""

    def __init__(self, *, writes: bool = True) -> None:
        self.writes = writes
        self.looked: list[list[int]] = []
        self.results: dict[Course, list[object]] = {}
        self.futures: list[Future[bool]] = []
        self.told: list[tuple[int, object]] = []
        self.fault: Exception | None = None  # of each look
        batch: Batch[Any] = Batch(self.look)
        self.misses = Misses(self.begun, self.gone_on, batch, self.submit)

    def begun(self, course: Course) -> int:
        return course.asked.mac

    def gone_on(self, course: Course, result: Any) -> Any:
        mac = course.asked.mac
        results = self.results.setdefault(course, [])
        results.append(result)
        if not self.writes or len(results) == 3 or isinstance(result, Exception):
            return DONE
        if len(results) == 1:
            return Write(Consume((1,), mac, "", 0.0, "", 0.0), "")
        return mac

    def look(self, macs: Sequence[int]) -> Any:
        self.looked.append(list(macs))
        if self.fault is not None:
            raise self.fault
        return {mac: f"look at {mac}" for mac in macs}

    def submit(self, write: Write) -> "Future[bool]":
        self.futures.append(Future())
        return self.futures[-1]

    def tell(self, miss: Any, outcome: object) -> None:
        self.told.append((miss.mac, outcome))

    def begin(self, *macs: int) -> None:
        self.misses.begin([miss(mac) for mac in macs], self.tell)


async def turns(number: int = 3) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_the_looks_of_a_turn_are_one_and_so_are_those_after_a_commit() -> None:
    way = Way()

    async def run() -> None:
        way.begin(1, 2)
        way.begin(2, 3)
        await turns()
        assert way.looked == [[1, 2, 3]]
        assert len(way.futures) == 4
        for future in way.futures:
            future.set_result(True)
        await turns()
        assert way.looked == [[1, 2, 3], [1, 2, 3]]

    asyncio.run(run())
    assert [mac for mac, _ in way.told] == [1, 2, 2, 3]
    assert {outcome for _, outcome in way.told} == {DONE}
    assert next(iter(way.results.values())) == ["look at 1", True, "look at 1"]


def test_the_loop_is_woken_once_for_all_of_a_commit() -> None:
    way = Way()
    woken = 0

    async def run() -> None:
        nonlocal woken
        loop = asyncio.get_running_loop()
        real = loop.call_soon_threadsafe

        def wake(*args: Any, **how: Any) -> Any:
            nonlocal woken
            woken += 1
            return real(*args, **how)

        loop.call_soon_threadsafe = wake  # type: ignore[method-assign]
        way.begin(*range(1, 101))
        await turns()

        def commit() -> None:
            for future in way.futures:
                future.set_result(True)

        # From another thread, while this one is not at its loop.
        import threading

        thread = threading.Thread(target=commit)
        thread.start()
        thread.join()
        await turns()
        loop.call_soon_threadsafe = real  # type: ignore[method-assign]

    asyncio.run(run())
    assert len(way.told) == 100
    assert woken == 1


def test_a_storm_is_looked_up_in_pieces() -> None:
    way = Way(writes=False)

    async def run() -> None:
        way.begin(*range(1, 2 * MOST + 11))
        await turns(5)

    asyncio.run(run())
    assert [len(macs) for macs in way.looked] == [MOST, MOST, 10]
    assert len(way.told) == 2 * MOST + 10


def test_what_the_store_failed_with_is_the_result_of_the_step() -> None:
    way = Way()
    fault = StoreUnavailable("full")

    async def run() -> None:
        way.begin(1)
        await turns()
        way.futures[0].set_exception(fault)
        await turns()

        way.fault = fault
        way.begin(2)
        await turns()

    asyncio.run(run())
    assert list(way.results.values()) == [["look at 1", fault], [fault]]
    assert way.told == [(1, DONE), (2, DONE)]


@pytest.mark.parametrize("where", ["_begun", "_gone_on", "look", "write"])
def test_a_fault_is_told_to_who_waits_and_to_nobody_else(where: str) -> None:
    way = Way()

    def broken(*_args: object) -> Any:
        raise ZeroDivisionError

    async def run() -> None:
        if where == "look":
            way.fault = ZeroDivisionError()
        elif where != "write":
            setattr(way.misses, where, broken)
        way.begin(1)
        await turns()
        if where == "write":
            way.futures[0].set_exception(ZeroDivisionError())
            await turns()
        assert way.told == [(1, None)]
        again = Way()
        again.begin(2)
        await turns()
        again.futures[0].set_result(True)
        await turns()
        assert again.told == [(2, DONE)]

    asyncio.run(run())


@pytest.mark.parametrize("where", ["asked", "submit"])
def test_a_fault_costs_the_others_of_its_batch_nothing(where: str) -> None:
    way = Way()
    real = way.misses._submit

    def submit(write: Write) -> "Future[bool]":
        if write.decision.mac == 2:
            raise ZeroDivisionError
        return real(write)

    async def run() -> None:
        asked = [miss(1), miss(2), miss(3)]
        if where == "asked":
            asked[1].kind = 99
        else:
            way.misses._submit = submit
        way.misses.begin(asked, way.tell)
        await turns()
        for future in way.futures:
            future.set_result(True)
        await turns()

    asyncio.run(run())
    assert sorted(way.told, key=str) == [(1, DONE), (2, None), (3, DONE)]


def test_a_commit_after_the_loop_is_closed_wakes_nobody() -> None:
    way = Way()

    async def run() -> None:
        way.begin(1)
        await turns()

    asyncio.run(run())
    way.futures[0].set_result(True)
    assert way.told == []


def test_what_is_held_back_is_told_when_its_time_is_over() -> None:
    over: list[float] = []

    class Slow(Way):
        def gone_on(self, course: Course, result: Any) -> Any:
            return Slowed(DONE, 0.05, lambda: over.append(time.monotonic()))

    async def scenario() -> None:
        way = Slow()
        began = time.monotonic()
        way.begin(1, 2)
        await turns()
        assert way.told == []
        await asyncio.sleep(0.2)
        assert way.told == [(1, DONE), (2, DONE)]
        assert len(over) == 2
        assert over[0] - began >= 0.045

    asyncio.run(scenario())
