import asyncio

import pytest

from bootwave.control.api.problems import Problem
from bootwave.control.api.turns import AT_ONCE, Turns


def test_somebody_else_waits_for_some_of_one_and_not_for_all() -> None:
    turns = Turns()
    begun: list[str] = []
    go = asyncio.Event()

    async def change(whose: str) -> None:
        async with turns.turn(whose):
            begun.append(whose)
            await go.wait()

    async def main() -> None:
        tasks = [asyncio.create_task(change("greedy")) for _ in range(10)]
        tasks.append(asyncio.create_task(change("other")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert begun == ["greedy"] * AT_ONCE + ["other"]
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert begun.count("greedy") == 10
    assert turns._lines == {}


def test_one_has_no_more_than_some_waiting() -> None:
    turns = Turns(of_one=1)

    async def main() -> None:
        async with turns.turn("one"):
            with pytest.raises(Problem, match="wait for some") as refused:
                async with turns.turn("one"):
                    pass
            assert refused.value.kind == "busy"
            assert refused.value.headers["Retry-After"]
            async with turns.turn("other"), turns.turn("one", goes_on=True):
                pass
        async with turns.turn("one"):
            pass

    asyncio.run(main())
    assert turns._lines == {}
