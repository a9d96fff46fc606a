"""Phones boot: SUBSCRIBE, 200, NOTIFY, GET, on sockets of the running program."""

import re
import socket

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.mailbox import (
    CAPTURES,
    PHONE,
    SNOM370,
    call_id,
    mailbox,
    subscribe,
)
from tests.end_to_end.program import (
    DOMAIN,
    Answer,
    Program,
    wait_until,
)
from tests.peers.peer import missing

OTHER = "000413A00001"
ACCOUNT = f"401@{DOMAIN}"


def url_of(program: Program, notify: str, mac: str) -> str:
    """Return the path of the URL a NOTIFY tells, with *mac* where the phone puts it."""
    url = notify.partition("\r\n\r\n")[2].strip()
    start = "http://{}:{}".format(*program.http)
    assert url.startswith(start)
    assert "{mac}" in url
    return url.removeprefix(start).replace("{mac}", mac)


def is_for(answer: Answer, account: str) -> bool:
    number = account.partition("@")[0]
    return answer.status == 200 and f"secret-{number}<".encode() in answer.body


@pytest.mark.parametrize(
    ("capture", "mac", "address"),
    [
        ("snom370-8.7.5.48", PHONE, ("127.0.0.1", 0)),
        # Without rport the 200 goes to the port that its Via names (RFC 3261 section
        # 18.2.2), so this phone must have it.
        ("snomM700-03.23", "000413611234", ("127.0.77.1", 5060)),
    ],
    ids=["snom370", "snomM700"],
)
def test_a_captured_subscribe_leads_to_the_document(
    serving: Serving, capture: str, mac: str, address: tuple[str, int]
) -> None:
    program = serving()
    program.import_accounts({"401": mac}, minutes=10)
    data = (CAPTURES / f"{capture}.txt").read_bytes()
    # Via and Contact name the host of the capture: the answers come here all the same.
    with mailbox(program, address) as phone:
        phone.send(data)
        ok, notify = phone.answers()
    assert call_id(ok) == call_id(notify) == call_id(data.decode())
    assert f"received={address[0]}" in ok
    path = url_of(program, notify, mac)
    if path.endswith(".htm"):  # a base is told the list of its files
        listed = program.get(path)
        assert listed.status == 200
        urls = re.findall(rb'<file url="([^"]+)"/>', listed.body)
        path = "/" + urls[-1].decode().rpartition("/")[2]
    assert is_for(program.get(path), ACCOUNT)
    wait_until(
        lambda: "SERVED_WINDOW" in program.reasons(mac),
        "the phone is seen to be served",
    )
    assert program.command("device", "show", mac)["provisioned"]


def test_the_capture_is_the_one_of_442_bytes() -> None:
    assert len(SNOM370.read_bytes()) == 442


def test_a_phone_of_each_shape_boots(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    shapes = {"classic": "snomD785", "m700": "snomM700", "from-mac": "snom370"}
    for shape, model in shapes.items():
        verdict = program.boot(
            *("--server", "{}:{}".format(*program.pnp), "--mac", PHONE),
            *("--shape", shape, "--model", model),
        )
        assert verdict["outcome"] == "booted", verdict
        assert verdict["identities"] == [ACCOUNT]


def test_a_phone_with_firmware_before_7_boots_by_lines(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    verdict = program.boot(
        *("--server", "{}:{}".format(*program.pnp), "--mac", PHONE),
        *("--model", "snom360", "--firmware", "6.5.20"),
    )
    assert verdict["outcome"] == "booted", verdict
    assert verdict["identities"] == [ACCOUNT]


@pytest.mark.parametrize("multicast", [True, False], ids=["group", "port"])
def test_silence_is_kept_to_what_is_not_ours(serving: Serving, multicast: bool) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    noise = (CAPTURES / "register-noise.txt").read_bytes()
    presence = subscribe(PHONE, 77).replace(b"ua-profile", b"presence")
    with mailbox(program) as phone:
        for data in (noise, subscribe(OTHER, 88), presence, b"\r\n\r\n", b"\0\0"):
            phone.send(data, multicast=multicast)
        # Datagrams are handled in order: this one's answers come, and no others.
        phone.send(subscribe(PHONE, 99), multicast=multicast)
        ok, notify = phone.answers()
        assert call_id(ok) == call_id(notify) == "99@192.168.12.155"
    wait_until(
        lambda: program.reasons(OTHER) == ["PNP_NOT_BOUND"],
        "the silence is explained",
    )


def test_a_phone_asks_the_group_and_boots(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    verdict = program.boot(
        *("--multicast", "--interface", "127.0.0.1", "--group", program.group),
        *("--mac", PHONE),
    )
    assert verdict["outcome"] == "booted", verdict


def test_a_closed_phone_is_notified_and_refused_like_an_unknown_one(
    serving: Serving,
) -> None:
    program = serving()
    others, unbound = "000413A00002", "000413A00003"
    program.import_accounts({"401": PHONE})
    program.import_accounts({"402": others, "403": unbound}, minutes=10)
    assert program.get(f"/{others}.xml", "127.0.0.9").status == 200
    program.command("account", "unbind", f"403@{DOMAIN}")
    with mailbox(program) as phone:
        phone.send(SNOM370.read_bytes())
        _, notify = phone.answers()
    closed = program.get(url_of(program, notify, PHONE))
    assert closed.status == 401
    for mac in (OTHER, others, unbound):
        refused = program.get(f"/{mac}.xml")
        assert refused.timeless == closed.timeless
        assert refused.raw.count(b'nonce="') == closed.raw.count(b'nonce="') > 0
    reasons = {
        PHONE: "CLOSED",
        OTHER: "UNKNOWN_MAC",
        others: "CONSUMED_BY_OTHER",
        unbound: "UNBOUND",
    }
    for mac, reason in reasons.items():
        wait_until(
            lambda mac=mac, reason=reason: reason in program.reasons(mac),
            f"{mac} is known to be refused because {reason}",
        )


def test_a_window_opens_and_closes_for_the_very_next_request(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE})
    for _ in range(2):
        assert program.get(f"/{PHONE}.xml").status == 401
        program.command("window", "open", ACCOUNT)
        # Of connections to one port some reach each of the workers.
        for _ in range(8):
            assert is_for(program.get(f"/{PHONE}.xml"), ACCOUNT)
        program.command("window", "close", ACCOUNT)
        for _ in range(8):
            assert program.get(f"/{PHONE}.xml").status == 401


def test_a_change_is_in_the_very_next_document(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    for name in ("Anna", "Berta"):
        assert program.get(f"/{PHONE}.xml").status == 200
        program.command("account", "set", ACCOUNT, "--name", name)
        program.command("domain", "set", DOMAIN, "--registrar", f"{name}.example.com")
        for _ in range(8):
            body = program.get(f"/{PHONE}.xml").body.decode()
            assert f">{name}</user_realname>" in body
            assert f">{name}.example.com</user_host>".lower() in body.lower()


@pytest.mark.parametrize("wildcard", ["*", "?"])
def test_the_first_unknown_phone_claims_a_wildcard(
    serving: Serving, wildcard: str
) -> None:
    program = serving()
    program.import_accounts({"401": wildcard})
    server = ("--server", "{}:{}".format(*program.pnp))
    url = ("--url", "http://{}:{}/{{mac}}.xml".format(*program.http))
    closed = program.boot(*url, "--mac", PHONE)
    assert closed["outcome"] == "refused", closed
    program.command("window", "open", ACCOUNT)
    first = program.boot(*server, "--mac", PHONE)
    assert first["outcome"] == "booted", first
    assert first["identities"] == [ACCOUNT]
    assert program.boot(*url, "--mac", OTHER)["outcome"] == "refused"
    assert program.boot(*server, "--mac", PHONE)["outcome"] == "booted"
    account = program.command("account", "show", ACCOUNT)
    (bound,) = account["bound"]
    assert bound["mac"] == PHONE
    assert bound["temporary"] == (wildcard == "?")
    assert account["wildcard"] == ("?" if wildcard == "?" else "")


def test_a_write_past_the_control_socket_is_seen(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    assert is_for(program.get(f"/{PHONE}.xml"), ACCOUNT)
    program.python(CLOSE_DIRECTLY)
    # Either worker serves from its own cache, so each must have noticed.
    wait_until(
        lambda: all(program.get(f"/{PHONE}.xml").status == 401 for _ in range(16)),
        "the window is closed for all workers",
    )


CLOSE_DIRECTLY = f"""
import sys
from pathlib import Path

from bootwave.options import PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing

place = Path(sys.argv[1])
Administration(
    connect(place / "bootwave.db"),
    KeyRing.load(place / "bootwave.key"),
    PairingOptions(),
    now=instant,
    committed=lambda changes: None,
).window_close(["{ACCOUNT}"])
"""


def test_phones_are_served_over_ipv6(serving: Serving) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        missing("this machine has no ::1")
    program = serving(HTTP__LISTEN="[::1]:0, 127.0.0.1:0")
    program.import_accounts({"401": PHONE}, minutes=10)
    six, four = program.listening
    assert six[0] == "::1"
    assert four[0] == "127.0.0.1"
    client = program.client(listener=0)
    client.ask(f"/{PHONE}.xml")
    answer = client.answer()
    assert is_for(answer, ACCOUNT)
    assert f"http://[::1]:{six[1]}/".encode() in answer.body
    # It is pinned to where it was used from.
    client = program.client(listener=1)
    client.ask(f"/{PHONE}.xml")
    assert client.answer().status == 401
