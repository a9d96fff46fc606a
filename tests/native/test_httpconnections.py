"""What the lane recognises but has nothing ready for: it waits, and what ends that."""

import os
import select
import socket
import time
from collections.abc import Iterator

import pytest

from bootwave.native.cache import shared_key
from bootwave.native.http import Miss
from tests.native.test_http import (
    AGENT,
    BODY,
    CLOSE,
    FILES,
    GENERAL_FILES,
    GET,
    HEAD,
    HERE,
    HITS,
    LAYOUT,
    MAC,
    PATIENCE,
    REQUESTS,
    SETTINGS,
    TAG,
    UNFIT,
    URL,
    Bench,
    timeless,
)

REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno\n"


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.listener.close()
    made.lane.abort()


def missed(bench: Bench) -> list[Miss]:
    """Accept what has come; nothing may be handed over."""
    select.select([bench.listener], [], [], PATIENCE)
    assert bench.lane.accept(bench.listener.fileno(), 64, 0) == (0, None)
    return bench.lane.take_missed() or []


def miss_of(bench: Bench, client: socket.socket, data: bytes) -> Miss:
    client.sendall(data)
    (miss,) = missed(bench)
    return miss


def turn(bench: Bench) -> list[Miss]:
    """Let the lane read what came on connections it keeps."""
    assert select.select([bench.lane.fileno()], [], [], PATIENCE)[0]
    assert bench.lane.turn(0) is None
    return bench.lane.take_missed() or []


def is_quiet(bench: Bench) -> bool:
    return not select.select([bench.lane.fileno()], [], [], 0.05)[0]


def everything(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/0004132E08B4.xml", (MAC, SETTINGS, "snom370")),
        ("/snom370-0004132E08B4.htm", (MAC, FILES, "")),
        ("/snomD785-0004132E08B4.xml", (MAC, SETTINGS, "snomd785")),
        ("/snomD785.htm", (0, GENERAL_FILES, "snomd785")),
    ],
)
def test_a_miss_tells_what_was_asked(
    bench: Bench, target: str, expected: tuple[int, int, str]
) -> None:
    with bench.connect() as client:
        data = GET.replace(b"/0004132E08B4.xml", target.encode()) + CLOSE
        miss = miss_of(bench, client, data)
        assert (miss.mac, miss.kind, miss.model) == expected
        assert (miss.agent_model, miss.detail) == ("snom370", "snom370 8.4.35")
        assert miss.firmware == "8.4.35"
        assert (miss.base_url, miss.source) == (URL, HERE)
        assert (miss.head, miss.is_1_0, miss.keep_alive) == (False, False, False)
        assert miss.if_none_match is None
        assert miss.waits
        assert len(bench.lane) == 1
        assert bench.lane.take_missed() is None


def test_a_miss_tells_how_it_was_asked(bench: Bench) -> None:
    with bench.connect() as client:
        data = GET.replace(b"GET", b"HEAD").replace(b"1.1", b"1.0")
        data += b"Connection: keep-alive\r\nIf-None-Match: " + TAG + b"\r\n\r\n"
        miss = miss_of(bench, client, data)
        assert (miss.head, miss.is_1_0, miss.keep_alive) == (True, True, True)
        assert miss.if_none_match == TAG


def test_nobody_else_makes_a_miss() -> None:
    with pytest.raises(TypeError):
        Miss()


def test_a_miss_is_answered_with_what_is_ready_by_then(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + CLOSE)
        assert not bench.lane.answer(miss)
        assert miss.waits
        bench.keep()
        assert bench.lane.answer(miss)
        assert not miss.waits
        assert timeless(everything(client)) == (
            HEAD + b"Connection: close\r\n\r\n" + BODY
        )
    assert bench.lane.settle() is None
    assert len(bench.lane) == 0
    ((_, *seen),) = bench.sightings.drain(10)
    assert seen == [MAC, HERE, 51, "snom370 8.4.35"]
    assert bench.counters.load(REQUESTS) == 1
    assert bench.counters.load(HITS) == 0


def test_a_general_document_is_given_to_who_missed_it(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET.replace(b"0004132E08B4", b"general") + CLOSE)
        key = (miss.kind, miss.base_url, miss.model, miss.firmware)
        bench.general.keep(
            shared_key(*key), 0, 0, 0.0, "", "", False, *key, None, BODY, TAG
        )
        assert bench.lane.answer(miss)
        assert everything(client).endswith(BODY)
        assert bench.sightings.drain(10)[0][3] == 50


def test_head_and_entity_tag_count_for_a_miss_too(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET.replace(b"GET", b"HEAD") + CLOSE)
        bench.keep()
        assert bench.lane.answer(miss)
        assert timeless(everything(client)) == HEAD + b"Connection: close\r\n\r\n"
    bench.revocations.add(LAYOUT[0], 1)
    with bench.connect() as client:
        data = GET + b"If-None-Match: " + TAG + b"\r\n" + CLOSE
        miss = miss_of(bench, client, data)
        bench.keep()
        assert bench.lane.answer(miss)
        assert everything(client).startswith(b"HTTP/1.1 304 Not Modified\r\n")
        assert bench.sightings.drain(10)[-1][3] == 52


NOW = time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.mark.parametrize("how", UNFIT, ids=str)
def test_what_a_miss_is_given_needs_a_grant_at_that_moment(
    bench: Bench, how: dict[str, object]
) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + CLOSE)
        bench.keep(**how)
        assert not bench.lane.answer(miss)
        assert miss.waits


def test_what_was_revoked_since_it_was_made_ready_is_not_given(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + CLOSE)
        bench.keep()
        bench.revocations.add(LAYOUT[0], 1)
        assert not bench.lane.answer(miss)


def test_a_connection_goes_on_after_a_miss(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + b"\r\n")
        bench.lane.say(miss, REFUSAL)
        assert client.recv(65536) == REFUSAL
        client.sendall(GET + b"\r\n")
        (again,) = turn(bench)
        bench.keep()
        assert bench.lane.answer(again)
        assert client.recv(65536).endswith(BODY)
        client.sendall(GET + b"\r\n")
        assert turn(bench) == []
        assert client.recv(65536).endswith(BODY)
        assert len(bench.lane) == 1
    assert bench.lane.settle() is None
    assert bench.counters.load(REQUESTS) == 3
    assert bench.counters.load(HITS) == 1


def test_a_connection_that_is_not_to_go_on_is_closed_behind_the_answer(
    bench: Bench,
) -> None:
    with bench.connect() as client:
        bench.lane.say(miss_of(bench, client, GET + CLOSE), REFUSAL)
        assert everything(client) == REFUSAL
        assert len(bench.lane) == 0


@pytest.mark.parametrize("kept_before", [False, True])
def test_what_comes_while_one_waits_wakes_nobody_and_is_read_later(
    bench: Bench, kept_before: bool
) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + b"\r\n")
        if kept_before:
            bench.lane.say(miss, REFUSAL)
            assert client.recv(65536) == REFUSAL
            client.sendall(GET + b"\r\n")
            (miss,) = turn(bench)
        client.sendall(GET + CLOSE)
        client.shutdown(socket.SHUT_WR)
        assert is_quiet(bench)
        bench.keep()
        assert bench.lane.answer(miss)
        assert turn(bench) == []
        answers = everything(client)
        assert answers.count(BODY) == 2
    assert len(bench.lane) == 0


@pytest.mark.parametrize("kept_before", [False, True])
@pytest.mark.parametrize("ready", [False, True])
def test_an_answer_is_not_lost_to_what_came_behind_a_request_to_close(
    bench: Bench, kept_before: bool, ready: bool
) -> None:
    """Closing a socket with unread bytes resets it, so others read them first."""
    with bench.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if kept_before:
            bench.lane.say(miss_of(bench, client, GET + b"\r\n"), REFUSAL)
            assert client.recv(65536) == REFUSAL
            client.sendall(GET + CLOSE)
            (miss,) = turn(bench)
        else:
            miss = miss_of(bench, client, GET + CLOSE)
        client.sendall(b"\r\n")  # as old clients end a request
        if ready:
            bench.keep()
            assert not bench.lane.answer(miss)
        else:
            assert not bench.lane.say(miss, REFUSAL)
        handed = bench.lane.release(miss)
        assert handed is not None
        os.close(handed[0])
        assert handed[1:] == (GET + CLOSE + b"\r\n", kept_before, False, None)
    assert bench.sightings.drain(10) == []
    assert bench.lane.settle() is None
    assert bench.counters.load(REQUESTS) == int(kept_before)


@pytest.mark.parametrize("kept_before", [False, True])
@pytest.mark.parametrize("reset", [False, True])
def test_who_hangs_up_while_waiting_is_found_out_by_the_answer(
    bench: Bench, kept_before: bool, reset: bool
) -> None:
    client = bench.connect()
    miss = miss_of(bench, client, GET + b"\r\n")
    if kept_before:
        bench.lane.say(miss, REFUSAL)
        client.recv(65536)
        client.sendall(GET + b"\r\n")
        (miss,) = turn(bench)
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert is_quiet(bench)
    assert len(bench.lane) == 1
    bench.lane.say(miss, REFUSAL)
    if not reset:  # the first answer provokes the reset
        turn(bench)
    assert len(bench.lane) == 0
    bench.lane.say(miss, REFUSAL)
    assert bench.lane.answer(miss)
    assert bench.lane.release(miss) is None


def test_an_answer_never_goes_to_who_has_the_descriptor_later(bench: Bench) -> None:
    with bench.connect() as client:
        old = miss_of(bench, client, GET + CLOSE)
        _, late, _ = bench.lane.tick(time.monotonic() + 30.0, 100)
        ((number, *_),) = late
        os.close(number)
    with bench.connect() as other:
        new = miss_of(bench, other, GET.replace(b"08B4", b"08B5") + CLOSE)
        bench.lane.say(old, b"for the first only")
        bench.keep()
        assert bench.lane.answer(old)
        assert bench.lane.release(old) is None
        assert new.waits
        bench.lane.say(new, REFUSAL)
        assert everything(other) == REFUSAL


def test_who_is_not_answered_in_time_is_handed_over_with_the_request() -> None:
    bench = Bench(changed={"answer": 2.0})
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + CLOSE)
        now = time.monotonic()
        assert bench.lane.tick(now, 100) == ([], [], None)
        stalled, late, _ = bench.lane.tick(now + 3.0, 100)
        ((number, data, answered, proven, _ends),) = late
        os.close(number)
        assert (stalled, data) == ([], GET + CLOSE)
        assert (answered, proven) == (False, False)
        assert not miss.waits
        assert len(bench.lane) == 0
    bench.listener.close()


def test_what_is_released_tells_what_was_proven_before(bench: Bench) -> None:
    bench.keep()
    with bench.connect() as client:
        client.sendall(GET + b"\r\n")
        assert missed(bench) == []
        client.recv(65536)
        bench.revocations.add(LAYOUT[0], 1)
        client.sendall(GET + b"\r\n")
        (miss,) = turn(bench)
        handed = bench.lane.release(miss)
        assert handed is not None
        os.close(handed[0])
        assert handed[1:] == (GET + b"\r\n", True, True, None)
        assert bench.lane.release(miss) is None


def test_who_waits_is_not_given_up_when_the_lane_finishes(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + CLOSE)
        assert bench.lane.finish() is None
        assert bench.lane.shed(64) is None
        assert bench.lane.close_oldest() is None
        bench.keep()
        assert bench.lane.answer(miss)
        assert everything(client).endswith(BODY)


def test_an_abort_closes_who_waits(bench: Bench) -> None:
    with bench.connect() as client:
        miss = miss_of(bench, client, GET + CLOSE)
        bench.lane.abort()
        assert not miss.waits
        assert client.recv(1) == b""
        assert bench.lane.answer(miss)
        bench.lane.say(miss, REFUSAL)
        assert bench.lane.release(miss) is None
        assert len(bench.lane) == 0


def test_while_places_are_short_a_new_miss_is_handed_over(bench: Bench) -> None:
    with bench.connect() as first, bench.connect() as second:
        first.sendall(GET + CLOSE)
        select.select([bench.listener], [], [], PATIENCE)
        assert bench.lane.accept(bench.listener.fileno(), 1, 79) == (0, None)
        second.sendall(GET + CLOSE)
        select.select([bench.listener], [], [], PATIENCE)
        error, handed = bench.lane.accept(bench.listener.fileno(), 1, 79)
        ((number, data, answered, proven, _ends),) = handed or []
        os.close(number)
        assert (error, data, answered, proven) == (0, GET + CLOSE, False, False)


def test_after_a_miss_the_unproven_are_kept_only_while_there_is_room(
    bench: Bench,
) -> None:
    with bench.connect() as client:
        client.sendall(GET + b"\r\n")
        select.select([bench.listener], [], [], PATIENCE)
        bench.lane.accept(bench.listener.fileno(), 64, 79)
        (miss,) = bench.lane.take_missed() or []
        with bench.connect() as late:
            late.sendall(GET + CLOSE)
            select.select([bench.listener], [], [], PATIENCE)
            # Others hold more meanwhile.
            _, handed = bench.lane.accept(bench.listener.fileno(), 64, 99)
            for number, *_ in handed or ():
                os.close(number)
        bench.lane.say(miss, REFUSAL)
        ((number, data, answered, proven, _ends),) = bench.lane.settle() or []
        os.close(number)
        assert (data, answered, proven) == (b"", True, False)
        assert client.recv(65536) == REFUSAL


def test_a_large_answer_goes_out_as_it_is_read(bench: Bench) -> None:
    data = b"x" * 3_000_000
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(bench.listener.getsockname())
        miss = miss_of(bench, client, GET + CLOSE)
        bench.lane.say(miss, data)
        assert len(bench.lane) == 1
        received = 0
        while received < len(data):
            received += len(client.recv(1 << 20))
            if select.select([bench.lane.fileno()], [], [], 0)[0]:
                assert bench.lane.turn(0) is None
        assert client.recv(1) == b""
    assert len(bench.lane) == 0


def test_an_agent_that_must_be_read_with_its_mac_is_handed_over(bench: Bench) -> None:
    # Where a MAC decided what is known of a phone, only h11's side knows it whole.
    agent = AGENT.replace("8.4.35", "8.4.35 0004132E08B4").encode()
    with bench.connect() as client:
        client.sendall(GET.replace(AGENT.encode(), b"0004132E08B4 " + agent) + CLOSE)
        select.select([bench.listener], [], [], PATIENCE)
        _, handed = bench.lane.accept(bench.listener.fileno(), 64, 0)
        ((number, *_),) = handed or []
        os.close(number)
        assert bench.lane.take_missed() is None
