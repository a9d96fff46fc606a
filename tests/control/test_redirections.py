"""A control process that carries redirection out, against a service that fails."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bootwave import log
from bootwave.control import redirections
from bootwave.control.plane import ControlPlane
from bootwave.control.session import DirectSession
from bootwave.engine import local_options, make_store
from bootwave.errors import RedirectionUnreachable
from bootwave.metrics import CounterPage
from bootwave.options import Options, RedirectionOptions
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.redirection import plan
from bootwave.redirection.ledger import Ledger
from bootwave.redirection.survey import LIST_PATIENCE, Survey
from bootwave.redirection.vendors import Call, Verdict
from bootwave.redirection.xmlrpc import Answer
from tests.peers.redirectionservice import Service

DOMAIN = "pbx.example.com"
BASE = "https://pbx.example.com"
URL = BASE + "/{mac}.xml"
PATIENCE = 30.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    yield running
    running.fail()
    running.take(*running.steer()["entries"])
    running.steer(forget_calls=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait for longer than a test can."""
    monkeypatch.setattr(plan, "UNREACHABLE_SECONDS", (0.1, 0.5))
    monkeypatch.setattr(plan, "PAUSE_SECONDS", (0.1, 0.5))
    monkeypatch.setattr(plan, "ACCOUNT_SECONDS", (0.2, 0.5))
    monkeypatch.setattr(redirections, "IDLE_SECONDS", 0.05)
    # What one test had noted is held back from the next no more.
    monkeypatch.setattr(log, "_limiter", log._Limiter())


@pytest.fixture
def options(tmp_path: Path, service: Service) -> Options:
    found = local_options(tmp_path)
    make_store(found)
    how = RedirectionOptions(
        service=service.url, cas=(service.ca,), calls_per_second=1000, timeout_seconds=2
    )
    return found.model_copy(update={"redirection": how})


@asynccontextmanager
async def engine(options: Options) -> AsyncIterator[ControlPlane]:
    plane = ControlPlane(
        *(options, RevocationPage(), AnsweringPage(1), CounterPage(1), []),
        started=time.time(),
    )
    await plane.start()
    try:
        yield plane
    finally:
        await plane.stop()


def mac(number: int) -> str:
    return f"{0x000413260000 + number:012X}"


async def bound(plane: ControlPlane, *numbers: int) -> None:
    await plane.call("domain.add", {"name": DOMAIN})
    rows = [
        {
            "extension": str(400 + number),
            "domain": DOMAIN,
            "password": "secret-word",
            "mac": mac(number),
        }
        for number in numbers
    ]
    await plane.call("account.import", {"rows": rows})


async def set_account(plane: ControlPlane, **more: str) -> None:
    given = {"user": "reseller", "password": "swordfish", "url": BASE, **more}
    await plane.call("redirection.set", given)


async def until(plane: ControlPlane, condition: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not condition(shown := await plane.call("redirection.status", {})):
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.02)
    return shown


async def settled(plane: ControlPlane, phones: int) -> Any:
    return await until(
        plane,
        lambda shown: (
            shown["listed"]
            and shown["phones"]["registered"] == phones
            and sum(shown["phones"].values()) == phones
        ),
    )


def run(scenario: Callable[[], Any]) -> None:
    asyncio.run(scenario())


def test_bindings_are_registered_moved_and_taken_away(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1, 2)
            await set_account(plane)
            await settled(plane, 2)
            shown = await until(plane, lambda one: one["state"] == "answers")
            assert not shown["troubled"]
            assert service.entries == {mac(1): URL, mac(2): URL}
            await plane.call(
                "account.bind", {"account": f"401@{DOMAIN}", "mac": mac(3)}
            )
            await plane.call("account.unbind", {"account": f"402@{DOMAIN}"})
            await settled(plane, 1)
            assert service.entries == {mac(3): URL}

    run(scenario)


@pytest.mark.parametrize(
    "kind", ["500", "garbage", "huge", "reset", "partial", "lost", "page", "moved"]
)
def test_calls_that_fail_are_made_again(
    options: Options, service: Service, kind: str
) -> None:
    async def scenario() -> None:
        service.fail(kind, method="redirect.registerPhone", times=2)
        async with engine(options) as plane:
            await bound(plane, 1, 2, 3)
            await set_account(plane)
            await settled(plane, 3)
            totals = (await plane.call("engine.status", {}))["counters"]
            assert totals["redirection_failures"] == 2
            assert totals["redirection_calls"] > 5
        assert service.entries == {mac(number): URL for number in (1, 2, 3)}

    run(scenario)


def test_a_service_that_is_slow_is_given_up_and_called_again(
    options: Options, service: Service
) -> None:
    how = options.redirection.model_copy(update={"timeout_seconds": 0.2})
    hasty = options.model_copy(update={"redirection": how})

    async def scenario() -> None:
        service.fail("slow", method="redirect.registerPhone")
        async with engine(hasty) as plane:
            await bound(plane, 1)
            await set_account(plane)
            shown = await until(plane, lambda one: one["phones"]["unreachable"])
            (troubled,) = shown["troubled"]
            assert troubled["words"] == "no answer within 0.2 seconds"
            service.fail()
            await settled(plane, 1)

    run(scenario)


def test_a_fault_is_told_in_its_own_words(options: Options, service: Service) -> None:
    async def scenario() -> None:
        service.fail("fault", method="redirect.registerPhone")
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane)
            shown = await until(plane, lambda one: one["phones"]["refused"])
            (troubled,) = shown["troubled"]
            assert troubled["words"] == "fault: java.lang.NullPointerException"
            service.fail()
            await plane.call("redirection.sync", {})
            await settled(plane, 1)

    run(scenario)


def test_a_service_with_a_wrong_certificate_is_told_nothing(
    options: Options, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        with Service(tmp_path / "false", "other-ca") as false:
            how = options.redirection.model_copy(
                update={"service": false.url, "cas": (false.ca,)}
            )
            async with engine(options.model_copy(update={"redirection": how})) as plane:
                await bound(plane, 1)
                await set_account(plane)
                shown = await until(plane, lambda one: one["state"] == "unreachable")
                assert "its certificate is not trusted" in shown["words"]
            assert not false.calls

    run(scenario)
    assert "does not answer as it should: its certificate is not" in caplog.text


def test_cas_that_cannot_be_read_are_told_and_nothing_is_called(
    options: Options, service: Service, tmp_path: Path
) -> None:
    how = options.redirection.model_copy(update={"cas": (tmp_path / "missing.pem",)})

    async def scenario() -> None:
        async with engine(options.model_copy(update={"redirection": how})) as plane:
            await bound(plane, 1)
            await set_account(plane)
            shown = await until(plane, lambda one: one["state"] == "unreachable")
            assert shown["words"].startswith("redirection.cas: ")
        assert not service.calls

    run(scenario)


def test_a_phone_that_the_service_cannot_answer_for_keeps_nobody_else_waiting(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        service.fail("500", mac=mac(2))
        async with engine(options) as plane:
            await bound(plane, 1, 2, 3)
            await set_account(plane)
            shown = await until(
                plane,
                lambda one: (
                    one["phones"]["registered"] == 2 and one["phones"]["unreachable"]
                ),
            )
            (troubled,) = shown["troubled"]
            assert (troubled["mac"], troubled["words"]) == (mac(2), "HTTP 500")
            service.fail()
            await settled(plane, 3)

    run(scenario)


def test_an_account_that_is_refused_is_said_so_and_set_right(
    options: Options, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane, password="wrong")
            shown = await until(plane, lambda one: one["state"] == "refused")
            assert shown["words"] == "HTTP 401"
            assert not service.entries
            await plane.call("redirection.set", {"password": "swordfish"})
            await settled(plane, 1)

    run(scenario)
    assert "does not accept the account: HTTP 401" in caplog.text
    assert "swordfish" not in caplog.text


def test_a_mac_of_another_user_is_an_alarm_with_the_services_words(
    options: Options, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        service.put((mac(1), "rival", "https://rival.example.com/"))
        async with engine(options) as plane:
            await bound(plane, 1, 2)
            await set_account(plane)
            shown = await until(
                plane, lambda one: one["phones"]["owned"] and one["listed"]
            )
            (troubled,) = shown["troubled"]
            assert troubled["words"] == "Error:owned_by_other_user"
            found = await plane.call("redirection.status", {"mac": mac(1)})
            assert found["state"] == "owned"
            totals = (await plane.call("engine.status", {}))["counters"]
            assert totals["redirection_alarms"] == 1
            service.take(mac(1))
            await plane.call("redirection.sync", {})
            await settled(plane, 2)

    run(scenario)
    assert f"{mac(1)}, which is bound here, belongs to another user" in caplog.text


def test_drift_is_found_told_and_repaired(
    options: Options, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1, 2, 3)
            await set_account(plane)
            await settled(plane, 3)
            stolen = "https://else.example.com:444/with/a-secret"
            service.put((mac(1), "reseller", stolen))
            service.put((mac(7), "reseller", URL))
            service.take(mac(2))
            await plane.call("redirection.sync", {})
            await settled(plane, 3)
            found = await plane.call("redirection.status", {"mac": mac(1)})
            assert found["elsewhere"] == "https://else.example.com:444"
            totals = (await plane.call("engine.status", {}))["counters"]
            assert totals["redirection_alarms"] == 1
        assert service.entries == {mac(number): URL for number in (1, 2, 3)}

    run(scenario)
    assert "was redirected to https://else.example.com:444 by this account" in (
        caplog.text
    )
    assert (
        "2 phones are gone or sent elsewhere, 1 come here that are bound nowhere, of "
        "which 1 are taken away"
    ) in caplog.text
    assert "a-secret" not in caplog.text


@pytest.mark.parametrize("kind", ["garbage", "huge", "slow"])
def test_a_list_that_cannot_be_had_is_passed_over_and_its_phones_looked_at(
    options: Options, service: Service, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One type of phones of which nothing can be listed, and all else answers."""
    quick = options.redirection.model_copy(update={"timeout_seconds": 0.5})
    options = options.model_copy(update={"redirection": quick})
    service.fail(kind, method="redirect.listPhones", mac="snom370")

    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1, 2, 3)
            await set_account(plane)
            shown = await settled(plane, 3)
            assert shown["state"] == "answers"
            service.put((mac(2), "reseller", "https://else.example.com/"))
            compared = await plane.call("redirection.compare", {})
            assert compared["unseen"]["macs"] == [mac(1), mac(2), mac(3)]
            await plane.call("redirection.sync", {})
            await settled(plane, 3)
            assert service.entries[mac(2)] == URL
            found = await plane.call("redirection.status", {"mac": mac(2)})
            assert found["elsewhere"] == "https://else.example.com"

    run(scenario)
    assert "does not list phones of the type snom370" in caplog.text


def test_who_asks_to_be_left_alone_at_a_list_is_not_called_again_at_once(
    options: Options, service: Service
) -> None:
    service.fail("too-many", method="redirect.listPhones")

    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane)
            shown = await until(plane, lambda one: one["state"] == "unreachable")
            assert shown["words"] == "HTTP 429"
            assert service.calls[-1][1] == "redirect.listPhones"
            many = len(service.calls)
            with pytest.raises(
                RedirectionUnreachable, match=r"HTTP 429.* left alone for \d+ seconds"
            ):
                await plane.call("redirection.compare", {})
            assert len(service.calls) == many
            # Who changes the account wants to know at once.
            service.fail()
            await set_account(plane)
            found = await plane.call("redirection.compare", {})
            assert found["nowhere"]["count"] + found["right"]["count"] == 1

    run(scenario)


def test_what_a_comparison_was_told_holds_for_all_calls(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane)
            await settled(plane, 1)
            service.fail("too-many", method="redirect.listPhones")
            with pytest.raises(RedirectionUnreachable, match="HTTP 429"):
                await plane.call("redirection.compare", {})
            shown = await until(plane, lambda one: one["state"] == "unreachable")
            assert shown["next_at"] > time.time() + 30
            service.steer(forget_calls=True)
            await plane.call("account.unbind", {"account": f"401@{DOMAIN}"})
            await until(plane, lambda one: one["phones"]["removing"])
            with pytest.raises(RedirectionUnreachable, match="left alone"):
                await plane.call("redirection.compare", {})
            assert not service.calls
            service.fail("401")
            await set_account(plane)
            await until(plane, lambda one: one["state"] == "refused")

    run(scenario)


def test_a_comparison_ends_where_the_service_asks_to_be_left_alone_meanwhile(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane)
            await settled(plane, 1)
            # Its first list is answered once the engine was asked to leave it alone.
            held = {"kind": "held", "method": "redirect.listPhones", "times": 1}
            many = {"kind": "too-many", "method": "redirect.getPhoneRedirection"}
            service.steer(forget_calls=True, faults=[held, many])
            comparing = asyncio.create_task(plane.call("redirection.compare", {}))
            while not service.calls:
                await asyncio.sleep(0.02)
            await plane.call("account.unbind", {"account": f"401@{DOMAIN}"})
            await until(plane, lambda one: one["state"] == "unreachable")
            calls = len(service.calls)
            service.fail()
            with pytest.raises(RedirectionUnreachable, match="left alone for"):
                await comparing
            assert len(service.calls) == calls

    run(scenario)


def test_a_comparison_that_fails_calls_nobody_sooner_than_the_service_asked_for(
    options: Options, service: Service
) -> None:
    service.fail("500")
    with DirectSession(options) as session:
        session.call("domain.add", name=DOMAIN)
        session.call("redirection.set", user="reseller", password="swordfish", url=BASE)
        store = session.administration
        ledger = Ledger(
            store,
            service=options.redirection.service,
            list_seconds=3_600.0,
            chance=lambda: 0.5,
        )

        def asked_meanwhile(done: int, _lists: int) -> None:
            if not done:
                account = ledger.account()
                ledger.save_health(
                    plan.failed(account, "HTTP 429", time.time(), 0.5, asked=3_600.0),
                    account,
                )

        with pytest.raises(RedirectionUnreachable):
            asyncio.run(
                redirections.compared_directly(
                    store, options.redirection, asked_meanwhile
                )
            )
        assert plan.is_left_alone(ledger.account(), time.time() + 1_800)


def test_a_dry_run_at_another_service_asks_it_whatever_the_first_one_did(
    options: Options, service: Service, tmp_path: Path
) -> None:
    with (
        Service(tmp_path / "false", "wrong-host") as false,
        DirectSession(options) as session,
    ):
        session.call("domain.add", name=DOMAIN)
        session.call("redirection.set", user="reseller", password="swordfish", url=BASE)
        how = options.redirection.model_copy(
            update={"service": false.url, "cas": (false.ca,)}
        )

        def compared(how: RedirectionOptions) -> Any:
            return asyncio.run(
                redirections.compared_directly(
                    session.administration, how, lambda *_: None
                )
            )

        for _ in range(plan.PATIENCE):
            with pytest.raises(RedirectionUnreachable, match="certificate is not"):
                compared(how)
        with pytest.raises(RedirectionUnreachable, match="left alone for"):
            compared(how)
        assert compared(options.redirection)["right"] == {"count": 0, "macs": []}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.004, "1 second"),
        (1.0, "1 second"),
        (1.2, "2 seconds"),
        (119.0, "119 seconds"),
        (119.5, "2 minutes"),
        (121.0, "3 minutes"),
        (3_600.0, "60 minutes"),
    ],
)
def test_nobody_is_told_to_wait_for_less_than_it_takes(
    seconds: float, words: str
) -> None:
    assert redirections.wait_in_words(seconds) == words


def test_a_list_is_passed_over_only_by_a_service_that_answers_otherwise() -> None:
    asked: list[Call] = []
    away = RedirectionUnreachable("HTTP 429", wait_seconds=40.0)

    async def call(what: Call, **_given: Any) -> Answer:
        asked.append(what)
        if what is Call.LIST or len(asked) == 2:
            raise away
        return Answer(Verdict.DONE)

    async def scenario() -> None:
        survey = Survey(["snom320", "snom370"], {}, 0.0)
        while (wanted := survey.next_list()) == ("snom320", ""):
            with contextlib.suppress(RedirectionUnreachable):
                await redirections.ask_for_list(survey, wanted, call)
        # After the first list it was away altogether, and nothing was concluded.
        assert (
            asked
            == [Call.LIST, Call.ECHO, *LIST_PATIENCE * (Call.ECHO, Call.LIST)][:-1]
        )
        assert survey.next_list() == ("snom370", "")

    run(scenario)


def test_a_phone_that_another_engine_took_over_is_not_taken_away_from_it(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane)
            await settled(plane, 1)
            service.put((mac(1), "reseller", "https://second.example.com/{mac}.xml"))
            await plane.call("account.unbind", {"account": f"401@{DOMAIN}"})
            await settled(plane, 0)
        assert service.entries == {mac(1): "https://second.example.com/{mac}.xml"}

    run(scenario)


def test_a_comparison_changes_nothing_and_tells_how_far_it_is(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        steps: list[tuple[int, int]] = []
        async with engine(options) as plane:
            await bound(plane, 1, 2)
            await set_account(plane)
            await settled(plane, 2)
            service.put((mac(7), "reseller", URL))
            service.take(mac(2))
            service.steer(forget_calls=True)
            found = await plane.call(
                "redirection.compare", {}, lambda *step: steps.append(step)
            )
            assert found["right"] == {"count": 1, "macs": [mac(1)]}
            assert found["nowhere"] == {"count": 1, "macs": [mac(2)]}
            assert found["strays"] == {"count": 1, "macs": [mac(7)]}
            assert steps[0] == (0, steps[0][1])
            assert steps[-1][0] == steps[-1][1] - 1
            assert {method for _, method, _ in service.calls} == {"redirect.listPhones"}

    run(scenario)


def test_an_engine_goes_on_where_another_stopped(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        service.fail("500")
        async with engine(options) as plane:
            await bound(plane, *range(20))
            await set_account(plane)
            await until(plane, lambda one: one["state"] == "unreachable")
        service.fail()
        async with engine(options) as plane:
            await settled(plane, 20)
        assert len(service.entries) == 20

    run(scenario)


def test_without_an_account_nobody_is_called(
    options: Options, service: Service
) -> None:
    async def scenario() -> None:
        async with engine(options) as plane:
            await bound(plane, 1)
            await set_account(plane)
            await settled(plane, 1)
            assert (await plane.call("redirection.unset", {})) == {"phones": 1}
            await plane.call("account.unbind", {"account": f"401@{DOMAIN}"})
            await asyncio.sleep(0.3)
        assert service.entries == {mac(1): URL}

    run(scenario)
