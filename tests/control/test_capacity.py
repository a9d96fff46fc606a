"""What workers take for their answers, seen from the control process."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bootwave.control import capacity
from bootwave.control.capacity import CapacityMeter, cpu_seconds, cpus_for
from bootwave.control.plane import ControlPlane
from bootwave.engine import local_options, make_store
from bootwave.metrics import Counter, CounterPage
from bootwave.options import Options, WavesOptions
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.store.settings.fleet import fleet_pace


@contextmanager
def busy_process(page: AnsweringPage, slot: int) -> Iterator[int]:
    """Run a worker of *slot* that does nothing but burn its CPU."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        page.take(slot)
        os.write(writing, b"1")
        while True:
            pass
    try:
        os.read(reading, 1)
        yield pid
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def test_the_time_of_another_process_is_counted_by_the_kernel() -> None:
    page = AnsweringPage(1)
    with busy_process(page, 0) as pid:
        before = cpu_seconds(pid)
        deadline = time.monotonic() + 30
        while cpu_seconds(pid) < before + 0.05:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    with pytest.raises(OSError, match=r"process|argument"):
        cpu_seconds(pid)
    assert 0 < cpu_seconds(os.getpid()) <= time.process_time() + 1


def test_a_window_is_what_all_workers_did_between_two_looks() -> None:
    page, counters = AnsweringPage(2), CounterPage(3)
    meter = CapacityMeter(counters, page.holders)
    assert meter.window(0.0) is None
    assert meter.window(1.0) is None  # nobody works
    with busy_process(page, 0) as one:
        assert page.holders() == {one}
        assert meter.window(2.0) is None  # it is new
        counters.row(0).add(Counter.HTTP_REQUESTS, 5)
        counters.row(1).add(Counter.HTTP_REQUESTS, 7)
        before = cpu_seconds(one)
        while cpu_seconds(one) < before + 0.02:
            time.sleep(0.005)
        found = meter.window(4.0)
        assert found is not None
        assert (found.seconds, found.requests, found.images) == (2.0, 12, 0)
        assert found.cpu_seconds >= 0.02
        counters.row(0).add(Counter.IMAGES, 1)
        found = meter.window(5.0)
        assert found is not None
        assert (found.requests, found.images, found.counts) == (0, 1, False)
        with busy_process(page, 1) as two:
            assert page.holders() == {one, two}
            assert meter.window(6.0) is None  # what it did before is not known
            assert meter.window(7.0) is not None
        assert meter.window(8.0) is None


def test_no_more_cpus_are_counted_on_than_there_are_workers() -> None:
    assert cpus_for(0) == cpus_for(1) == 1
    assert cpus_for(10_000) == len(os.sched_getaffinity(0))


@pytest.fixture
def options(tmp_path: Path) -> Options:
    found = local_options(tmp_path)
    make_store(found)
    return found


def plane_of(options: Options, counters: CounterPage, page: AnsweringPage) -> Any:
    return ControlPlane(
        *(options, RevocationPage(), page, counters, []), started=time.time()
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def test_what_was_measured_is_shown_kept_and_told_by_the_next_engine(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity, "WINDOW_SECONDS", 0.05)
    counters, page = CounterPage(2), AnsweringPage(1)

    async def scenario() -> None:
        plane = plane_of(options, counters, page)
        await plane.start()
        first = (await plane.call("engine.status", {}))["capacity"]
        assert (first["by"], first["requests_per_second"]) == ("usual", 2_000)
        assert (first["measured"], first["requests_measured"]) == (None, 0)

        def shown(*, busy: bool) -> Any:
            # The counters go on while the worker works.
            counters.row(0).add(Counter.HTTP_REQUESTS, 2_000 * busy)
            return plane._status({})["capacity"]

        await until(lambda: shown(busy=True)["requests_measured"] >= 50_000)
        # While phones boot all documents stay what they are.
        assert shown(busy=True)["by"] == "usual"
        await until(lambda: shown(busy=False)["by"] == "measured")
        await until(lambda: shown(busy=False)["requests_per_second"] == 10_000)
        await plane.stop()
        again = plane_of(options, CounterPage(2), AnsweringPage(1))
        await again.start()
        status = (await again.call("engine.status", {}))["capacity"]
        assert status["by"] == "measured"
        assert status["requests_measured"] >= 5_000
        assert status["measured"] == 10_000  # it costs next to nothing, and is bounded
        assert status["requests_per_second"] == status["measured"]
        # Of a fleet without phones that changes nothing, and nobody is told.
        told = await again.call("records.page", {"resource": "audit"})
        assert told["rows"] == []
        await again.stop()

    with busy_process(page, 0):
        asyncio.run(scenario())


def test_an_administrator_who_says_a_number_is_taken_at_his_word(
    options: Options,
) -> None:
    said = options.model_copy(update={"waves": WavesOptions(requests_per_second=777)})

    async def scenario() -> None:
        for wanted, number in ((options, 2_000), (said, 777), (options, 2_000)):
            plane = plane_of(wanted, CounterPage(1), AnsweringPage(1))
            await plane.start()
            status = (await plane.call("engine.status", {}))["capacity"]
            assert status["requests_per_second"] == number
            await plane.stop()
            assert fleet_pace(wanted) == fleet_pace(options)

    asyncio.run(scenario())
