"""NOTIFYs under way: repeated, answered, challenged, given up; and what is ignored."""

import os
import re

import pytest

from bootwave.http.authorization import Digest, authorization_from
from bootwave.http.digest import expected_response, ha1
from bootwave.rollout.course import Result
from bootwave.rollout.notifier import (
    Answered,
    Credentials,
    Effect,
    NeedCredentials,
    Notifier,
    SendNotify,
)
from bootwave.rollout.notify import Attempt
from bootwave.rollout.plan import Action
from bootwave.rollout.resolving import Target, Transport
from bootwave.sip.effects import Endpoint
from bootwave.wave import sip
from tests.rollout.test_notify import ATTEMPT, MAC, OURS, addressee

PHONE = Endpoint("10.0.0.7", 5060)
CHALLENGE = 'WWW-Authenticate: Digest realm="snom", nonce="{}", qop="auth"\r\n'
RIGHT = Credentials("401", "right", frozenset({"b"}))
WRONG = Credentials("admin", "wrong")


class Telling:
    """A notifier, its clock, and a phone that answers as tests say."""

    def __init__(
        self,
        *,
        proxy: bool = False,
        transport: Transport = "udp",
        action: Action = "resync",
    ) -> None:
        self.now = 1_000.0
        self.notifier = Notifier(chance=os.urandom)
        self.sent: list[bytes] = []
        self.over: list[Answered] = []
        self.asked = 0
        self.target = Target(transport, *PHONE)
        self.to = addressee(action, proxy=proxy, transport=transport)
        self.take(self.notifier.begin(self.to, OURS, self.now))

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, SendNotify):
                assert effect.destination == self.target
                self.sent.append(effect.data)
            elif isinstance(effect, NeedCredentials):
                assert (effect.mac, effect.domain) == (self.to.mac, self.to.domain)
                self.asked += 1
            else:
                self.over.append(effect)

    def answer(
        self, status: int, *fields: str, source: Endpoint = PHONE, to: int = -1
    ) -> None:
        data = response(self.sent[to], status, *fields)
        self.take(self.notifier.receive_datagram(data, source, self.now))

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.notifier.next_timer()) is not None and due <= until:
            self.now = due
            self.take(self.notifier.handle_timer(due))
        self.now = until


def response(request: bytes, status: int, *fields: str) -> bytes:
    message = sip.read(request)
    lines = [f"SIP/2.0 {status} Word"]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        lines.append(f"{name}: {message.one(name.lower())}")
    head = "\r\n".join(lines) + "\r\n" + "".join(fields)
    return f"{head}Content-Length: 0\r\n\r\n".encode()


def test_a_phone_that_answers_is_told_once() -> None:
    telling = Telling()
    telling.answer(200)
    assert telling.over == [Answered(MAC, ATTEMPT, Result.ACCEPTED)]
    telling.wait(60.0)
    telling.answer(200)
    assert len(telling.sent) == len(telling.over) == 1


def test_a_silent_phone_is_told_eleven_times_and_given_up() -> None:
    telling = Telling()
    telling.wait(31.9)
    assert len(telling.sent) == 11
    assert len(set(telling.sent)) == 1
    assert telling.over == []
    telling.wait(0.2)
    assert telling.over == [
        Answered(MAC, ATTEMPT, Result.UNREACHABLE, "it did not answer", True)
    ]
    assert telling.notifier.next_timer() is None


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_stream_is_told_once_and_given_up_as_late(transport: Transport) -> None:
    telling = Telling(proxy=True, transport=transport)
    telling.wait(31.9)
    assert (len(telling.sent), telling.over) == (1, [])
    telling.wait(0.2)
    (over,) = telling.over
    assert over == Answered(
        MAC, ATTEMPT, Result.UNREACHABLE, "its proxy did not answer", True
    )


def test_who_showed_life_is_not_told_another_way() -> None:
    telling = Telling(proxy=True)
    telling.answer(100)
    telling.wait(60.0)
    assert [over.may_go_on for over in telling.over] == [False]


def test_a_proxy_that_is_out_of_service_leaves_it_to_the_next() -> None:
    telling = Telling(proxy=True)
    telling.answer(503)
    assert telling.over == [
        Answered(MAC, ATTEMPT, Result.UNREACHABLE, "its proxy says 503", True)
    ]


def test_a_target_that_is_lost_ends_what_was_told_by_it_and_nothing_else() -> None:
    telling = Telling(proxy=True, transport="tcp")
    other = Target("tcp", "10.0.0.7", 5061)
    assert telling.notifier.lost(other, "it hung up") == []
    telling.take(telling.notifier.lost(telling.target, "it hung up"))
    assert telling.over == [
        Answered(MAC, ATTEMPT, Result.UNREACHABLE, "it hung up", True)
    ]
    telling.answer(200)
    telling.wait(60.0)
    assert len(telling.over) == 1
    assert telling.notifier.lost(telling.target, "it hung up") == []


def test_a_phone_that_does_not_know_check_sync_is_told_to_reboot_as_it_was_once() -> (
    None
):
    telling = Telling(action="reboot")
    telling.answer(489)
    telling.answer(489, to=0)
    first, second = map(sip.read, telling.sent)
    assert first.one("event") == "check-sync;reboot=true"
    assert second.one("event") == "reboot"
    assert second.one("call-id") != first.one("call-id")
    telling.answer(401, CHALLENGE.format("n1"))
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    assert is_right(telling.sent[-1], RIGHT, b"snom")
    assert sip.read(telling.sent[-1]).one("event") == "reboot"
    telling.answer(489)
    assert telling.over == [Answered(MAC, ATTEMPT, Result.REFUSED, "it says 489")]


def test_a_challenge_of_the_first_event_is_no_refusal_in_the_second() -> None:
    telling = Telling(action="reboot")
    telling.answer(401, CHALLENGE.format("n1"))
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    telling.answer(489)
    telling.answer(401, CHALLENGE.format("n2"))
    assert telling.asked == 2
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    telling.answer(200)
    assert telling.over == [Answered(MAC, ATTEMPT, Result.ACCEPTED)]


def test_a_provisional_answer_slows_the_repetitions() -> None:
    telling = Telling()
    telling.answer(100)
    telling.wait(10.0)
    assert len(telling.sent) == 4  # after 0.5 s, and then every four
    telling.answer(200)
    assert telling.over == [Answered(MAC, ATTEMPT, Result.ACCEPTED)]


@pytest.mark.parametrize("challenged", [False, True])
def test_a_newer_notify_takes_the_place_of_one_under_way(challenged: bool) -> None:
    telling = Telling()
    room = telling.notifier.room
    if challenged:
        telling.answer(401, CHALLENGE.format("n1"))
    newer = Attempt(2, 1_700_000_009.0)
    to = addressee("reboot", attempt=newer)
    telling.take(telling.notifier.begin(to, OURS, telling.now))
    first, second = map(sip.read, telling.sent)
    assert second.one("event") == "check-sync;reboot=true"
    for name in ("via", "call-id", "from"):
        assert first.one(name) != second.one(name)
    assert telling.notifier.room == room
    assert telling.notifier.authorize(MAC, [RIGHT], telling.now) == []
    telling.answer(489, to=0)
    telling.wait(10.0)
    assert telling.over == []
    assert telling.sent.count(telling.sent[0]) == 1
    telling.answer(200)
    assert telling.over == [Answered(MAC, newer, Result.ACCEPTED)]
    telling.wait(60.0)
    assert len(telling.over) == 1


@pytest.mark.parametrize(
    ("proxy", "status", "result"),
    [
        (False, 489, Result.REFUSED),
        (False, 404, Result.REFUSED),
        (True, 489, Result.REFUSED),
        (True, 404, Result.UNREACHABLE),
        (True, 480, Result.UNREACHABLE),
    ],
)
def test_other_answers_refuse_or_say_that_it_is_not_there(
    proxy: bool, status: int, result: Result
) -> None:
    telling = Telling(proxy=proxy)
    telling.answer(status)
    (over,) = telling.over
    assert over.result is result
    assert str(status) in over.detail


def proof(request: bytes) -> Digest:
    message = sip.read(request)
    shown = authorization_from(message.one("authorization").encode())
    assert isinstance(shown, Digest)
    assert shown.uri == message.request_uri.encode()
    return shown


def is_right(request: bytes, credentials: Credentials, realm: bytes) -> bool:
    shown = proof(request)
    user_hash = ha1("MD5", shown.username, realm, credentials.password.encode())
    return (
        shown.username == credentials.user.encode()
        and shown.response == expected_response(shown, b"NOTIFY", user_hash)
    )


def test_a_challenge_is_answered_in_the_same_call() -> None:
    telling = Telling()
    telling.answer(401, CHALLENGE.format("n1"))
    telling.answer(401, CHALLENGE.format("n1"))  # once more by the network
    assert telling.asked == 1
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    first, second = map(sip.read, telling.sent)
    assert second.one("call-id") == first.one("call-id")
    assert second.one("from") == first.one("from")
    assert sip.cseq_of(second.one("cseq")) == (2, "NOTIFY")
    assert second.one("via") != first.one("via")
    assert is_right(telling.sent[1], RIGHT, b"snom")
    telling.answer(200, to=0)
    assert telling.over == []
    telling.answer(200)
    assert telling.over == [Answered(MAC, ATTEMPT, Result.ACCEPTED)]


def test_credentials_are_tried_in_their_order_and_a_stale_nonce_costs_none() -> None:
    telling = Telling()
    telling.answer(401, CHALLENGE.format("n1"))
    telling.take(telling.notifier.authorize(MAC, [WRONG, RIGHT], telling.now))
    assert is_right(telling.sent[-1], WRONG, b"snom")
    telling.answer(401, CHALLENGE.format("n2"))
    assert is_right(telling.sent[-1], RIGHT, b"snom")
    stale = CHALLENGE.format("n3").replace("qop", "stale=true, qop")
    telling.answer(401, stale)
    assert is_right(telling.sent[-1], RIGHT, b"snom")
    telling.answer(401, CHALLENGE.format("n4"))
    (over,) = telling.over
    assert over.result is Result.CHALLENGED
    assert over.detail == (
        "it asks for credentials of the realm 'snom' and refuses those it has"
    )
    assert telling.asked == 1


def test_a_phone_that_challenges_for_ever_is_given_up() -> None:
    telling = Telling()
    telling.answer(401, CHALLENGE.format("n"))
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    for _ in range(20):
        if not telling.over:
            telling.answer(401, CHALLENGE.format("n").replace("qop", "stale=true, qop"))
    assert telling.over[0].result is Result.CHALLENGED
    assert len(telling.sent) < 10


@pytest.mark.parametrize(
    ("field", "known"),
    [
        (CHALLENGE.format("n"), True),
        ("WWW-Authenticate: Basic realm=x\r\n", False),
        ("", False),
    ],
)
def test_a_challenge_without_an_answer_is_told(field: str, known: bool) -> None:
    telling = Telling()
    telling.answer(401, field)
    if known:
        telling.take(telling.notifier.authorize(MAC, [], telling.now))
    (over,) = telling.over
    assert over.result is Result.CHALLENGED
    assert ("has none" in over.detail) is known


def test_the_best_of_several_challenges_that_is_known_is_answered() -> None:
    telling = Telling(proxy=True)
    fields = 'Proxy-Authenticate: Digest realm="a", nonce="n", algorithm=X\r\n'
    fields += 'Proxy-Authenticate: Digest realm="b", nonce="n"\r\n'
    telling.answer(407, fields)
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    shown = sip.read(telling.sent[-1]).one("proxy-authorization")
    assert 'realm="b"' in shown


@pytest.mark.parametrize(
    ("proxy", "status", "realm", "shown"),
    [
        (False, 401, "anything", "web"),
        (False, 407, "anything", ""),
        (False, 407, "PBX.example.com", "own"),
        (True, 401, "anything", ""),
        (True, 401, "pbx.example.com", "own"),
        (True, 407, "reg.example.com", "own"),
        (True, 407, "", "own"),
        (True, 407, "anything", ""),
    ],
)
def test_credentials_are_shown_to_whom_they_are_for(
    proxy: bool, status: int, realm: str, shown: str
) -> None:
    web = Credentials("web", "of the web server")
    own = Credentials("own", "right", frozenset({"pbx.example.com", "reg.example.com"}))
    telling = Telling(proxy=proxy)
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    telling.answer(status, f'{name}: Digest realm="{realm}", nonce="n", qop="auth"\r\n')
    telling.take(telling.notifier.authorize(MAC, [web, own], telling.now))
    assert len(telling.sent) == 1 + bool(shown)
    assert f'username="{shown}"'.encode() in telling.sent[-1] or not shown
    assert [over.result for over in telling.over] == [Result.CHALLENGED] * (not shown)


def test_a_look_for_credentials_that_was_lost_is_given_up() -> None:
    telling = Telling()
    telling.answer(401, CHALLENGE.format("n"))
    telling.wait(60.0)
    assert [over.result for over in telling.over] == [Result.UNREACHABLE]
    assert telling.notifier.authorize(MAC, [RIGHT], telling.now) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (rb"branch=\w+", b"branch=z9hG4bKother"),
        (rb"CSeq: 1 NOTIFY", b"CSeq: 2 NOTIFY"),
        (rb"CSeq: 1 NOTIFY", b"CSeq: 1 SUBSCRIBE"),
        (rb"Call-ID: \w+", b"Call-ID: other"),
        (rb"\r\nFrom", b"\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKx\r\nFrom"),
        (rb"^SIP/2.0 200", b"SIP/3.0 200"),
        (rb"^SIP/2.0 200 Word", b"NOTIFY sip:x SIP/2.0"),
    ],
)
def test_what_answers_no_notify_is_nobodys(old: bytes, new: bytes) -> None:
    telling = Telling()
    data = re.sub(old, new, response(telling.sent[0], 200), count=1)
    assert data != response(telling.sent[0], 200)
    telling.take(telling.notifier.receive_datagram(data, PHONE, telling.now))
    assert telling.over == []


def test_nobody_answers_for_another_host() -> None:
    telling = Telling()
    telling.answer(200, source=Endpoint("10.0.0.8", 5060))
    assert telling.over == []
    telling.answer(200, source=Endpoint("10.0.0.7", 1024))
    assert telling.over == [Answered(MAC, ATTEMPT, Result.ACCEPTED)]


def test_no_secret_is_shown() -> None:
    telling = Telling()
    telling.answer(401, CHALLENGE.format("n1"))
    telling.take(telling.notifier.authorize(MAC, [RIGHT], telling.now))
    assert "right" not in repr(vars(telling.notifier))
