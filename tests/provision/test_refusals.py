"""Refusals of who asks for many MACs: held back, put off, told."""

import asyncio
import logging

import pytest

from bootwave import log
from bootwave.http.response import Response
from bootwave.options import LimitsOptions, Options
from bootwave.provision.refusals import RETRY_AFTER_SECONDS
from bootwave.sightings import Reason
from tests.provision.bench import (
    ELSEWHERE,
    HERE,
    MAC,
    Bench,
    contact,
    nonceless,
    request,
)
from tests.provision.client import digest, nonce_of
from tests.provision.memory import pair_of

FIRST = 0x000413000000
APART = 1 << 12  # no neighbours
FEW = LimitsOptions(misses=10, delay_seconds=2, delayed=8)


def made(limits: LimitsOptions = FEW) -> Bench:
    bench = Bench(Options(limits=limits))
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    return bench


@pytest.fixture
def bench() -> Bench:
    """One phone, closed; ten misses of one address are its limit."""
    return made()


def enumerated(bench: Bench, source: str = HERE, macs: int = 30) -> None:
    """Have *source* ask for many MACs, and let their grace pass."""
    for number in range(macs):
        bench.get(mac=FIRST + number * APART, source=source)
    bench.clock.boottime += 11
    bench.get(mac=FIRST, source=source)


def later(bench: Bench, **how: object) -> tuple[Response, float]:
    """Return the answer of an event loop, and for how long it was held back."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def ask() -> Response:
        return await bench.provisioner.respond(
            request(**how),  # type: ignore[arg-type]
            contact(**how),  # type: ignore[arg-type]
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bootwave.provision.service.asyncio.sleep", sleep)
        answer = asyncio.run(ask())
    return answer, sum(slept)


def test_a_refusal_is_held_back_when_its_address_asked_for_many(bench: Bench) -> None:
    plain = later(bench, source=ELSEWHERE)
    assert plain[1] == 0
    enumerated(bench)
    answer, seconds = later(bench, mac=FIRST)
    assert seconds == 2
    assert nonceless(answer) == nonceless(plain[0])
    assert bench.totals["misses_slowed"] >= 1
    assert later(bench, source=ELSEWHERE)[1] == 0
    bench.clock.boottime += 3600
    assert later(bench, mac=FIRST)[1] == 0


def test_bound_and_unknown_phones_are_held_back_alike(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    enumerated(bench)
    held = [later(bench, mac=mac) for mac in (MAC, FIRST, 0x000413000009)]
    assert {seconds for _, seconds in held} == {2}
    assert len({nonceless(answer) for answer, _ in held}) == 1


def test_what_is_not_refused_is_not_held_back(bench: Bench) -> None:
    enumerated(bench)
    bench.open(401)
    assert later(bench) == (bench.get(), 0)
    assert bench.reasons[-1] is Reason.SERVED_WINDOW
    assert later(bench, path="/general.xml")[1] == 0
    # From now on this address is known to be that phone's: it may be refused, too.
    bench.close(401)
    answer, seconds = later(bench)
    assert (answer.status, seconds) == (401, 0)


def test_a_wave_behind_one_address_is_never_held_back() -> None:
    bench = made(LimitsOptions(misses=10, run_misses=10))
    for number in range(300):
        mac = FIRST + number
        bench.store.add_account(1000 + number)
        bench.store.bind(1000 + number, mac)
        bench.store.credentials[mac] = pair_of(mac)
    for start in range(0, 300, 100):  # a hundred at a time ask and then prove
        asked = {}
        for number in range(start, start + 100):
            mac = FIRST + number
            answer, seconds = later(bench, mac=mac)
            assert (answer.status, seconds) == (401, 0)
            asked[mac] = nonce_of(answer)
        bench.clock.boottime += 5
        for mac, nonce in asked.items():
            user, uri = f"user1-of-{mac:012X}", f"/{mac:012X}.xml"
            shown = digest(user, "pass1-credentials", uri, nonce)
            answer, seconds = later(bench, mac=mac, authorization=shown)
            assert (answer.status, seconds) == (200, 0)
    bench.clock.boottime += 60
    assert later(bench)[1] == 0
    assert bench.totals["misses"] == 0


def test_more_than_can_be_held_back_is_put_off_and_nobody_else_is(
    bench: Bench,
) -> None:
    enumerated(bench)

    async def ask(source: str, number: int) -> Response:
        return await bench.provisioner.respond(
            request(mac=FIRST + number), contact(source=source)
        )

    async def flood() -> list[Response]:
        patience = 0.5
        tasks = [asyncio.create_task(ask(HERE, number)) for number in range(50)]
        tasks += [asyncio.create_task(ask(ELSEWHERE, number)) for number in range(5)]
        done, pending = await asyncio.wait(tasks, timeout=patience)
        assert len(pending) == 2  # a quarter of eight is for one address
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return [task.result() for task in tasks if task in done]

    statuses = [answer.status for answer in asyncio.run(flood())]
    assert statuses.count(503) == 48
    assert statuses[-5:] == [401] * 5
    assert bench.reasons.count(Reason.SLOWED) >= 48
    assert bench.provisioner._way._refusals.held == 0
    assert bench.totals["misses_shed"] >= 48


def test_who_is_put_off_is_told_when_to_come_back() -> None:
    bench = made(LimitsOptions(misses=1, delayed=0))
    enumerated(bench)
    answer = bench.get(mac=FIRST)
    assert answer.status == 503
    assert answer.headers == ((b"Retry-After", b"%d" % RETRY_AFTER_SECONDS),)
    assert not answer.close


def test_neighbours_of_what_many_ask_for_are_slowed_and_never_put_off() -> None:
    bench = made(LimitsOptions(run_misses=20, delayed=1))
    for number in range(40):
        bench.get(mac=FIRST + number, source=f"192.168.9.{number}")
    bench.clock.boottime += 11
    bench.get(mac=FIRST, source="192.168.9.0")
    assert later(bench, mac=FIRST + 100, source=ELSEWHERE)[1] == 2
    assert later(bench, mac=FIRST + APART, source=ELSEWHERE)[1] == 0

    async def both() -> list[int]:
        async def ask(number: int) -> int:
            answer = await bench.provisioner.respond(
                request(mac=FIRST + number), contact(source=ELSEWHERE)
            )
            return answer.status

        first = asyncio.create_task(ask(200))
        await asyncio.sleep(0.05)
        second = await asyncio.wait_for(ask(201), 0.5)
        first.cancel()
        return [second]

    assert asyncio.run(both()) == [401]


def test_the_operator_is_told_once_a_minute(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_limiter", log._Limiter())
    with caplog.at_level(logging.WARNING, "bootwave.provision"):
        for _ in range(3):
            enumerated(bench)
    (line,) = caplog.messages
    assert HERE in line
    assert "MACs were asked for" in line
    assert bench.totals["enumerations"] == 1
    assert bench.totals["misses"] >= 30


def test_trouble_of_our_own_counts_against_nobody(bench: Bench) -> None:
    bench.store.away = True
    enumerated(bench)
    bench.store.away = False
    assert bench.totals["misses"] == 0
    assert later(bench)[1] == 0


def test_without_a_delay_nothing_is_slowed() -> None:
    bench = made(LimitsOptions(misses=1, delay_seconds=0))
    enumerated(bench)
    assert later(bench)[1] == 0
    assert bench.get().status == 401
