import pytest

from bootwave.wave.credentials import Credentials
from bootwave.wave.identity import Identity, Shape
from bootwave.wave.phone import (
    Effect,
    Finished,
    Outcome,
    Patience,
    Phone,
    Request,
    SendDatagram,
)
from bootwave.wave.subscription import Subscription
from tests.wave.fakeserver import SETTINGS, notify_for, ok_to

LOCAL = ("127.0.0.1", 1053)
SERVER = ("127.0.0.1", 5060)
OTHER = ("127.0.0.2", 5060)
IDENTITY = Identity(0x0004132E08B4, "snom370", "8.4.35")
URL = "http://127.0.0.1:8080/{mac}.xml"
START = 1000.0
PLAIN = SETTINGS[: SETTINGS.index("<firmware_status")] + "</phone-settings></settings>"
WITH_FIRMWARE = SETTINGS.replace("{base}", "http://127.0.0.1:8080")


def asking(*, multicast: bool = False, keep_alive: bool = False) -> tuple[Phone, bytes]:
    """Return a phone that has just sent its SUBSCRIBE, and the SUBSCRIBE."""
    subscription = Subscription(IDENTITY, Shape.CLASSIC, LOCAL, number=949137397)
    phone = Phone(
        IDENTITY,
        subscription=subscription,
        server=SERVER,
        multicast=multicast,
        keep_alive=keep_alive,
        patience=Patience(10.0, 20.0),
    )
    assert phone.start(START) == [SendDatagram(subscription.data, SERVER)]
    return phone, subscription.data


def notified(url: str = URL, *, keep_alive: bool = False) -> tuple[Phone, list[Effect]]:
    """Return a phone that had 200 and NOTIFY, and the effects of the NOTIFY."""
    phone, data = asking(keep_alive=keep_alive)
    assert phone.receive_datagram(ok_to(data, LOCAL, SERVER), SERVER, START + 0.1) == []
    effects = phone.receive_datagram(notify_for(data, SERVER, url), SERVER, START + 0.2)
    return phone, effects


def http(content: str | bytes, status: int = 200, more: str = "") -> bytes:
    body = content.encode() if isinstance(content, str) else content
    head = f"HTTP/1.1 {status} Any\r\n{more}Content-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


def served(phone: Phone, data: bytes, at: float = START + 1.0) -> list[Effect]:
    """Give *phone* the whole answer and the end of its connection."""
    phone.request_begun(at)
    effects = phone.receive_data(data, at)
    return effects or phone.receive_end(at)


def target(effects: list[Effect]) -> str:
    assert len(effects) == 1
    assert isinstance(effects[0], Request)
    return effects[0].url.target


def outcome(phone: Phone) -> tuple[Outcome, str]:
    assert phone.verdict is not None
    return phone.verdict.outcome, phone.verdict.reason


def test_a_phone_boots_from_one_document() -> None:
    phone, effects = notified()
    answer, request = effects
    assert isinstance(answer, SendDatagram)
    assert answer.data.startswith(b"SIP/2.0 200 OK\r\n")
    assert answer.destination == SERVER
    assert isinstance(request, Request)
    assert request.data.startswith(b"GET /0004132E08B4.xml HTTP/1.1\r\n")
    assert not request.reuse
    assert served(phone, http(PLAIN)) == [Finished()]
    assert outcome(phone) == (Outcome.BOOTED, "")
    assert phone.verdict is not None
    assert phone.verdict.identities == ("401@pbx.example.com",)
    assert phone.verdict.seconds == pytest.approx(1.0)
    assert [step.what.split(" ")[0] for step in phone.steps] == [
        "SUBSCRIBE",
        "200",
        "NOTIFY:",
        "GET",
        "booted",
    ]


def test_the_documents_may_come_in_any_pieces() -> None:
    phone, _ = notified()
    data = http(PLAIN)
    for at in range(len(data)):
        assert phone.receive_data(data[at : at + 1], START + 1) == []
    assert phone.receive_end(START + 1) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED


def test_the_notify_may_overtake_the_200() -> None:
    phone, data = asking()
    effects = phone.receive_datagram(notify_for(data, SERVER, URL), SERVER, START + 0.1)
    assert len(effects) == 2
    assert served(phone, http(PLAIN)) == []
    assert phone.verdict is None
    assert phone.receive_datagram(ok_to(data, LOCAL, SERVER), SERVER, START + 2) == [
        Finished()
    ]
    assert outcome(phone)[0] is Outcome.BOOTED


def test_a_200_that_comes_after_the_notify_must_have_its_tag() -> None:
    phone, data = asking()
    phone.receive_datagram(notify_for(data, SERVER, URL), SERVER, START + 0.1)
    late = ok_to(data, LOCAL, SERVER).replace(b"tag=ours", b"tag=mine")
    assert phone.receive_datagram(late, SERVER, START + 0.2) == [Finished()]
    assert "From tag" in outcome(phone)[1]


def test_a_notify_after_the_200_must_have_its_tag() -> None:
    phone, data = asking()
    phone.receive_datagram(ok_to(data, LOCAL, SERVER), SERVER, START + 0.1)
    other = notify_for(data, SERVER, URL).replace(b"tag=ours", b"tag=mine")
    assert phone.receive_datagram(other, SERVER, START + 0.2) == [Finished()]
    assert outcome(phone) == (
        Outcome.FAILED,
        "the NOTIFY is wrong: its From tag is not the To tag of the 200",
    )


def test_a_repeated_notify_is_confirmed_again_even_after_the_boot() -> None:
    phone, effects = notified()
    assert isinstance(effects[0], SendDatagram)
    subscription = Subscription(IDENTITY, Shape.CLASSIC, LOCAL, number=949137397)
    again = notify_for(subscription.data, SERVER, URL)
    assert phone.receive_datagram(again, SERVER, START + 0.7) == [effects[0]]
    served(phone, http(PLAIN))
    assert phone.receive_datagram(again, SERVER, START + 1.7) == [effects[0]]
    assert outcome(phone)[0] is Outcome.BOOTED


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (b"CSeq: 1 NOTIFY", b"CSeq: 2 NOTIFY", "second NOTIFY"),
        (b"branch=z9hG4bK", b"branch=z9hG4bKother", "second NOTIFY"),
        (b"Max-Forwards: 70", b"Max-Forwards: 69", "other bytes"),
    ],
)
def test_a_second_notify_that_is_no_repetition_is_an_error(
    old: bytes, new: bytes, complaint: str
) -> None:
    phone, _ = notified()
    subscription = Subscription(IDENTITY, Shape.CLASSIC, LOCAL, number=949137397)
    second = notify_for(subscription.data, SERVER, URL).replace(old, new)
    assert phone.receive_datagram(second, SERVER, START + 0.7) == [Finished()]
    assert complaint in outcome(phone)[1]


def test_a_repeated_200_must_keep_its_tag() -> None:
    phone, data = asking()
    ok = ok_to(data, LOCAL, SERVER)
    assert phone.receive_datagram(ok, SERVER, START + 0.1) == []
    assert phone.receive_datagram(ok, SERVER, START + 0.2) == []
    other = ok.replace(b"tag=ours", b"tag=mine")
    assert phone.receive_datagram(other, SERVER, START + 0.3) == [Finished()]
    assert "differs" in outcome(phone)[1]


def test_the_subscribe_is_repeated_on_timer_e_until_the_200() -> None:
    phone, data = asking()
    sent = []
    now = START
    while phone.verdict is None:
        due = phone.next_timer()
        assert due is not None
        now = due
        if SendDatagram(data, SERVER) in phone.handle_timer(now):
            sent.append(now - START)
    assert sent == [0.5, 1.5, 3.5, 7.5]
    assert phone.resends == 4
    assert now - START == 10.0
    assert outcome(phone)[0] is Outcome.SILENT
    assert outcome(phone)[1].endswith(
        " did not answer the SUBSCRIBE within 10 s: no server listens there, the one "
        "that does knows nothing of the MAC, or what was sent was lost or comes too "
        "late"
    )
    assert phone.next_timer() is None


def test_after_the_200_the_subscribe_is_not_repeated() -> None:
    phone, data = asking()
    phone.receive_datagram(ok_to(data, LOCAL, SERVER), SERVER, START + 0.1)
    assert phone.next_timer() == START + 10.0
    assert phone.handle_timer(START + 0.5) == []
    assert phone.handle_timer(START + 10.0) == [Finished()]
    assert outcome(phone)[0] is Outcome.SILENT
    assert "sent no NOTIFY within 10 s" in outcome(phone)[1]


def test_a_notify_without_the_200_is_not_enough() -> None:
    phone, data = asking()
    phone.receive_datagram(notify_for(data, SERVER, URL), SERVER, START + 0.1)
    served(phone, http(PLAIN))
    assert phone.next_timer() == START + 0.5
    assert phone.handle_timer(START + 0.5) == [SendDatagram(data, SERVER)]
    assert phone.handle_timer(START + 11.1) == [Finished()]
    assert "never the 200" in outcome(phone)[1]


def test_an_error_to_the_subscribe_ends_the_boot() -> None:
    phone, data = asking()
    refusal = ok_to(data, LOCAL, SERVER).replace(b"200 OK", b"489 Bad Event")
    assert phone.receive_datagram(refusal, SERVER, START + 0.1) == [Finished()]
    assert outcome(phone) == (Outcome.FAILED, "the SUBSCRIBE was answered with 489")


def test_a_provisional_answer_changes_nothing() -> None:
    phone, data = asking()
    trying = ok_to(data, LOCAL, SERVER).replace(b"200 OK", b"100 Trying")
    assert phone.receive_datagram(trying, SERVER, START + 0.1) == []
    assert phone.next_timer() == START + 0.5


def test_a_datagram_of_somebody_else_is_ignored() -> None:
    phone, data = asking()
    assert phone.receive_datagram(ok_to(data, LOCAL, OTHER), OTHER, START + 0.1) == []
    assert phone.verdict is None
    assert "ignored a datagram from 127.0.0.2:5060" in phone.steps[-1].what


def test_on_multicast_the_first_of_two_servers_wins() -> None:
    phone, data = asking(multicast=True)
    phone.receive_datagram(ok_to(data, LOCAL, SERVER), SERVER, START + 0.1)
    second = ok_to(data, LOCAL, OTHER).replace(b"tag=ours", b"tag=mine")
    assert phone.receive_datagram(second, OTHER, START + 0.2) == []
    assert "a second server answered too" in phone.steps[-1].what
    phone.receive_datagram(notify_for(data, SERVER, URL), SERVER, START + 0.3)
    late = notify_for(data, OTHER, URL)
    assert phone.receive_datagram(late, OTHER, START + 0.4) == []
    assert served(phone, http(PLAIN)) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, b"SIP/2.0 200 OK\r\n\r\n"])
def test_what_is_no_sip_fails_the_boot(data: bytes) -> None:
    phone, _ = asking()
    assert phone.receive_datagram(data, SERVER, START + 0.1) == [Finished()]
    assert outcome(phone)[0] is Outcome.FAILED


def test_without_file_name_the_general_file_comes_first() -> None:
    phone, effects = notified("http://127.0.0.1:8080/prov/")
    assert target(effects[1:]) == "/prov/snom370.htm"
    listing = '<setting-files><file url="http://127.0.0.1:8080/{}"/>{}</setting-files>'
    general = listing.format("g1.xml", '<file url="http://127.0.0.1:8080/g2.xml"/>')
    assert target(served(phone, http(general))) == "/g1.xml"
    assert target(served(phone, http("<settings/>"))) == "/g2.xml"
    assert target(served(phone, http(""))) == "/prov/snom370-0004132E08B4.htm"
    assert target(served(phone, http(listing.format("{mac}.xml", "")))) == (
        "/0004132E08B4.xml"
    )
    assert served(phone, http(PLAIN)) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED
    assert phone.requests == 5


def test_one_of_two_files_may_be_missing() -> None:
    phone, _ = notified("http://127.0.0.1:8080/")
    assert target(served(phone, http("", 404))) == "/snom370-0004132E08B4.htm"
    assert served(phone, http(PLAIN)) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED


def test_both_files_missing_are_no_settings() -> None:
    phone, _ = notified("http://127.0.0.1:8080/")
    served(phone, http("", 404))
    assert served(phone, http("", 404)) == [Finished()]
    assert outcome(phone) == (
        Outcome.FAILED,
        "the settings configure no identity at all",
    )


@pytest.mark.parametrize(
    "answer", [http(""), http("<!-- nothing -->"), http("<firmware-settings/>")]
)
def test_the_firmware_is_asked_for_last_and_may_be_nothing(answer: bytes) -> None:
    phone, _ = notified()
    assert target(served(phone, http(WITH_FIRMWARE))) == (
        "/snom370/snom370-firmware.htm?mac=0004132E08B4"
    )
    assert served(phone, answer) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED


def test_an_offered_firmware_is_told_but_not_fetched() -> None:
    phone, _ = notified()
    served(phone, http(WITH_FIRMWARE))
    offer = "<firmware-settings><firmware>http://a/f.bin</firmware></firmware-settings>"
    assert served(phone, http(offer)) == [Finished()]
    assert "firmware is offered at http://a/f.bin" in phone.steps[-2].what


OFFER = (
    "<firmware-settings><firmware>http://127.0.0.1:8080/firmware/ab/f.bin"
    "</firmware></firmware-settings>"
)


def test_an_image_of_the_same_server_is_fetched_and_not_kept() -> None:
    phone, _ = notified()
    served(phone, http(WITH_FIRMWARE))
    assert target(served(phone, http(OFFER))) == "/firmware/ab/f.bin"
    image = http("x" * 2_000_000)
    for start in range(0, len(image), 65_536):
        assert phone.receive_data(image[start : start + 65_536], 1.0) == []
    assert phone.receive_end(1.0) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED
    assert "200, 2000000 bytes" in phone.steps[-3].what
    assert "restarts with it" in phone.steps[-2].what


def test_an_image_that_has_to_wait_is_no_error() -> None:
    phone, _ = notified()
    served(phone, http(WITH_FIRMWARE))
    served(phone, http(OFFER))
    assert served(phone, http("", 503)) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED


def test_an_image_that_is_not_there_or_cut_off_is_an_error() -> None:
    for answer, sentence in (
        (http("", 404), "was answered with 404"),
        (http("x" * 1000)[:-10], "hung up after 990 of 1000 bytes"),
    ):
        phone, _ = notified()
        served(phone, http(WITH_FIRMWARE))
        served(phone, http(OFFER))
        assert served(phone, answer) == [Finished()]
        assert sentence in outcome(phone)[1]


def test_a_firmware_status_that_does_not_exist_is_an_error() -> None:
    phone, _ = notified()
    served(phone, http(WITH_FIRMWARE))
    assert served(phone, http("", 404)) == [Finished()]
    assert "was answered with 404" in outcome(phone)[1]


def test_401_is_a_refusal() -> None:
    phone, _ = notified()
    challenge = "WWW-Authenticate: Digest realm=x\r\n"
    assert served(phone, http("", 401, challenge)) == [Finished()]
    assert outcome(phone)[0] is Outcome.REFUSED
    assert "401 to http://127.0.0.1:8080/{mac}.xml" in outcome(phone)[1]


def test_a_refusal_names_all_that_may_be_why_and_who_tells_which() -> None:
    phone, _ = notified()
    served(phone, http("", 401, "WWW-Authenticate: Digest realm=x\r\n"))
    reason = outcome(phone)[1]
    for cause in ("account", "window", "certificate", "credentials", "token", "limit"):
        assert cause in reason
    assert reason.endswith("bootwave device show MAC tells which")


def test_401_without_a_challenge_is_an_error() -> None:
    phone, _ = notified()
    assert served(phone, http("", 401)) == [Finished()]
    assert outcome(phone)[0] is Outcome.FAILED


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (http("", 302), "answered with 302"),
        (http("", 404), "answered with 404"),
        (http("", 503), "answered with 503"),
        (http("<settings>"), "not well-formed"),
        (http("<settings/>"), "no identity"),
        (http(PLAIN.replace(">abc<", "><")), "user_pass"),
        (http(PLAIN) + b"x", "1 bytes more"),
        (http(PLAIN).replace(b"HTTP/1.1", b"HTTP/9.9"), "status line"),
        (http('<setting-files><file url="/a.xml"/></setting-files>'), "scheme"),
        (http(WITH_FIRMWARE.replace("http://127.0.0.1:8080", "")), "firmware_status"),
    ],
)  # fmt: skip
def test_an_answer_that_gives_no_settings_fails_the_boot(
    answer: bytes, complaint: str
) -> None:
    phone, _ = notified()
    assert served(phone, answer) == [Finished()]
    assert outcome(phone)[0] is Outcome.FAILED
    assert complaint in outcome(phone)[1]


def test_a_connection_that_ends_early_fails_the_boot() -> None:
    phone, _ = notified()
    phone.receive_data(http(PLAIN)[:-1], START + 1)
    assert phone.receive_end(START + 1) == [Finished()]
    assert "hung up after" in outcome(phone)[1]


def test_bytes_after_the_end_of_an_answer_fail_the_boot() -> None:
    phone, _ = notified()
    assert phone.receive_data(http(PLAIN), START + 1) == []
    assert phone.receive_data(b"x", START + 1) == [Finished()]
    assert "goes on after its end" in outcome(phone)[1]


def test_a_connection_left_open_against_the_request_fails_the_boot() -> None:
    phone, _ = notified()
    phone.request_begun(START + 1)
    phone.receive_data(http(PLAIN), START + 1)
    assert phone.next_timer() == START + 21
    assert phone.handle_timer(START + 21) == [Finished()]
    assert "open" in outcome(phone)[1]


def test_a_file_that_never_comes_fails_the_boot() -> None:
    phone, _ = notified()
    phone.request_begun(START + 1)
    assert phone.handle_timer(START + 21) == [Finished()]
    assert "not answered within 20 s" in outcome(phone)[1]


def test_a_phone_that_waits_for_its_turn_is_not_late() -> None:
    phone, _ = notified()
    assert phone.next_timer() is None
    assert phone.handle_timer(START + 500) == []


def test_a_connection_that_cannot_be_made_fails_the_boot() -> None:
    phone, _ = notified()
    assert phone.receive_failure("nothing listens there", START + 1) == [Finished()]
    assert outcome(phone)[1] == (
        "http://127.0.0.1:8080/{mac}.xml: nothing listens there"
    )


def test_a_phone_that_keeps_its_connection_sends_the_next_request_on_it() -> None:
    phone, effects = notified(keep_alive=True)
    request = effects[1]
    assert isinstance(request, Request)
    assert b"Connection: keep-alive\r\n" in request.data
    answer = http(WITH_FIRMWARE).replace(b"Connection: close\r\n", b"")
    (following,) = phone.receive_data(answer, START + 1)
    assert isinstance(following, Request)
    assert following.reuse


def test_a_connection_is_not_used_for_another_host() -> None:
    phone, _ = notified(keep_alive=True)
    elsewhere = WITH_FIRMWARE.replace("127.0.0.1:8080", "127.0.0.2:8080")
    answer = http(elsewhere).replace(b"Connection: close\r\n", b"")
    (following,) = phone.receive_data(answer, START + 1)
    assert isinstance(following, Request)
    assert not following.reuse


def test_a_scheme_that_is_not_spoken_is_said_so() -> None:
    phone, effects = notified("tftp://127.0.0.1/{mac}.xml")
    assert effects[1:] == [Finished()]
    assert "needs tftp" in outcome(phone)[1]


def test_a_url_that_is_none_fails_the_boot_but_is_confirmed() -> None:
    phone, effects = notified("pbx.example.com")
    assert isinstance(effects[0], SendDatagram)
    assert "settings URL is wrong" in outcome(phone)[1]


def test_lists_that_name_each_other_end() -> None:
    phone, _ = notified()
    again = f'<setting-files><file url="{URL}"/></setting-files>'
    for _ in range(3):
        assert target(served(phone, http(again))) == "/0004132E08B4.xml"
    assert served(phone, http(again)) == [Finished()]
    assert "nested" in outcome(phone)[1]


def test_a_list_is_bounded_in_files() -> None:
    phone, _ = notified()
    files = '<file url="http://127.0.0.1:8080/a.xml"/>' * 100
    effects = served(phone, http(f"<setting-files>{files}</setting-files>"))
    while phone.verdict is None:
        effects = served(phone, http(""))
    assert effects == [Finished()]
    assert phone.requests == 16


def test_a_url_given_by_hand_needs_no_subscribe() -> None:
    phone = Phone(IDENTITY, url="http://127.0.0.1:8080/{mac}.xml")
    assert target(phone.start(START)) == "/0004132E08B4.xml"
    assert served(phone, http(PLAIN)) == [Finished()]
    assert outcome(phone)[0] is Outcome.BOOTED


def test_a_phone_needs_a_server_or_a_url() -> None:
    with pytest.raises(ValueError, match="a server, or a URL"):
        Phone(IDENTITY)


def test_the_verdict_keeps_no_password() -> None:
    phone, _ = notified()
    served(phone, http(PLAIN))
    assert "abc" not in repr(phone.verdict)
    assert not any("abc" in step.what for step in phone.steps)


# Credentials

CLIENT = (
    '<http_client_user perm="R">anna</http_client_user>'
    '<http_client_pass perm="R">secret</http_client_pass>'
)
WITH_CLIENT = PLAIN.replace("<user_active", CLIENT + "<user_active", 1)
DIGEST = 'Digest realm="bootwave", qop="auth", algorithm=MD5, nonce="n"'


def by_url(credentials: Credentials | None) -> tuple[Phone, list[Effect]]:
    url = "http://127.0.0.1:8080/{mac}.xml"
    phone = Phone(IDENTITY, url=url, credentials=credentials)
    return phone, phone.start(START)


def challenged(phone: Phone, challenge: str = DIGEST) -> list[Effect]:
    more = f"WWW-Authenticate: {challenge}\r\n"
    return served(phone, http("", 401, more))


def test_a_phone_keeps_the_credentials_that_its_document_tells() -> None:
    phone, _ = by_url(None)
    assert served(phone, http(WITH_CLIENT)) == [Finished()]
    assert phone.credentials == Credentials("anna", "secret")


def test_a_phone_without_credentials_is_refused_by_a_challenge() -> None:
    phone, _ = by_url(None)
    assert challenged(phone) == [Finished()]
    assert outcome(phone)[0] is Outcome.REFUSED


def test_a_phone_answers_a_challenge_once() -> None:
    phone, _ = by_url(Credentials("anna", "secret"))
    (again,) = challenged(phone)
    assert isinstance(again, Request)
    assert b'\r\nAuthorization: Digest username="anna", realm="boot' in again.data
    assert b"secret" not in again.data
    assert challenged(phone) == [Finished()]
    kind, reason = outcome(phone)
    assert kind is Outcome.REFUSED
    assert "its credentials were not taken" in reason
    assert reason.endswith("bootwave device show MAC tells why")


def test_a_stale_nonce_is_answered_once_more() -> None:
    phone, _ = by_url(Credentials("anna", "secret"))
    assert len(challenged(phone)) == 1
    (again,) = challenged(phone, DIGEST + ", stale=true")
    assert isinstance(again, Request)
    assert challenged(phone, DIGEST + ", stale=true") == [Finished()]


def test_a_proven_phone_boots_and_learns_new_credentials() -> None:
    phone, _ = by_url(Credentials("anna", "before"))
    (again,) = challenged(phone, 'Basic realm="bootwave"')
    assert isinstance(again, Request)
    assert b"\r\nAuthorization: Basic YW5uYTpiZWZvcmU=\r\n" in again.data
    assert served(phone, http(WITH_CLIENT)) == [Finished()]
    assert outcome(phone) == (Outcome.BOOTED, "")
    assert phone.credentials == Credentials("anna", "secret")


def test_a_challenge_that_breaks_the_grammar_is_a_fault() -> None:
    phone, _ = by_url(Credentials("anna", "secret"))
    assert challenged(phone, "Digest realm=") == [Finished()]
    assert outcome(phone)[0] is Outcome.FAILED
