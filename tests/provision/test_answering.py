"""Nothing granted before is in any worker's hand when whoever revoked goes on."""

import asyncio
import mmap
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bootwave.provision.answering import ROWS, Answering, AnsweringPage


@contextmanager
def process(main: Callable[[Callable[[], None]], None]) -> Iterator[int]:
    """Run *main* in a child; it calls what it is given when it is ready."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            main(lambda: os.write(writing, b"1") and None)
        finally:
            os._exit(0)
    os.close(writing)
    try:
        os.read(reading, 1)
        yield pid
    finally:
        os.close(reading)
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def inside(answering: Answering) -> None:
    answering.inside = True
    answering.counters.add(answering.index, 1)


def test_nobody_waits_while_nothing_is_in_hand() -> None:
    page = AnsweringPage(2)
    page.take(0)
    page.take(1)
    began = time.monotonic()
    assert page.settle(30) == []
    assert time.monotonic() - began < 10


def test_whoever_revokes_waits_for_the_answer_in_hand() -> None:
    page = AnsweringPage(1)

    def serve(ready: Callable[[], None]) -> None:
        answering = page.take(0)
        inside(answering)
        ready()
        time.sleep(0.3)
        answering.leave()
        time.sleep(30)

    with process(serve) as pid:
        began = time.monotonic()
        assert page.settle(30) == []
        assert 0.1 < time.monotonic() - began < 20
        os.kill(pid, 0)


def test_a_worker_that_goes_from_answer_to_answer_is_not_waited_for() -> None:
    page = AnsweringPage(1)

    def serve(ready: Callable[[], None]) -> None:
        answering = page.take(0)
        ready()
        while True:
            inside(answering)
            time.sleep(0.02)
            answering.leave()

    with process(serve) as pid:
        for _ in range(20):
            assert page.settle(30) == []
        os.kill(pid, 0)


def test_a_worker_that_stands_still_with_a_document_in_hand_is_killed() -> None:
    page = AnsweringPage(1)

    def serve(ready: Callable[[], None]) -> None:
        inside(page.take(0))
        ready()
        time.sleep(60)

    with process(serve) as pid:
        os.kill(pid, signal.SIGSTOP)
        assert page.settle(0.05) == [pid]
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    # Its row is its successor's, which has nothing in hand.
    page.take(0)
    assert page.settle(30) == []


def test_a_worker_that_died_with_a_document_in_hand_keeps_nobody() -> None:
    page = AnsweringPage(1)

    def serve(ready: Callable[[], None]) -> None:
        inside(page.take(0))
        ready()
        time.sleep(60)

    with process(serve) as pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        began = time.monotonic()
        assert page.settle(30) == []
        assert time.monotonic() - began < 10


def test_workers_of_one_slot_have_rows_of_their_own() -> None:
    page = AnsweringPage(2)

    def serve(ready: Callable[[], None]) -> None:
        inside(page.take(1))
        ready()
        time.sleep(60)

    with process(serve):
        mine = page.take(1)
        assert mine.counters.load(mine.index) % 2 == 0
        with process(serve):
            mine.give_back()
            again = page.take(1)
            assert again.index == mine.index
    assert ROWS > 3


def test_the_end_of_the_turn_is_the_end_of_what_is_in_hand() -> None:
    answering = AnsweringPage(1).take(0)

    def count() -> int:
        return answering.counters.load(answering.index)

    async def turn() -> None:
        answering.enter()
        answering.enter()
        assert count() == 1
        await asyncio.sleep(0)
        assert count() == 2
        answering.enter()
        assert count() == 3

    asyncio.run(turn())


def test_the_process_that_revokes_does_not_kill_itself() -> None:
    page = AnsweringPage(1)
    inside(page.take(0))
    assert page.settle(0.01) == []


def test_whoever_was_stopped_itself_lets_others_go_on_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = AnsweringPage(1)

    def serve(ready: Callable[[], None]) -> None:
        answering = page.take(0)
        inside(answering)
        ready()
        time.sleep(0.2)
        answering.leave()
        time.sleep(60)

    monotonic, jumps = time.monotonic, iter([0.0, 3600.0])
    jumped = 0.0

    def paused() -> float:
        """The machine stood for an hour after the first look."""
        nonlocal jumped
        jumped = next(jumps, jumped)
        return monotonic() + jumped

    with process(serve) as pid:
        monkeypatch.setattr(time, "monotonic", paused)
        assert page.settle(10) == []
        monkeypatch.undo()
        os.kill(pid, 0)


def test_workers_that_start_at_once_have_rows_of_their_own() -> None:
    for _ in range(20):
        page = AnsweringPage(1)
        told = mmap.mmap(-1, ROWS * 8)
        children = []
        for number in range(4):
            pid = os.fork()
            if not pid:
                try:
                    told[8 * number] = 1
                    while not told[8 * 8]:
                        pass
                    told[8 * number + 1] = page.take(0).index // 8
                    told[8 * number] = 2
                    time.sleep(60)
                finally:
                    os._exit(0)
            children.append(pid)
        try:
            for step in (1, 2):
                while any(told[8 * number] < step for number in range(4)):
                    time.sleep(0.0001)
                told[8 * 8] = 1
            assert sorted(told[8 * number + 1] for number in range(4)) == [0, 1, 2, 3]
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def test_nobody_is_killed_who_has_the_number_of_a_worker_long_gone() -> None:
    # Another process may be given the number first: then once more.
    assert any(_same_number_is_spared() for _ in range(50))


def _same_number_is_spared() -> bool:
    """Whether the number of a worker that died came again; nobody is killed for it."""
    page = AnsweringPage(1)

    def serve(ready: Callable[[], None]) -> None:
        inside(page.take(0))
        ready()
        time.sleep(60)

    with process(serve) as gone:
        os.kill(gone, signal.SIGKILL)
        os.waitpid(gone, 0)

    def innocent(ready: Callable[[], None]) -> None:
        ready()
        time.sleep(60)

    _choose_next_pid(gone)
    with process(innocent) as again:
        if again != gone:
            return False
        assert page.settle(0.05) == []
        os.kill(again, 0)
    return True


def _choose_next_pid(pid: int) -> None:
    try:
        with open("/proc/sys/kernel/ns_last_pid", "w") as file:
            file.write(str(pid - 1))
    except OSError:
        pytest.skip("only root may choose")
