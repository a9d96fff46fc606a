"""haproxy as a load balancer before the installed program, over loopback.

Phones are clients of haproxy with addresses of their own; haproxy reaches the engine
from 127.0.0.100, which the engine knows as a load balancer, or from ::1.
"""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.program import (
    DOMAIN,
    PATIENCE,
    Answer,
    Client,
    Program,
    made_place,
    wait_until,
)
from tests.oracle.proxies import header
from tests.peers.peer import require

BALANCER = "127.0.0.100"
FIRST, SECOND = "0004132E08B4", "0004132E08B5"
ANNA, BERT, STRANGER = "127.0.0.11", "127.0.0.12", "127.0.0.13"
PAUSE = 0.1  # of a phone between connecting and asking

CONFIG = """\
global
    stats socket {stats} level admin
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    unique-id-format %ci:%cp
    {defaults}
listen four
    bind fd@{four}
    server engine {engine4} source {balancer} {how}
listen six
    bind fd@{six}
    server engine {engine6} {how}
"""


class Haproxy:
    """One that runs, with a listener of each family that the test has opened."""

    def __init__(
        self, directory: Path, program: Program, how: str, defaults: str = ""
    ) -> None:
        self._listeners = [
            socket.create_server(("127.0.0.1", 0)),
            socket.create_server(("::1", 0), family=socket.AF_INET6),
        ]
        self.address, self.address6 = (
            listener.getsockname()[:2] for listener in self._listeners
        )
        self._stats = directory / "haproxy.sock"
        config = directory / "haproxy.cfg"
        numbers = [listener.fileno() for listener in self._listeners]
        four, six = program.listening
        config.write_text(
            CONFIG.format(
                stats=self._stats,
                defaults=defaults,
                four=numbers[0],
                six=numbers[1],
                engine4=f"{four[0]}:{four[1]}",
                engine6=f"[{six[0]}]:{six[1]}",
                balancer=BALANCER,
                how=how,
            )
        )
        self._log = (directory / "haproxy.txt").open("wb")
        self._process = subprocess.Popen(
            [require("haproxy"), "-db", "-f", str(config)],
            pass_fds=numbers,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def states(self) -> list[str]:
        """How each check of a server ended last, such as L4OK; "" without any."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self._stats))
            asking.sendall(b"show stat\n")
            text = b"".join(iter(lambda: asking.recv(65536), b"")).decode()
        names, *rows = [line.split(",") for line in text.splitlines() if line]
        found = (dict(zip(names, row, strict=False)) for row in rows)
        return [row["check_status"] for row in found if row["svname"] == "engine"]

    def end(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._process.kill()
        self._process.wait()
        self._log.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("haproxy") / "place"
    program = made_place(directory)
    program.command("domain", "add", DOMAIN)
    program.import_accounts({"401": FIRST, "402": SECOND})
    return directory


@pytest.fixture(params=["on", "off"])
def program(
    place: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Program]:
    """An engine that knows the balancer, with both accounts open; lane on and off."""
    require("haproxy")
    directory = tmp_path / "place"
    shutil.copytree(place, directory)
    started = Program(
        directory,
        HTTP__LISTEN="127.0.0.1:0,[::1]:0",
        HTTP__LANE=request.param,
        HTTP__PROXY_PROTOCOL=f"{BALANCER},::1",
        PNP__ENABLED="false",
    )
    try:
        started.start()
        names = [f"{number}@{DOMAIN}" for number in (401, 402)]
        started.command("window", "open", *names)
        yield started
    finally:
        started.clean_up()


Balance = Callable[..., Haproxy]


@pytest.fixture
def balance(program: Program, tmp_path: Path) -> Iterator[Balance]:
    """Start haproxy with these words behind its servers and in its defaults."""
    made: list[Haproxy] = []

    def start(how: str, defaults: str = "") -> Haproxy:
        made.append(Haproxy(tmp_path, program, how, defaults))
        return made[-1]

    yield start
    for each in made:
        each.end()


def fetch(address: tuple[str, int], mac: str, source: str = "") -> Answer:
    client = Client(address, source)
    client.ask(f"/{mac}.xml")
    try:
        return client.answer()
    except ConnectionResetError:
        return Answer(b"")


def counted(program: Program, name: str) -> int:
    found: int = program.command("status")["counters"][name]
    return found


def wait_for_sightings(
    program: Program, mac: str, expected: set[tuple[str, str]]
) -> None:
    """Wait until these, reason and source, are all that is known of a phone."""

    def seen() -> set[tuple[str, str]]:
        shown = program.command("device", "show", mac)
        return {(seen["reason"], seen["source"]) for seen in shown["time_line"]}

    wait_until(lambda: seen() == expected, f"{mac} was seen as {expected}")


@pytest.mark.parametrize(
    ("how", "defaults"),
    [
        ("send-proxy-v2", ""),
        ("send-proxy-v2 proxy-v2-options crc32c,unique-id", ""),
        ("send-proxy-v2", "option tcp-smart-connect"),
    ],
    ids=["plain", "with additions", "when the phone has asked"],
)
def test_two_phones_behind_one_balancer_have_their_own_grants(
    program: Program, balance: Balance, how: str, defaults: str
) -> None:
    haproxy = balance(how, defaults)
    for _ in range(3):
        for mac, source in ((FIRST, ANNA), (SECOND, BERT)):
            given = fetch(haproxy.address, mac, source)
            assert given.status == 200
            assert f"http://127.0.0.1:{haproxy.address[1]}/".encode() in given.body
    assert fetch(haproxy.address, FIRST, BERT).status == 401
    assert fetch(haproxy.address, SECOND, STRANGER).status == 401
    theirs = {("SERVED_WINDOW", ANNA), ("CONSUMED_BY_OTHER", BERT)}
    wait_for_sightings(program, FIRST, theirs)
    theirs = {("SERVED_WINDOW", BERT), ("CONSUMED_BY_OTHER", STRANGER)}
    wait_for_sightings(program, SECOND, theirs)
    assert counted(program, "http_proxy_refused") == 0


def test_a_connection_that_stays_open_is_of_one_phone_to_its_end(
    program: Program, balance: Balance
) -> None:
    haproxy = balance("send-proxy-v2")
    with Client(haproxy.address, ANNA).socket as held:
        for _ in range(3):
            client = Client.__new__(Client)
            client.socket = held
            client.ask_and_stay(f"/{FIRST}.xml")
            assert client.one_answer().status == 200
        client.ask_and_stay(f"/{SECOND}.xml")
        assert client.one_answer().status == 200
        client.ask_and_stay(f"/{FIRST}.xml", f"Cookie: {'x' * 100}")
        assert client.one_answer().status == 200
    assert fetch(haproxy.address, SECOND, BERT).status == 401
    wait_for_sightings(program, FIRST, {("SERVED_WINDOW", ANNA)})


def test_a_phone_may_be_slow_to_ask(program: Program, balance: Balance) -> None:
    """The header then comes alone, and a while before the request."""
    haproxy = balance("send-proxy-v2")
    for _ in range(2):
        client = Client(haproxy.address, ANNA)
        client.socket.settimeout(PAUSE)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(PATIENCE)
        client.ask(f"/{FIRST}.xml")
        assert client.answer().status == 200
    wait_for_sightings(program, FIRST, {("SERVED_WINDOW", ANNA)})


def test_a_phone_over_ipv6_is_given_ipv6_urls(
    program: Program, balance: Balance
) -> None:
    haproxy = balance("send-proxy-v2 proxy-v2-options crc32c")
    for _ in range(3):
        given = fetch(haproxy.address6, FIRST)
        assert given.status == 200
        assert f"http://[::1]:{haproxy.address6[1]}/".encode() in given.body
    wait_for_sightings(program, FIRST, {("SERVED_WINDOW", "::1")})
    assert fetch(haproxy.address, FIRST, ANNA).status == 401


@pytest.mark.parametrize(
    ("check", "status"),
    [("", "L4OK"), ("option httpchk GET /general.xml", "L7OK")],
    ids=["tcp", "http"],
)
def test_health_checks_are_answered_and_are_no_phone(
    program: Program, balance: Balance, check: str, status: str
) -> None:
    haproxy = balance("send-proxy-v2 check inter 100ms", check)
    before = counted(program, "http_connections")
    wait_until(
        lambda: counted(program, "http_connections") > before + 6, "checks have come"
    )
    wait_until(lambda: haproxy.states() == [status] * 2, "the engine is healthy")
    assert fetch(haproxy.address, FIRST, ANNA).status == 200
    assert counted(program, "http_proxy_refused") == 0
    assert counted(program, "http_refused") == 0


@pytest.mark.parametrize("how", ["send-proxy", ""], ids=["version 1", "no header"])
def test_a_balancer_that_sends_no_such_header_gets_nothing_for_anybody(
    program: Program, balance: Balance, how: str
) -> None:
    haproxy = balance(how)
    for number in range(1, 4):
        assert fetch(haproxy.address, FIRST, ANNA).raw == b""
        # haproxy tries again when a connection is reset before it was used.
        assert counted(program, "http_proxy_refused") >= number
    # The window is still there for the phone.
    assert counted(program, "documents_secret") == 0


def test_a_forged_header_gets_nothing(program: Program, balance: Balance) -> None:
    haproxy = balance("send-proxy-v2")
    assert fetch(haproxy.address, FIRST, ANNA).status == 200
    reached = ("127.0.0.1", haproxy.address[1])
    forged = header(ANNA, reached)
    get = f"GET /{FIRST}.xml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    # Straight to the engine, and through the balancer, which puts its own in front.
    for address in (program.http, haproxy.address):
        client = Client(address, STRANGER)
        client.socket.sendall(forged + get)
        answer = client.answer()
        assert answer.status == 400
        assert b"secret-401" not in answer.raw
    assert fetch(program.http, FIRST, STRANGER).status == 401
    assert counted(program, "documents_secret") == 1


def test_whom_the_engine_does_not_know_speaks_for_nobody(
    program: Program, balance: Balance
) -> None:
    program.stop()
    program.environ["HTTP__PROXY_PROTOCOL"] = "192.0.2.1"
    program.start()
    haproxy = balance("send-proxy-v2")
    assert fetch(haproxy.address, FIRST, ANNA).status == 400
    assert counted(program, "documents_secret") == 0
    assert fetch(program.http, FIRST, ANNA).status == 200
