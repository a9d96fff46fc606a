"""Calls to a service of its own process: TLS, bounds, and everything that fails."""

import asyncio
import gc
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvloop

from bootwave.errors import OptionError, RedirectionRefused, RedirectionUnreachable
from bootwave.redirection.client import Client, _asked_wait
from bootwave.redirection.vendors import Call, Verdict, vendors
from bootwave.redirection.xmlrpc import Answer
from tests.peers.redirectionservice import Service

MAC = 0x0004132E08B4
URL = "https://pbx.example.com/{mac}.xml"
PATIENCE = 20.0  # seconds until a test that hangs is given up
SNOM = vendors()["snom"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    yield running
    running.fail()
    running.take(*running.entries)
    running.steer(forget_calls=True)


def client(
    service: Service,
    *,
    user: str = "reseller",
    password: str = "swordfish",
    url: str = "",
    timeout_seconds: float = 10,
) -> Client:
    return Client(
        *(SNOM, user, password),
        url=url or service.url,
        cas=[service.ca],
        timeout_seconds=timeout_seconds,
    )


def called(client: Client, *calls: dict[str, object]) -> list[Answer]:
    """Return the answers to *calls* over one connection."""

    async def scenario() -> list[Answer]:
        async with client:
            return [await client.call(**each) for each in calls]  # type: ignore[arg-type]

    return asyncio.run(scenario())


def test_a_phone_is_registered_found_listed_and_taken_away(service: Service) -> None:
    about = {"mac": MAC}
    answers = called(
        client(service),
        {"call": Call.ECHO, "text": "ping"},
        {"call": Call.REGISTER, "url": URL, **about},
        {"call": Call.LOOK, **about},
        {"call": Call.LIST, "type_": "snom370"},
        {"call": Call.LIST, "type_": "snom370", "url": URL},
        {"call": Call.LIST, "type_": "snom370", "url": "https://other.example.com/"},
        {"call": Call.DEREGISTER, **about},
        {"call": Call.LOOK, **about},
    )
    done = Answer(Verdict.DONE)
    assert answers == [
        *(done, done, Answer(Verdict.DONE, url=URL)),
        *(Answer(Verdict.DONE, macs=(MAC,)), Answer(Verdict.DONE, macs=(MAC,)), done),
        *(done, Answer(Verdict.UNKNOWN, "Error:no_such_mac")),
    ]


def test_the_owner_of_a_mac_is_another(service: Service) -> None:
    service.put(("0004132E08B4", "rival", "https://rival.example.com/"))
    (answer,) = called(client(service), {"call": Call.REGISTER, "mac": MAC, "url": URL})
    assert answer == Answer(Verdict.OWNED, "Error:owned_by_other_user")
    service.take("0004132E08B4")


def test_an_account_that_is_wrong_is_refused(service: Service) -> None:
    for user, password in (("reseller", "wrong"), ("nobody", "swordfish")):
        with pytest.raises(RedirectionRefused, match="HTTP 401"):
            called(
                client(service, user=user, password=password),
                {"call": Call.ECHO, "text": "ping"},
            )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("500", "HTTP 500"),
        ("moved", "HTTP 302, and redirects are not followed"),
        ("garbage", "no result of XML-RPC: it is no XML"),
        ("page", "no result of XML-RPC"),
        ("bomb", "document type or entities"),
        ("huge", "above 16 MiB"),
        ("reset", "the connection broke"),
        ("partial", "the answer is no HTTP, or broke off"),
    ],
)
def test_what_is_no_answer_is_told_in_words(
    service: Service, kind: str, words: str
) -> None:
    service.fail(kind)
    with pytest.raises(RedirectionUnreachable, match=words):
        called(client(service), {"call": Call.REGISTER, "mac": MAC, "url": URL})
    service.fail()
    called(client(service), {"call": Call.REGISTER, "mac": MAC, "url": URL})


def test_how_long_the_service_wants_to_be_left_alone_is_told(service: Service) -> None:
    for kind, seconds in (("too-many", 40.0), ("500", 0.0)):
        service.fail(kind)
        with pytest.raises(RedirectionUnreachable) as caught:
            called(client(service), {"call": Call.ECHO, "text": "ping"})
        assert caught.value.wait_seconds == seconds


def test_a_fault_is_a_refusal_in_the_services_words(service: Service) -> None:
    service.fail("fault")
    (answer,) = called(client(service), {"call": Call.REGISTER, "mac": MAC, "url": URL})
    words = "fault: java.lang.NullPointerException"
    assert answer == Answer(Verdict.REFUSED, words)


def test_a_fault_that_says_the_password_is_told_without_it(service: Service) -> None:
    service.fail("babble")
    (answer,) = called(client(service), {"call": Call.REGISTER, "mac": MAC, "url": URL})
    words = "fault: reseller:(secret) of (secret) is out of luck"
    assert answer == Answer(Verdict.REFUSED, words)


def test_one_that_is_slow_is_not_waited_for(service: Service) -> None:
    service.fail("slow")
    with pytest.raises(RedirectionUnreachable, match=r"no answer within 0\.5 seconds"):
        called(
            client(service, timeout_seconds=0.5),
            {"call": Call.REGISTER, "mac": MAC, "url": URL},
        )


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("is_cancelled", [False, True])
def test_what_ends_in_the_handshake_leaves_no_connection(
    service: Service,
    is_cancelled: bool,
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it takes too long or is cancelled, as when the control process stops."""
    deadlines: list[asyncio.Timeout] = []
    timeout = asyncio.timeout

    def kept(seconds: float | None) -> asyncio.Timeout:
        deadlines.append(timeout(seconds))
        return deadlines[-1]

    monkeypatch.setattr(asyncio, "timeout", kept)

    async def scenario(listener: socket.socket) -> None:
        url = "https://127.0.0.1:{1}/".format(*listener.getsockname())
        async with client(service, url=url, timeout_seconds=60) as one:
            call = asyncio.ensure_future(one.call(Call.ECHO, text="ping"))
            peer = await asyncio.to_thread(lambda: listener.accept()[0])
            with peer:
                peer.settimeout(PATIENCE)
                hello = await asyncio.to_thread(peer.recv, 65_536)
                assert hello.startswith(b"\x16\x03")
                if is_cancelled:
                    call.cancel()
                else:
                    (deadline,) = deadlines
                    # Now, however long it took to come this far.
                    deadline.reschedule(asyncio.get_running_loop().time())
                ended = (
                    asyncio.CancelledError if is_cancelled else RedirectionUnreachable
                )
                with pytest.raises(ended):
                    await call
                assert await asyncio.to_thread(peer.recv, 65_536) == b""

    loop = new_loop()
    gc.disable()
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            # In a thread, which no time-out of the scenario would end.
            listener.settimeout(PATIENCE)
            loop.run_until_complete(asyncio.wait_for(scenario(listener), 30))
    finally:
        gc.enable()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_the_slash_at_the_end_is_part_of_the_url(service: Service) -> None:
    with pytest.raises(RedirectionUnreachable, match="HTTP 404"):
        called(
            client(service, url=service.url.rstrip("/")),
            {"call": Call.ECHO, "text": "ping"},
        )


def test_a_port_where_nobody_listens_is_no_connection(service: Service) -> None:
    with pytest.raises(RedirectionUnreachable, match="no connection"):
        called(
            client(service, url="https://127.0.0.1:1/xmlrpc/"),
            {"call": Call.ECHO, "text": "ping"},
        )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("wrong-host", r"IP address mismatch.*[^.]$"),
        ("other-ca", "signature failure"),
        ("expired", "expired"),
    ],
)
def test_a_certificate_that_is_wrong_gets_no_password(
    wrong: str, words: str, tmp_path: Path
) -> None:
    with Service(tmp_path, wrong) as service:
        with pytest.raises(
            RedirectionUnreachable, match=f"its certificate is not trusted.*{words}"
        ):
            called(client(service), {"call": Call.ECHO, "text": "ping"})
        assert not service.calls


def test_the_systems_cas_do_not_know_the_stand_in(service: Service) -> None:
    strict = Client(SNOM, "u", "p", url=service.url, timeout_seconds=10)
    with pytest.raises(RedirectionUnreachable, match="not trusted"):
        called(strict, {"call": Call.ECHO, "text": "ping"})


def test_cas_that_cannot_be_read_are_the_operators_to_repair(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(OptionError, match=r"redirection\.cas: .* holds no"):
            Client(SNOM, "u", "p", cas=[path], timeout_seconds=1)


def test_no_password_shows(service: Service) -> None:
    found = client(service)
    assert "swordfish" not in repr(found) + repr(vars(found))
    asyncio.run(found.__aexit__())


@pytest.mark.parametrize(
    ("status", "fields", "seconds"),
    [
        (503, {"Retry-After": "40"}, 40.0),
        (
            429,
            {
                "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT",
                "Date": "Fri, 31 Dec 1999 23:59:00 GMT",
            },
            59.0,
        ),
        (503, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0.0),
        (503, {"Retry-After": "soon"}, 0.0),
        (503, {"Retry-After": "Fri, 31 Dec 99999 23:59:59 GMT"}, 0.0),
        (503, {}, 0.0),
        (500, {"Retry-After": "40"}, 0.0),
    ],
)
def test_how_long_a_service_asks_to_be_left_alone(
    status: int, fields: dict[str, str], seconds: float
) -> None:
    assert _asked_wait(httpx.Response(status, headers=fields)) == seconds
