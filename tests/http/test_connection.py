"""The connection as a transcript: bytes and time in, effects out."""

import pytest

from bootwave.http.connection import Deadlines, HttpConnection
from bootwave.http.effects import (
    Close,
    Deliver,
    Effect,
    HalfClose,
    Introduce,
    Note,
    SendBytes,
    SendFile,
)
from bootwave.http.proxyprotocol import Proxied
from bootwave.http.request import Request
from bootwave.http.response import FileContent, Response
from bootwave.limits import MAX_HTTP_LINGER_BYTES
from bootwave.sightings import Reason
from tests.oracle.proxies import LOCAL, framed, header

GET = b"GET /snom370.htm HTTP/1.1\r\nHost: a\r\n\r\n"
GET_CLOSE = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OLD = b"GET /a HTTP/1.0\r\n\r\n"
OLD_KEPT = b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
XML = Response(200, b"<settings/>")
D = Deadlines(head=5, idle=15, answer=30, write_stall=20, linger=2)


def connect(now: float = 0) -> HttpConnection:
    return HttpConnection(now=now, deadlines=D)


def delivered(effects: list[Effect]) -> Request:
    (effect,) = effects
    assert isinstance(effect, Deliver)
    return effect.request


def bytes_sent(effects: list[Effect]) -> bytes:
    (effect,) = effects
    assert isinstance(effect, SendBytes)
    return effect.data


def noted(effects: list[Effect]) -> tuple[Reason, list[Effect]]:
    note, *rest = effects
    assert isinstance(note, Note)
    return note.reason, rest


def test_a_request_is_delivered_answered_and_the_next_awaited() -> None:
    connection = connect()
    assert connection.wants_data
    assert delivered(connection.receive_data(GET, 1)).path == "/snom370.htm"
    assert connection.is_answering
    answer = bytes_sent(connection.respond(XML, 1))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n<settings/>")
    assert b"Connection:" not in answer
    assert not connection.wants_data
    assert connection.stays_open
    assert connection.sent(0, 1) == []
    assert connection.wants_data
    assert delivered(connection.receive_data(GET, 2)).path == "/snom370.htm"


@pytest.mark.parametrize("at", range(4))
def test_one_empty_line_before_a_request_is_ignored(at: int) -> None:
    connection = connect()
    for start in (0, 10):
        data = b"\r\n" + GET
        assert connection.receive_data(data[:at], start) == []
        delivered(connection.receive_data(data[at:], start + 1))
        connection.respond(XML, start + 1)
        assert connection.sent(0, start + 1) == []


def test_it_tells_whether_the_rest_of_a_head_is_awaited() -> None:
    connection = connect()
    assert not connection.is_within_head
    connection.receive_data(GET[:5], 0)
    assert connection.is_within_head
    delivered(connection.receive_data(GET[5:], 0))
    assert not connection.is_within_head
    connection.receive_data(b"G", 0)  # waits for its turn
    assert not connection.is_within_head
    connection.respond(XML, 0)
    connection.sent(0, 0)
    assert connection.is_within_head
    named = HttpConnection(now=0, proxied=True)
    named.receive_data(b"\r\n\r\n", 0)
    assert named.is_within_head


def test_an_empty_line_after_a_request_is_no_second_one() -> None:
    connection = connect()
    delivered(connection.receive_data(GET + b"\r\n", 0))
    connection.respond(XML, 0)
    assert connection.sent(0, 0) == []
    assert connection.next_timer() == 15  # idle
    assert connection.receive_eof(1) == [Close()]


@pytest.mark.parametrize("line", [b"\r\n\r\n", b"\n", b"\r\r\n", b"\r\n\n"])
def test_other_empty_lines_are_refused(line: bytes) -> None:
    for data in ([line + GET], [line[at : at + 1] for at in range(len(line))] + [GET]):
        connection = connect()
        effects = [connection.receive_data(piece, 0) for piece in data]
        reason, rest = noted(next(found for found in effects if found))
        assert reason is Reason.HTTP_SYNTAX
        assert bytes_sent(rest).startswith(b"HTTP/1.1 400 ")


def test_an_empty_line_begins_no_request() -> None:
    connection = connect()
    delivered(connection.receive_data(GET, 0))
    connection.respond(XML, 0)
    connection.sent(0, 0)
    assert connection.receive_data(b"\r\n", 3) == []
    assert connection.next_timer() == 15
    assert connection.receive_data(b"G", 4) == []
    assert connection.next_timer() == 9
    assert connection.finish(4) == []
    other = connect()
    delivered(other.receive_data(GET + b"\r\n", 0))
    other.respond(XML, 0)
    other.finish(0)
    assert other.sent(0, 0) == [Close()]


def test_a_refused_head_after_an_empty_line_gets_no_body() -> None:
    connection = connect()
    effects = connection.receive_data(b"\r\nHEAD / HTTP/9.9\r\n\r\n", 0)
    assert bytes_sent(noted(effects)[1]).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "field"),
    [(GET_CLOSE, b"Connection: close"), (OLD, b"Connection: close")],
)
def test_a_peer_that_expects_it_is_closed_at_once(
    request_bytes: bytes, field: bytes
) -> None:
    connection = connect()
    connection.receive_data(request_bytes, 0)
    assert field in bytes_sent(connection.respond(XML, 0))
    assert not connection.stays_open
    assert connection.sent(0, 0) == [Close()]
    assert connection.closed
    assert connection.next_timer() is None


def test_http_1_0_is_kept_open_when_it_asks() -> None:
    connection = connect()
    connection.receive_data(OLD_KEPT, 0)
    assert b"Connection: keep-alive" in bytes_sent(connection.respond(XML, 0))
    assert connection.sent(0, 0) == []
    assert not connection.closed


def test_head_gets_the_head_of_get() -> None:
    whole, alone = connect(), connect()
    whole.receive_data(GET, 0)
    alone.receive_data(GET.replace(b"GET", b"HEAD"), 0)
    answer = bytes_sent(whole.respond(XML, 0))
    assert answer == bytes_sent(alone.respond(XML, 0)) + XML.body


def test_the_date_is_the_callers() -> None:
    connection = HttpConnection(now=0, date=lambda: b"today")
    connection.receive_data(GET, 0)
    assert b"\r\nDate: today\r\n" in bytes_sent(connection.respond(XML, 0))


def test_pipelined_requests_are_answered_one_at_a_time_in_order() -> None:
    connection = connect()
    first = GET.replace(b"snom370", b"snom1")
    assert delivered(connection.receive_data(first + GET, 0)).path == "/snom1.htm"
    assert not connection.wants_data
    bytes_sent(connection.respond(XML, 0))
    assert delivered(connection.sent(0, 0)).path == "/snom370.htm"
    bytes_sent(connection.respond(XML, 0))
    assert connection.sent(0, 0) == []


def test_a_waiting_request_leaves_room_to_notice_the_peer_going_away() -> None:
    connection = connect()
    connection.receive_data(GET, 0)
    assert connection.wants_data
    assert connection.receive_data(b"G", 0) == []
    assert not connection.wants_data


def test_nothing_is_delivered_while_the_answer_is_not_read() -> None:
    connection = connect()
    connection.receive_data(GET + GET, 0)
    answer = bytes_sent(connection.respond(XML, 0))
    assert connection.sent(len(answer) - 1, 0) == []
    assert not connection.wants_data
    delivered(connection.sent(0, 1))


def test_a_refused_request_is_answered_then_half_closed_then_closed() -> None:
    connection = connect()
    reason, rest = noted(
        connection.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 0)
    )
    assert reason is Reason.HTTP_SYNTAX
    answer = bytes_sent(rest)
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer
    assert b"\r\nConnection: close\r\n" in answer
    assert not connection.is_lingering
    assert connection.sent(0, 0) == [HalfClose()]
    assert connection.is_lingering
    assert connection.wants_data
    assert connection.receive_data(b"the body", 1) == []
    assert connection.receive_eof(1) == [Close()]


def test_a_refused_head_request_gets_no_body() -> None:
    connection = connect()
    _, rest = noted(connection.receive_data(b"HEAD /% HTTP/1.1\r\nHost: a\r\n\r\n", 0))
    assert bytes_sent(rest).endswith(b"\r\n\r\n")


def test_what_follows_a_refused_request_is_never_read() -> None:
    connection = connect()
    noted(connection.receive_data(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n" + GET, 0))
    assert connection.sent(0, 0) == [HalfClose()]
    assert connection.receive_data(GET, 0) == []


def test_a_lingering_peer_is_cut_off_by_time_and_by_size() -> None:
    for act in ("time", "size"):
        connection = connect()
        noted(connection.receive_data(b"\x16\x03\x01", 0))
        connection.sent(0, 0)
        assert connection.next_timer() == 2
        if act == "time":
            assert connection.handle_timer(2) == [Close()]
        else:
            assert connection.receive_data(bytes(MAX_HTTP_LINGER_BYTES), 0) == []
            assert connection.receive_data(b"x", 0) == [Close()]


def test_closing_on_our_own_account_waits_for_what_is_under_way() -> None:
    connection = connect()
    connection.receive_data(GET, 0)
    answer = bytes_sent(connection.respond(Response(200, close=True), 0))
    assert b"Connection: close" in answer
    assert connection.sent(0, 0) == [HalfClose()]


def test_a_peer_that_sent_all_and_waits_gets_every_answer() -> None:
    connection = connect()
    connection.receive_data(GET + GET, 0)
    assert connection.receive_eof(0) == []
    bytes_sent(connection.respond(XML, 0))
    delivered(connection.sent(0, 0))
    bytes_sent(connection.respond(XML, 0))
    assert connection.sent(0, 0) == [Close()]


def test_an_end_between_requests_is_no_fault_and_within_a_head_it_is() -> None:
    assert connect().receive_eof(0) == [Close()]
    connection = connect()
    connection.receive_data(b"GET", 0)
    reason, rest = noted(connection.receive_eof(0))
    assert (reason, rest) == (Reason.HTTP_SYNTAX, [Close()])
    connection = connect()
    connection.receive_data(GET + b"GET", 0)
    connection.receive_eof(0)
    connection.respond(XML, 0)
    reason, rest = noted(connection.sent(0, 0))
    assert (reason, rest) == (Reason.HTTP_SYNTAX, [Close()])


def test_a_head_must_be_complete_in_time_however_it_trickles() -> None:
    connection = connect()
    for second in range(5):
        assert connection.next_timer() == 5
        assert connection.handle_timer(second) == []
        assert connection.receive_data(GET[second : second + 1], second) == []
    reason, rest = noted(connection.handle_timer(5))
    assert reason is Reason.HTTP_TIMEOUT
    assert bytes_sent(rest).startswith(b"HTTP/1.1 408 ")
    assert connection.sent(0, 5) == [HalfClose()]


def test_a_peer_that_never_asks_is_closed_without_a_word() -> None:
    reason, rest = noted(connect().handle_timer(5))
    assert (reason, rest) == (Reason.HTTP_TIMEOUT, [Close()])


def test_an_idle_connection_is_closed_and_that_is_no_fault() -> None:
    connection = connect()
    connection.receive_data(GET, 0)
    connection.respond(XML, 0)
    connection.sent(0, 7)
    assert connection.next_timer() == 22
    assert connection.handle_timer(22) == [Close()]


def test_the_next_head_has_its_own_deadline_from_its_first_byte() -> None:
    connection = connect()
    connection.receive_data(GET, 0)
    connection.respond(XML, 0)
    connection.sent(0, 1)
    connection.receive_data(b"G", 10)
    connection.receive_data(b"E", 14)
    assert connection.next_timer() == 15
    assert noted(connection.handle_timer(15))[0] is Reason.HTTP_TIMEOUT


def test_a_head_that_was_pipelined_in_part_has_a_deadline_too() -> None:
    connection = connect()
    connection.receive_data(GET + b"G", 0)
    connection.respond(XML, 8)
    assert connection.sent(0, 9) == []
    assert connection.next_timer() == 14


def test_a_request_nobody_decides_ends_in_503_and_the_late_answer_is_dropped() -> None:
    connection = connect()
    connection.receive_data(GET, 1)
    assert connection.next_timer() == 31
    answer = bytes_sent(connection.handle_timer(31))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After" in answer
    assert connection.respond(XML, 32) == []
    connection.sent(0, 32)
    assert connection.respond(XML, 32) == []


def test_an_answer_nobody_reads_is_given_up_after_the_last_progress() -> None:
    connection = connect()
    connection.receive_data(GET, 0)
    size = len(bytes_sent(connection.respond(XML, 0)))
    assert connection.next_timer() == 20
    connection.sent(size, 10)
    assert connection.next_timer() == 20
    connection.sent(size - 1, 12)
    assert connection.next_timer() == 32
    reason, rest = noted(connection.handle_timer(32))
    assert (reason, rest) == (Reason.HTTP_STALLED, [Close(abort=True)])


def test_finishing_closes_what_is_idle_and_answers_what_is_not() -> None:
    idle = connect()
    idle.receive_data(GET, 0)
    idle.respond(XML, 0)
    idle.sent(0, 0)
    assert idle.finish(0) == [Close()]

    new = connect()
    assert new.finish(0) == []
    delivered(new.receive_data(GET, 0))
    assert b"Connection: close" in bytes_sent(new.respond(XML, 0))
    assert new.sent(0, 0) == [HalfClose()]

    sending = connect()
    sending.receive_data(GET, 0)
    sending.respond(XML, 0)
    assert sending.finish(0) == []
    assert sending.sent(0, 0) == [Close()]


def test_a_field_that_cannot_be_sent_leaves_the_request_waiting() -> None:
    connection = connect()
    connection.receive_data(GET, 0)
    with pytest.raises(ValueError, match="control character"):
        connection.respond(Response(200, headers=((b"X", b"\r\n"),)), 0)
    assert bytes_sent(connection.respond(XML, 0)).startswith(b"HTTP/1.1 200 ")


def test_a_closed_connection_does_nothing() -> None:
    connection = connect()
    connection.receive_eof(0)
    assert connection.receive_data(GET, 0) == []
    assert connection.receive_eof(0) == []
    assert connection.respond(XML, 0) == []
    assert connection.sent(0, 0) == []
    assert connection.handle_timer(100) == []
    assert connection.finish(0) == []
    assert not connection.wants_data


HEADER = header("198.51.100.7")
PHONE = Proxied("198.51.100.7", ("192.0.2.80", 80))


def behind_a_balancer() -> HttpConnection:
    return HttpConnection(now=0, deadlines=D, proxied=True)


def test_a_balancer_says_first_whose_connection_it_is() -> None:
    connection = behind_a_balancer()
    introduced, deliver = connection.receive_data(HEADER + GET, 1)
    assert introduced == Introduce(PHONE)
    assert delivered([deliver]).path == "/snom370.htm"
    connection.respond(XML, 1)
    assert connection.sent(0, 1) == []
    assert delivered(connection.receive_data(GET, 2)).path == "/snom370.htm"


def test_the_same_comes_of_a_header_byte_by_byte() -> None:
    connection = behind_a_balancer()
    effects: list[Effect] = []
    for byte in HEADER + GET:
        assert connection.wants_data
        effects += connection.receive_data(bytes([byte]), 1)
    assert effects[0] == Introduce(PHONE)
    assert delivered(effects[1:]).path == "/snom370.htm"


def test_the_request_has_its_own_deadline_after_the_header() -> None:
    connection = behind_a_balancer()
    assert connection.receive_data(HEADER, 4) == [Introduce(PHONE)]
    assert connection.next_timer() == 9
    assert noted(connection.handle_timer(9)) == (Reason.HTTP_TIMEOUT, [Close()])


@pytest.mark.parametrize("size", [0, 1, 16, len(HEADER) - 1])
def test_a_header_that_is_late_ends_the_connection(size: int) -> None:
    connection = behind_a_balancer()
    for at in range(size):
        assert connection.receive_data(HEADER[at : at + 1], 4) == []
    assert connection.handle_timer(4.9) == []
    assert connection.next_timer() == 5
    ended = noted(connection.handle_timer(5))
    assert ended == (Reason.PROXY_HEADER, [Close(abort=True)])
    assert connection.closed


@pytest.mark.parametrize("data", [GET, b"PROXY TCP4 ", HEADER[:12] + bytes(9)])
def test_what_is_no_header_is_not_answered(data: bytes) -> None:
    connection = behind_a_balancer()
    effects = connection.receive_data(data, 1)
    assert noted(effects) == (Reason.PROXY_HEADER, [Close(abort=True)])
    assert connection.receive_data(GET, 1) == []


def test_a_balancer_speaks_for_itself_too() -> None:
    connection = behind_a_balancer()
    local = framed(LOCAL, 0, b"")
    assert delivered(connection.receive_data(local + GET, 1)).path == "/snom370.htm"


def test_a_health_check_that_only_connects_is_no_offence() -> None:
    assert behind_a_balancer().receive_eof(1) == [Close()]
    connection = behind_a_balancer()
    assert connection.receive_data(framed(LOCAL, 0, b""), 1) == []
    assert connection.receive_eof(1) == [Close()]


def test_a_header_that_ends_early_is_one() -> None:
    connection = behind_a_balancer()
    connection.receive_data(HEADER[:20], 1)
    ended = noted(connection.receive_eof(1))
    assert ended == (Reason.PROXY_HEADER, [Close(abort=True)])


def test_only_one_header_is_read() -> None:
    connection = behind_a_balancer()
    introduced, note, send = connection.receive_data(HEADER + HEADER + GET, 1)
    assert introduced == Introduce(PHONE)
    assert noted([note])[0] is Reason.HTTP_SYNTAX
    assert bytes_sent([send]).startswith(b"HTTP/1.1 400 ")


def test_a_server_that_stops_waits_for_the_request_behind_a_header() -> None:
    connection = behind_a_balancer()
    assert connection.finish(0) == []
    introduced, deliver = connection.receive_data(HEADER + GET, 1)
    assert introduced == Introduce(PHONE)
    delivered([deliver])
    assert b"Connection: close" in bytes_sent(connection.respond(XML, 1))


def test_others_may_answer_what_they_read() -> None:
    connection = connect()
    assert connection.awaits_request
    assert bytes_sent(connection.say(b"an answer", keep_alive=True, now=1)) == (
        b"an answer"
    )
    assert not connection.awaits_request
    assert connection.stays_open
    assert connection.next_timer() == 1 + D.write_stall
    assert connection.sent(0, 2) == []
    assert connection.awaits_request
    assert connection.next_timer() == 2 + D.idle
    assert bytes_sent(connection.say(b"the last", keep_alive=False, now=3)) == (
        b"the last"
    )
    assert not connection.stays_open
    assert connection.sent(0, 4) == [Close()]


def test_others_may_not_answer_within_a_request() -> None:
    connection = connect()
    connection.receive_data(GET[:10], 0)
    assert not connection.awaits_request
    connection.receive_data(GET[10:], 0)
    assert not connection.awaits_request


def test_what_others_answer_is_the_last_when_it_must_end() -> None:
    connection = connect()
    connection.finish(0)
    connection.say(b"an answer", keep_alive=True, now=1)
    assert not connection.stays_open
    assert connection.sent(0, 2) == [HalfClose()]
    assert connection.is_lingering


def test_a_file_is_sent_by_others_behind_a_head_that_closes() -> None:
    file = FileContent("ab", 2, 1000)
    response = Response(206, etag=b'"ab"', file=file)
    connection = connect()
    delivered(connection.receive_data(GET, 1))
    (sending,) = connection.respond(response, 2)
    assert isinstance(sending, SendFile)
    assert sending.file == file
    assert b"\r\nContent-Length: 1000\r\n" in sending.head
    assert b"\r\nConnection: close\r\n" in sending.head
    assert sending.head.endswith(b"\r\n\r\n")
    assert connection.closed
    assert connection.next_timer() is None
    assert not connection.wants_data


def test_the_head_of_a_file_leaves_the_connection_open() -> None:
    connection = connect()
    delivered(connection.receive_data(GET.replace(b"GET", b"HEAD"), 1))
    response = Response(200, file=FileContent("ab", 0, 1000))
    head = bytes_sent(connection.respond(response, 2))
    assert b"\r\nContent-Length: 1000\r\n" in head
    assert b"Connection:" not in head
    assert connection.stays_open
