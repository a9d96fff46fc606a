"""The engine without sockets, as transcripts: bytes and time in, bytes out."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest

import bootwave
from bootwave.engine import local_options, make_store
from bootwave.errors import OptionError, StoreError
from bootwave.http.contact import Contact
from bootwave.http.effects import Close, HalfClose, SendBytes
from bootwave.options import Options
from bootwave.pairing.instant import Instant
from bootwave.sightings import Reason, Sighting
from bootwave.sip.effects import Endpoint, Local, SendDatagram
from bootwave.socketless import Outgoing, SocketlessEngine
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from tests.oracle.proxies import LOCAL, framed, header

CAPTURES = Path(__file__).parent / "captures"
SUBSCRIBE = (CAPTURES / "snom370-8.7.5.48.txt").read_bytes()
REGISTER = (CAPTURES / "register-noise.txt").read_bytes()
SECRET = b"0123456789abcdef"
MAC = "0004132E08B4"
ACCOUNT = "401@pbx.example.com"
PASSWORD = "s3cret-of-401"
PHONE = Endpoint("192.168.12.155", 1053)
HERE = Local("192.168.12.1", 2)
CONTACT = Contact("192.168.12.155", ("192.168.12.1", 8080))
START = 1000.0


class Clock:
    """The instant that tests move."""

    def __init__(self) -> None:
        self.boottime = START
        self.boot_id = "first"

    def __call__(self) -> Instant:
        return Instant(self.boottime, self.boot_id, 1_700_000_000 + self.boottime)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one bound account, closed."""
    directory = tmp_path_factory.mktemp("made")
    options = local_options(directory)
    make_store(options)
    with closing(administration(options, Clock())) as admin:
        admin.domain_add("pbx.example.com")
        admin.account_add(ACCOUNT, name="Anna", password=PASSWORD, mac=MAC)
    return directory


@pytest.fixture
def options(made: Path, tmp_path: Path) -> Options:
    return copied(made, tmp_path / "store")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen() -> list[Sighting]:
    return []


@pytest.fixture
def engine(
    options: Options, clock: Clock, seen: list[Sighting]
) -> Iterator[SocketlessEngine]:
    with closing(
        SocketlessEngine(options, clock=clock, sight=seen.append, secret=SECRET)
    ) as made:
        yield made


@pytest.fixture
def admin(options: Options, clock: Clock) -> Iterator[Administration]:
    """The operations of an administrator on the engine's store, beside it."""
    with closing(administration(options, clock)) as made:
        yield made


def copied(made: Path, directory: Path) -> Options:
    shutil.copytree(made, directory)
    return local_options(directory)


def administration(options: Options, clock: Callable[[], Instant]) -> Administration:
    return Administration(
        connect(options.store.database),
        KeyRing.load(options.store.key),
        options.pairing,
        now=clock,
        committed=lambda changes: None,
    )


def get(path: str = f"/{MAC}.xml", *, fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n".encode()


def sent(effects: list[Outgoing]) -> bytes:
    return b"".join(e.data for e in effects if isinstance(e, SendBytes))


def fetched(engine: SocketlessEngine, data: bytes = b"", now: float = START) -> bytes:
    return sent(engine.connect(CONTACT, now).receive_data(data or get(), now))


def nonceless(answer: bytes) -> bytes:
    return re.sub(rb'nonce="[^"]{32}"', b"", answer)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def asked(engine: SocketlessEngine, now: float = START) -> list[SendDatagram]:
    return engine.receive_datagram(SUBSCRIBE, PHONE, HERE, now)


def confirmation(notify: bytes) -> bytes:
    """Return the 200 of a phone to *notify*."""
    wanted = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")
    fields = [line for line in notify.split(b"\r\n") if line.startswith(wanted)]
    return b"\r\n".join((b"SIP/2.0 200 OK", *fields, b"Content-Length: 0", b"", b""))


def test_a_phone_is_led_from_its_subscribe_to_its_settings(
    engine: SocketlessEngine, admin: Administration, seen: list[Sighting]
) -> None:
    admin.window_open([ACCOUNT])
    ok, notify = asked(engine)
    assert ok.data.startswith(b"SIP/2.0 200 OK\r\n")
    assert notify.data.startswith(b"NOTIFY sip:192.168.12.155:1053 SIP/2.0\r\n")
    assert {ok.destination, notify.destination} == {PHONE}
    assert {ok.local, notify.local} == {HERE}
    url = notify.data.rpartition(b"\r\n\r\n")[2].decode()
    assert url == "http://192.168.12.1:8080/{mac}.xml"
    heard = engine.receive_datagram(confirmation(notify.data), PHONE, HERE, START)
    assert heard == []

    path = url.removeprefix("http://192.168.12.1:8080").replace("{mac}", MAC)
    answer = fetched(engine, get(path))
    assert status(answer) == 200
    settings = ElementTree.fromstring(answer.partition(b"\r\n\r\n")[2])
    assert settings.findtext(".//user_name[@idx='1']") == "401"
    assert settings.findtext(".//user_pass[@idx='1']") == PASSWORD
    assert [sighting.reason for sighting in seen] == [
        Reason.PNP_ANSWERED,
        Reason.PNP_CONFIRMED,
        Reason.SERVED_WINDOW,
    ]
    assert {sighting.mac for sighting in seen} == {int(MAC, 16)}


def test_closed_unknown_and_bound_elsewhere_look_the_same(
    engine: SocketlessEngine, admin: Administration, seen: list[Sighting]
) -> None:
    closed = fetched(engine)
    unknown = fetched(engine, get("/0004132E08B5.xml"))
    admin.window_open([ACCOUNT])
    assert status(fetched(engine)) == 200
    stranger = Contact("192.168.12.156", CONTACT.local)
    taken = sent(engine.connect(stranger, START).receive_data(get(), START))
    assert status(closed) == 401
    assert len({nonceless(answer) for answer in (closed, unknown, taken)}) == 1
    assert [sighting.reason for sighting in seen] == [
        Reason.CLOSED,
        Reason.UNKNOWN_MAC,
        Reason.SERVED_WINDOW,
        Reason.CONSUMED_BY_OTHER,
    ]


def test_behind_a_load_balancer_the_phone_counts_and_not_the_balancer(
    options: Options, clock: Clock, admin: Administration, seen: list[Sighting]
) -> None:
    http = options.http.model_copy(update={"proxy_protocol": (CONTACT.source,)})
    behind = options.model_copy(update={"http": http})
    inside, outside = "10.1.0.7", "198.51.100.7"
    reached = ("10.1.0.1", 80)

    def fetch(start: bytes) -> list[Outgoing]:
        connection = engine.connect(CONTACT, START)
        return connection.receive_data(start + get(), START)

    with closing(
        SocketlessEngine(behind, clock=clock, sight=seen.append, secret=SECRET)
    ) as engine:
        admin.window_open([ACCOUNT])
        # The balancer is in a private network, which says nothing of the phone.
        assert status(sent(fetch(header(outside, reached)))) == 401
        assert fetch(b"") == [Close(abort=True)]
        given = sent(fetch(header(inside, reached)))
        assert status(given) == 200
        assert b"http://10.1.0.1/{mac}.xml" in given
        assert status(sent(fetch(header("10.1.0.8", reached)))) == 401
        assert status(sent(fetch(framed(LOCAL, 0, b"")))) == 401
    assert [(each.reason, each.source) for each in seen] == [
        (Reason.CLEAR_HTTP_PUBLIC, outside),
        (Reason.PROXY_HEADER, CONTACT.source),
        (Reason.SERVED_WINDOW, inside),
        (Reason.CONSUMED_BY_OTHER, "10.1.0.8"),
        (Reason.CONSUMED_BY_OTHER, CONTACT.source),
    ]


def test_a_closed_account_is_told_its_url_and_an_unbound_mac_meets_silence(
    engine: SocketlessEngine, admin: Administration, seen: list[Sighting]
) -> None:
    assert len(asked(engine)) == 2
    admin.account_unbind(ACCOUNT)
    other = SUBSCRIBE.replace(b"949137397", b"949137398")
    assert engine.receive_datagram(other, PHONE, HERE, START) == []
    assert engine.receive_datagram(REGISTER, PHONE, HERE, START) == []
    assert engine.receive_datagram(b"\0", PHONE, HERE, START) == []
    assert [sighting.reason for sighting in seen] == [
        Reason.PNP_ANSWERED,
        Reason.PNP_NOT_BOUND,
        Reason.SIP_METHOD,
        Reason.SIP_SYNTAX,
    ]


def test_a_phone_beyond_the_subnet_meets_silence(
    engine: SocketlessEngine, seen: list[Sighting]
) -> None:
    assert engine.receive_datagram(SUBSCRIBE, PHONE, HERE, START, on_link=False) == []
    assert seen[0].reason is Reason.PNP_OFF_SUBNET


def test_a_notify_that_nobody_confirms_is_repeated_and_given_up(
    engine: SocketlessEngine, seen: list[Sighting]
) -> None:
    _, notify = asked(engine, 0.0)
    repeated = []
    while (due := engine.next_timer()) is not None:
        repeated += [(due, datagram) for datagram in engine.handle_timer(due)]
    assert repeated == [(0.5, notify), (1.5, notify), (3.5, notify)]
    assert seen[-1].reason is Reason.PNP_UNCONFIRMED


def test_a_retransmitted_subscribe_gets_the_same_200_and_no_second_notify(
    engine: SocketlessEngine,
) -> None:
    ok, _ = asked(engine)
    assert asked(engine, START + 0.5) == [ok]


def test_a_grant_ends_with_its_time(
    engine: SocketlessEngine, admin: Administration, clock: Clock
) -> None:
    admin.window_open([ACCOUNT], minutes=1)
    first = fetched(engine)
    clock.boottime += 4 * 60
    assert status(fetched(engine)) == status(first) == 200  # the pairing goes on
    clock.boottime += 60
    assert status(fetched(engine)) == 401


def test_a_grant_ends_with_its_boot(
    engine: SocketlessEngine, admin: Administration, clock: Clock
) -> None:
    admin.window_open([ACCOUNT])
    assert status(fetched(engine)) == 200
    clock.boot_id = "second"
    assert status(fetched(engine)) == 401


def test_a_head_that_does_not_end_is_answered_408_and_the_connection_closed(
    engine: SocketlessEngine, seen: list[Sighting]
) -> None:
    connection = engine.connect(CONTACT, START)
    assert connection.receive_data(get()[:20], START) == []
    due = connection.next_timer()
    assert due == START + 5
    effects = connection.handle_timer(due)
    assert sent(effects).startswith(b"HTTP/1.1 408 ")
    assert isinstance(effects[-1], HalfClose)
    assert connection.receive_data(b"", due) == [Close()]
    assert connection.next_timer() is None
    assert seen[0].reason is Reason.HTTP_TIMEOUT


def test_an_idle_connection_is_closed(engine: SocketlessEngine) -> None:
    connection = engine.connect(CONTACT, START)
    assert connection.receive_data(get("/general.xml"), START) != []
    assert connection.next_timer() == START + 15
    assert connection.handle_timer(START + 15) == [Close()]


def test_pipelined_requests_are_answered_in_order(engine: SocketlessEngine) -> None:
    both = get("/general.xml") + get() + get("/nothing", fields="Connection: close\r\n")
    effects = engine.connect(CONTACT, START).receive_data(both, START)
    answers = [e.data for e in effects if isinstance(e, SendBytes)]
    assert [status(answer) for answer in answers] == [200, 401, 404]
    assert isinstance(effects[-1], Close)


def test_byte_by_byte_is_the_same_as_at_once(
    engine: SocketlessEngine, admin: Administration
) -> None:
    admin.window_open([ACCOUNT])
    whole = fetched(engine)
    connection = engine.connect(CONTACT, START)
    slow = b"".join(
        sent(connection.receive_data(get()[at : at + 1], START))
        for at in range(len(get()))
    )
    assert slow == whole


def test_a_phone_that_has_its_settings_is_told_so_only_while_it_may_have_them(
    engine: SocketlessEngine, admin: Administration
) -> None:
    admin.window_open([ACCOUNT])
    found = re.search(rb'ETag: ("[^"]+")', fetched(engine))
    assert found is not None
    again = get(fields=f"If-None-Match: {found[1].decode()}\r\n")
    assert status(fetched(engine, again)) == 304
    admin.window_close([ACCOUNT])
    assert status(fetched(engine, again)) == 401


def test_the_same_secret_and_clock_make_the_same_bytes(
    made: Path, tmp_path: Path
) -> None:
    def transcript(name: str, secret: bytes) -> list[bytes]:
        clock = Clock()
        options = copied(made, tmp_path / name)
        with (
            closing(SocketlessEngine(options, clock=clock, secret=secret)) as engine,
            closing(administration(options, clock)) as admin,
        ):
            refused = fetched(engine)
            datagrams = [datagram.data for datagram in asked(engine)]
            admin.window_open([ACCOUNT])
            return [refused, *datagrams, fetched(engine)]

    first = transcript("first", SECRET)
    second = transcript("second", SECRET)
    other = transcript("other", b"another secret..")
    assert first == second
    same = [a == b for a, b in zip(first, other, strict=True)]
    assert same == [False] * 4


def test_what_an_administrator_writes_in_between_is_seen(
    engine: SocketlessEngine, admin: Administration
) -> None:
    admin.window_open([ACCOUNT])
    assert b">Anna<" in fetched(engine)
    admin.account_set(ACCOUNT, name="Berta")
    assert b">Berta<" in fetched(engine)
    admin.domain_set("pbx.example.com", language="Deutsch")
    assert b">Deutsch<" in fetched(engine)
    assert b"ntp.example.com" not in fetched(engine, get("/general/snom370.xml"))
    admin.settings_set("model", "snom370", "ntp_server", "ntp.example.com")
    assert b"ntp.example.com" in fetched(
        engine, get(fields="User-Agent: snom370-SIP 8.4.35\r\n")
    )
    admin.window_close([ACCOUNT])
    assert status(fetched(engine)) == 401
    admin.account_unbind(ACCOUNT)
    admin.window_open([ACCOUNT])
    assert status(fetched(engine)) == 401


def test_a_wildcard_is_claimed_by_one_phone(
    engine: SocketlessEngine, admin: Administration
) -> None:
    admin.account_bind(ACCOUNT, "*")
    admin.window_open([ACCOUNT])
    assert len(asked(engine)) == 2
    assert status(fetched(engine, get("/000413000001.xml"))) == 200
    assert status(fetched(engine, get("/000413000002.xml"))) == 401
    assert [bound["mac"] for bound in admin.account_show(ACCOUNT)["bound"]] == [
        "000413000001"
    ]


def test_answers_carry_the_date_of_the_clock(
    engine: SocketlessEngine, clock: Clock
) -> None:
    assert b"\r\nDate: Tue, 14 Nov 2023 22:30:00 GMT\r\n" in fetched(engine)


def test_with_the_store_away_pinned_phones_are_served_and_others_refused(
    engine: SocketlessEngine,
    admin: Administration,
    options: Options,
    seen: list[Sighting],
) -> None:
    admin.window_open([ACCOUNT])
    assert status(fetched(engine)) == 200
    assert status(fetched(engine)) == 200  # kept, its consumption is old news
    engine._reader.close()
    away = options.store.database.rename(options.store.database.with_suffix(".away"))
    assert status(fetched(engine)) == 200
    assert status(fetched(engine, get("/0004132E08B5.xml"))) == 401
    assert seen[-1].reason is Reason.STORE_AWAY
    assert len(asked(engine)) == 2
    away.rename(options.store.database)
    assert status(fetched(engine, get("/0004132E08B5.xml"))) == 401
    assert seen[-1].reason is Reason.UNKNOWN_MAC


def test_without_a_store_there_is_no_engine(options: Options, clock: Clock) -> None:
    options.store.database.unlink()
    with pytest.raises(StoreError, match="bootwave init"):
        SocketlessEngine(options, clock=clock)
    options.store.key.unlink()
    with pytest.raises(OptionError, match="key"):
        SocketlessEngine(options, clock=clock)


def test_it_is_offered_by_the_package() -> None:
    assert bootwave.SocketlessEngine is SocketlessEngine
