"""Requests through all of provisioning, and every way to drive them."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

import pytest

from bootwave.directory.records import Layer, Setting
from bootwave.http.response import Response
from bootwave.options import HttpOptions, Options
from bootwave.pairing.decisions import Consume
from bootwave.sightings import Reason
from bootwave.store.changelog import Change
from tests.provision.bench import (
    ELSEWHERE,
    MAC,
    OTHER_MAC,
    Bench,
    contact,
    nonceless,
    request,
)

UNKNOWN = 0x000413FFFFFF
Way = Callable[[Bench, str], Response]


def together(bench: Bench, *asks: dict[str, object]) -> list[Response]:
    async def ask(how: dict[str, object]) -> Response:
        asked, at = request(**how), contact(**how)  # type: ignore[arg-type]
        ready = bench.provisioner.cached(asked, at)
        return ready or await bench.provisioner.respond(asked, at)

    async def run() -> list[Response]:
        return await asyncio.gather(*(ask(how) for how in asks))

    return asyncio.run(run())


async def _awaited(answer: Awaitable[Response]) -> Response:
    return await answer


def on_a_loop(bench: Bench, path: str) -> Response:
    return asyncio.run(_awaited(bench.provisioner.respond(request(path), contact())))


def at_once(bench: Bench, path: str) -> Response:
    return bench.provisioner.respond_now(request(path), contact())


def test_what_the_change_log_names_is_forgotten(bench: Bench) -> None:
    bench.open(401)
    bench.open(402)
    for change, left in [
        (Change("account", 401), 2),
        (Change("wildcard", 1), 2),
        (Change("device", MAC), 1),
        (Change("domain", 2), 2),
        (Change("domain", 1), 0),
        (Change("model", 3), 0),
        (Change("all", 0), 0),
        (Change("of another version", 0), 0),
    ]:
        bench.get()
        bench.get(mac=OTHER_MAC)
        bench.provisioner.apply([change])
        assert len(bench.cache) == left, change


def test_urls_come_from_the_address_reached_and_never_from_host(bench: Bench) -> None:
    bench.open(401)
    assert bench.get(host="evil.example").body.endswith(b" http://192.168.4.1:8080")
    other = bench.get(local=("10.0.0.1", 80), host="evil.example")
    assert other.body.endswith(b" http://10.0.0.1")


def test_urls_come_from_the_options_where_they_say_one() -> None:
    bench = Bench(Options(http=HttpOptions(url="https://prov.example.com/p/")))
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    bench.open(401)
    assert bench.get().body.endswith(b" https://prov.example.com/p")


def test_with_the_store_away_only_what_is_ready_under_a_grant_is_given(
    bench: Bench,
) -> None:
    bench.open(401)
    bench.open(402)
    bench.get()
    refused = nonceless(bench.get(mac=UNKNOWN))
    bench.store.away = True
    assert bench.get().status == 200
    assert nonceless(bench.get(source=ELSEWHERE)) == refused
    assert nonceless(bench.get(mac=OTHER_MAC)) == refused
    assert bench.reasons[-2:] == [Reason.STORE_AWAY] * 2
    assert bench.totals["store_failures"] == 2
    bench.clock.boottime += 600
    assert bench.get().status == 401


def test_with_the_store_away_general_documents_are_still_given(bench: Bench) -> None:
    bench.store.layers["snom370"] = Layer((Setting("contrast", "3"),))
    bench.store.away = True
    for path in ("/snom370.htm", "/general/snom370.xml", "/snom370-firmware.htm"):
        assert bench.get(path).status == 200
    # Made without its layer, it does not outlive the failure.
    bench.store.away = False
    assert b"['contrast']" in bench.get("/general/snom370.xml").body


def test_the_misses_of_one_turn_are_one_query(bench: Bench) -> None:
    asks: list[dict[str, object]] = [{"mac": UNKNOWN - n} for n in range(50)]
    asks += [{"mac": MAC}, {"mac": MAC, "source": ELSEWHERE}]
    answers = together(bench, *asks)
    assert {answer.status for answer in answers} == {401}
    assert len(bench.store.reads) == 1
    assert len(bench.store.reads[0]) == 51


def test_of_two_hundred_takers_at_once_exactly_one_is_served(bench: Bench) -> None:
    bench.open(401)
    asks: list[dict[str, object]] = [{"source": f"127.0.1.{n}"} for n in range(200)]
    answers = together(bench, *asks)
    assert [answer.status for answer in answers].count(200) == 1
    assert bench.reasons.count(Reason.CONSUMED_BY_OTHER) == 199


def test_of_two_hundred_strangers_exactly_one_claims_the_wildcard(bench: Bench) -> None:
    bench.store.add_account(409, wildcard="*")
    bench.open(409)
    asks: list[dict[str, object]] = [{"mac": UNKNOWN - n} for n in range(200)]
    answers = together(bench, *asks)
    assert [answer.status for answer in answers].count(200) == 1
    assert bench.reasons.count(Reason.WILDCARD_TAKEN) == 199


def test_one_phone_that_asks_twice_at_once_is_served_twice(bench: Bench) -> None:
    bench.open(401)
    answers = together(bench, {}, {"path": "/snom370-0004132E08B4.htm"})
    assert [answer.status for answer in answers] == [200, 200]


def test_a_phone_that_hangs_up_takes_no_write_back(bench: Bench) -> None:
    bench.open(401)
    written: Future[bool] = Future()
    consume = bench.store.consume
    taken: list[Consume] = []

    def slow(decision: Consume, model: str = "") -> Future[bool]:
        taken.append(decision)
        return written

    async def run() -> None:
        bench.store.consume = slow  # type: ignore[method-assign]
        task = asyncio.ensure_future(bench.provisioner.respond(request(), contact()))
        while not taken:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not written.cancelled()
        bench.store.consume = consume  # type: ignore[method-assign]
        written.set_result(bench.store.try_consume(taken[0]))
        again = await bench.provisioner.respond(request(), contact())
        assert again.status == 200

    asyncio.run(run())


def test_a_failing_store_refuses_everyone_of_the_turn(bench: Bench) -> None:
    bench.open(401)
    bench.store.away = True
    answers = together(bench, {}, {"mac": UNKNOWN}, {"path": "/snom370.htm"})
    assert [answer.status for answer in answers] == [401, 401, 200]


def test_a_fault_of_the_program_is_not_dressed_up_as_a_refusal(bench: Bench) -> None:
    def broken(macs: object) -> object:
        raise RuntimeError("a bug")

    bench.store.devices = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(RuntimeError, match="a bug"):
        together(bench, {})
    with pytest.raises(RuntimeError, match="a bug"):
        bench.get()


@pytest.mark.parametrize(
    "path",
    [
        "/0004132E08B4.xml",
        "/snom370-0004132E08B4.htm",
        "/000413FFFFFF.xml",
        "/snom370.htm",
        "/general.xml",
        "/nothing",
    ],
)
def test_both_ways_give_the_same_answer_and_the_same_sighting(path: str) -> None:
    outcomes = []
    ways: list[Way] = [on_a_loop, at_once]
    for way in ways:
        bench = Bench()
        bench.store.add_account(401)
        bench.store.bind(401, MAC)
        bench.open(401)
        outcomes.append((way(bench, path), bench.sightings, bench.store.reads))
    assert outcomes[0] == outcomes[1]
