"""Events as a listener gets them: in order, once each, also after he was away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bootwave.control import eventfeed
from bootwave.control.api.problems import Problem
from bootwave.control.eventfeed import EventFeed
from bootwave.control.eventids import EventIds
from bootwave.errors import EngineError, StoreUnavailable
from bootwave.options import SightingsOptions
from bootwave.sightings import Reason, Sighting
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from bootwave.store.sightings.tail import SightingTail

NOW = 1_700_000_000.0
MAC = 0x000413000000


def seen(number: int) -> Sighting:
    reason = Reason.UNKNOWN_MAC if number % 3 == 0 else Reason.CLOSED
    return Sighting(NOW + number, MAC + number, "192.0.2.7", reason, "")


def parsed(data: bytes) -> list[tuple[str, str, dict[str, Any]]]:
    """The events in *data*: number, kind and content."""
    found = []
    for block in data.decode().split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if ": " in line
        )
        if "event" in fields:
            content = orjson.loads(fields["data"])
            found.append((fields.get("id", ""), fields["event"], content))
    return found


class Feed:
    """A feed of a file, and what it says of roll-outs."""

    def __init__(self, directory: Path) -> None:
        options = SightingsOptions(keep_rows=1_000, unknown_rows=1_000)
        path = directory / "sightings"
        self.log = SightingLog(path, options, clock=lambda: NOW)
        self.rollouts: list[dict[str, Any]] = []
        self.ids = EventIds(KeyRing.create(directory / "key"))
        tail = SightingTail(path)
        self.feed = EventFeed(tail, self._progress, lambda: None, self.ids)

    def end(self) -> str:
        """The number of an event behind everything that is there."""
        return self.ids.text(SightingTail(self.log._path).end())

    async def _progress(self) -> list[dict[str, Any]]:
        return self.rollouts

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EventFeed]:
        self.feed.start()
        try:
            yield self.feed
        finally:
            await self.feed.stop()

    def dropped(self, why: str) -> float:
        (metric,) = [
            metric
            for metric in self.feed.metrics()
            if metric.name == "event_listeners_dropped_total"
        ]
        return metric.values[f'reason="{why}"']


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Feed:
    monkeypatch.setattr(eventfeed, "LOOK_SECONDS", 0.01)
    return Feed(tmp_path)


async def listen(
    feed: EventFeed,
    until: Callable[[list[tuple[str, str, dict[str, Any]]]], bool],
    last_id: str = "",
    *,
    sees: Callable[[Any], Awaitable[dict[int, float]]] | None = None,
    follows: Callable[[str], bool] | None = None,
    begun: Callable[[], None] = lambda: None,
) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the events until enough came; *begun* is called with the first piece."""
    found: list[tuple[str, str, dict[str, Any]]] = []

    async def all_of_them() -> None:
        first = True
        async with aclosing(feed.events(last_id, sees, follows)) as events:
            async for piece in events:
                if first:
                    begun()
                    first = False
                found.extend(parsed(piece))
                if until(found):
                    return

    await asyncio.wait_for(all_of_them(), 20)
    return found


def macs(events: list[tuple[str, str, dict[str, Any]]]) -> list[int]:
    return [int(content["mac"], 16) - MAC for _, _, content in events]


def test_sightings_come_from_now_on_and_each_once(feed: Feed) -> None:
    async def main() -> None:
        feed.log.append([seen(0)])
        async with feed.running() as events:
            begun = lambda: feed.log.append([seen(n) for n in range(1, 30)])  # noqa: E731
            found = await listen(events, lambda all_: len(all_) >= 29, begun=begun)
        assert macs(found) == list(range(1, 30))
        assert {kind for _, kind, _ in found} == {"sighting"}
        assert found[0][2]["sentence"] == Reason.CLOSED.sentence

    asyncio.run(main())


def test_who_comes_back_with_the_last_number_misses_nothing(feed: Feed) -> None:
    async def main() -> None:
        async with feed.running() as events:
            begun = lambda: feed.log.append([seen(n) for n in range(10)])  # noqa: E731
            first = await listen(events, lambda all_: len(all_) >= 10, begun=begun)
        for number, (last_id, _, _) in enumerate(first[:-1]):
            rest = await listen(feed.feed, lambda all_: bool(all_), last_id)
            assert macs(rest) == list(range(number + 1, 10))

    asyncio.run(main())


def test_a_listener_sees_what_he_may(feed: Feed) -> None:
    async def sees(asked: Any) -> dict[int, float]:
        # Of one of them from some day on that has not come.
        return {mac: 1e12 if mac == MAC + 7 else 0.0 for mac in asked if mac % 2}

    async def main() -> None:
        feed.log.append([seen(0)])
        begun = lambda: feed.log.append([seen(n) for n in range(1, 20)])  # noqa: E731
        found = await listen(
            feed.feed, lambda all_: len(all_) >= 9, sees=sees, begun=begun
        )
        assert macs(found) == [1, 3, 5, 9, 11, 13, 15, 17, 19]

    asyncio.run(main())


def test_what_cannot_be_looked_up_now_is_told_later(feed: Feed) -> None:
    refusals = [Problem("busy", "Too many."), StoreUnavailable("It is away.")]

    async def sees(asked: Any) -> dict[int, float]:
        if refusals:
            raise refusals.pop()
        return dict.fromkeys(asked, 0.0)

    async def main() -> None:
        begun = lambda: feed.log.append([seen(n) for n in range(5)])  # noqa: E731
        found = await listen(
            feed.feed, lambda all_: len(all_) >= 5, sees=sees, begun=begun
        )
        assert macs(found) == list(range(5))

    asyncio.run(main())


def test_roll_outs_are_told_again_after_the_store_was_too_busy(feed: Feed) -> None:
    refusals = [Problem("busy", "Too many."), StoreUnavailable("It is away.")]
    progress = feed.feed._progress

    async def refused() -> list[dict[str, Any]]:
        if refusals:
            raise refusals.pop()
        return await progress()

    feed.feed._progress = refused

    async def main() -> None:
        feed.rollouts = [{"id": 7, "domain": "a", "back": 1}]
        async with feed.running() as events:
            found = await listen(events, lambda all_: bool(all_))
        assert found[0][1] == "rollout"

    asyncio.run(main())
    assert not refusals


def test_nobody_is_told_how_roll_outs_were_when_another_listened(feed: Feed) -> None:
    async def forgotten() -> None:
        while feed.feed._rollouts:
            await asyncio.sleep(0.01)

    async def main() -> None:
        feed.rollouts = [{"id": 7, "domain": "a", "back": 1}]
        async with feed.running() as events:
            await listen(events, lambda all_: bool(all_))
            feed.rollouts = [{"id": 8, "domain": "a", "back": 0}]
            await asyncio.wait_for(forgotten(), 20)
            found = await listen(events, lambda all_: bool(all_))
        assert [content["id"] for _, _, content in found] == [8]

    asyncio.run(main())


def test_roll_outs_are_told_when_they_went_on(feed: Feed) -> None:
    async def main() -> None:
        feed.rollouts = [{"id": 7, "domain": "a", "back": 1}]
        async with feed.running() as events:

            def until(found: list[tuple[str, str, dict[str, Any]]]) -> bool:
                if len(found) == 1:
                    feed.rollouts = [
                        {"id": 7, "domain": "a", "back": 2},
                        {"id": 6, "domain": "b", "back": 0},
                        {"id": 5, "domain": "", "back": 0},
                        {"id": 8, "domain": "a", "back": 0},
                    ]
                return len(found) >= 3

            found = await listen(events, until, follows=lambda domain: domain == "a")
        told = [(content["id"], content["back"]) for _, _, content in found]
        assert told == [(7, 1), (7, 2), (8, 0)]
        # They have no number: who comes back is told them anew.
        assert {number for number, _, _ in found} == {""}

    asyncio.run(main())


def test_what_was_overwritten_is_told_as_lost(feed: Feed) -> None:
    async def main() -> None:
        feed.log.append([seen(1)])
        end = feed.end()
        feed.log.append([seen(1) for _ in range(1_500)])
        found = await listen(feed.feed, lambda all_: len(all_) > 1_000, end)
        assert found[0][1:] == ("lost", {"sightings": 500})

    asyncio.run(main())


def test_who_does_not_see_all_is_told_no_count_of_all(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sees(asked: Any) -> dict[int, float]:
        return {mac: 0.0 for mac in asked if mac == MAC + 2}

    async def main() -> None:
        feed.log.append([seen(1)])
        end = feed.end()
        feed.log.append([seen(1) for _ in range(1_499)] + [seen(2)])
        found = await listen(feed.feed, lambda all_: len(all_) > 1, end, sees=sees)
        assert [one[1:] for one in found[:1]] == [("lost", {})]
        assert macs(found[1:]) == [2]
        monkeypatch.setattr(eventfeed, "MOST_BEHIND", 100)
        told = await listen(feed.feed, lambda all_: False, end, sees=sees)
        assert told[-1][1:] == ("dropped", {})

    asyncio.run(main())


def test_numbers_tell_nothing_of_how_much_there_was(feed: Feed) -> None:
    async def main() -> None:
        async with feed.running() as events:
            begun = lambda: feed.log.append([seen(n) for n in range(20)])  # noqa: E731
            found = await listen(events, lambda all_: len(all_) >= 20, begun=begun)
        numbers = [number for number, _, _ in found]
        assert len(set(numbers)) == 20
        assert {len(number) for number in numbers} == {54}
        assert len({number[:6] for number in numbers}) == 20

    asyncio.run(main())


def test_who_falls_too_far_behind_is_let_go(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfeed, "MOST_BEHIND", 100)

    async def main() -> None:
        feed.log.append([seen(1)])
        end = feed.end()
        feed.log.append([seen(1) for _ in range(900)])
        found = await listen(feed.feed, lambda all_: False, end)
        assert found[-1][1] == "dropped"

    asyncio.run(main())
    assert feed.dropped("behind") == 1


def test_who_takes_nothing_is_let_go(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfeed, "STALL_SECONDS", 0.05)

    async def stalled(events: EventFeed) -> None:
        async with aclosing(events.events("", None, None)) as some:
            async for _piece in some:
                await asyncio.Event().wait()

    async def main() -> None:
        async with feed.running() as events:
            task = asyncio.create_task(stalled(events))
            with pytest.raises(asyncio.CancelledError):
                await task
            assert feed.feed.metrics()[0].values[""] == 0

    asyncio.run(main())
    assert feed.dropped("stalled") == 1


def test_who_sees_all_finds_a_place_among_those_who_do_not(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfeed, "MAX_LISTENERS", 2)
    monkeypatch.setattr(eventfeed, "MAX_LIMITED_LISTENERS", 1)

    async def sees(macs: Any) -> dict[int, float]:
        return dict.fromkeys(macs, 0.0)

    async def main() -> None:
        async with feed.running() as events:
            first = events.events("", sees, None)
            second = events.events("", sees, None)
            third = events.events("", None, None)
            async with aclosing(first), aclosing(second), aclosing(third):
                await anext(first)
                with pytest.raises(EngineError, match="Too many"):
                    await anext(second)
                await anext(third)

    asyncio.run(main())


def test_nobody_takes_more_than_some_of_the_places(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfeed, "MAX_LISTENERS_OF_ONE", 1)

    async def sees(macs: Any) -> dict[int, float]:
        return dict.fromkeys(macs, 0.0)

    async def main() -> None:
        async with feed.running() as events, AsyncExitStack() as stack:

            async def heard(whose: str, sees: Any = sees) -> None:
                told = events.events("", sees, None, whose=whose)
                await anext(await stack.enter_async_context(aclosing(told)))

            await heard("anna")
            with pytest.raises(EngineError, match="Too many"):
                await heard("anna")
            await heard("otto")
            await heard("all", None)
            with pytest.raises(EngineError, match="Too many"):
                await heard("all", None)

    asyncio.run(main())
    assert feed.dropped("refused") == 2


def test_only_so_many_may_listen(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventfeed, "MAX_LISTENERS", 1)

    async def main() -> None:
        async with feed.running() as events:
            first = events.events("", None, None)
            await anext(first)
            second = events.events("", None, None)
            with pytest.raises(EngineError, match="listen"):
                await anext(second)
            await first.aclose()  # type: ignore[attr-defined]
            third = events.events("", None, None)
            await anext(third)
            await third.aclose()  # type: ignore[attr-defined]

    asyncio.run(main())
    assert feed.dropped("refused") == 1
