"""Slow, broken and greedy clients of the running program, with the lane and without."""

import os
import resource
import select
import socket
import time

from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import counted
from tests.end_to_end.mailbox import PHONE, mailbox, subscribe
from tests.end_to_end.program import Answer, Program, wait_until
from tests.faults.misfits import (
    CLOSING,
    GET,
    PATH,
    assert_phones_are_served,
    enlarge,
    everything,
    many_files,
    misfit,
    misfits,
    open_to_the_phone,
    reset,
    sockets,
)

IDLE = 5_000


def large(serving: Serving) -> tuple[Program, bytes]:
    """A program whose documents do not fit into a slow reader's window."""
    program = serving()
    enlarge(program)
    open_to_the_phone(program)
    body = program.get(PATH).body
    assert 150_000 < len(body) < 250_000  # the lane answers that, too
    return program, body


def test_who_never_reads_a_large_document_is_in_nobodys_way(serving: Serving) -> None:
    program, body = large(serving)
    with misfits(program, 64, buffer=4096) as clients:
        for client in clients:
            client.sendall(CLOSING)
        assert_phones_are_served(program)
        # And who reads on in the end has lost nothing.
        for client in clients[::16]:
            assert Answer(everything(client)).body == body


def test_who_reads_slowly_gets_the_whole_document(serving: Serving) -> None:
    program, body = large(serving)
    with misfit(program, buffer=4096) as client:
        client.sendall(GET + CLOSING)
        received = b""
        while some := client.recv(700):
            received += some
            if len(received) < 70_000:
                time.sleep(0.002)
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert rest[: len(body)] == body
    assert Answer(rest[len(body) :]).body == body


def test_who_writes_a_byte_at_a_time_is_served_like_others(serving: Serving) -> None:
    program = serving()
    open_to_the_phone(program)
    expected = program.get(PATH).timeless
    with misfits(program, 100) as writers, program.client().socket as own:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(CLOSING)):
            own.sendall(CLOSING[at : at + 1])
            for writer in writers[at % 10 :: 10]:
                try:
                    writer.sendall(GET[at // 10 : at // 10 + 1])
                except OSError:  # its time was over
                    continue
        assert Answer(everything(own)).timeless == expected
        assert_phones_are_served(program)


def test_resets_within_requests_and_answers_leave_nothing_behind(
    serving: Serving,
) -> None:
    program, _ = large(serving)
    before = sockets(program)
    for number in range(60):
        reset(misfit(program))
        within_head = misfit(program)
        within_head.sendall(GET[: 1 + number])
        reset(within_head)
        within_answer = misfit(program, buffer=4096)
        within_answer.sendall(GET)
        if number % 2:
            within_answer.recv(1000)
        reset(within_answer)
        between = misfit(program, buffer=65536)
        between.sendall(GET)
        assert between.recv(100)
        between.sendall(GET[:10])
        reset(between)
    assert_phones_are_served(program)
    wait_until(lambda: sockets(program) == before, "all sockets are closed")
    assert "Traceback" not in program.errors()
    assert "failed" not in program.errors()


def test_pipelined_requests_are_answered_in_order_and_whole(serving: Serving) -> None:
    program = serving()
    open_to_the_phone(program)
    plain = program.get(PATH)
    tag = f"If-None-Match: {plain.etag}\r\n\r\n".encode()
    once = [GET, GET.replace(b"\r\n\r\n", b"\r\n" + tag), GET.replace(b"GET", b"HEAD")]
    once.append(GET.replace(PATH.encode(), b"/general.xml"))
    data = b"".join(once * 20) + CLOSING
    for pieces in (1, 7, 61):
        with program.client().socket as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            size = -(-len(data) // pieces)
            for at in range(0, len(data), size):
                client.sendall(data[at : at + size])
            received = everything(client)
        assert received.count(b"HTTP/1.1 200 OK\r\n") == 61
        assert received.count(b"HTTP/1.1 304 Not Modified\r\n") == 20
        assert received.count(plain.body) == 21
        assert received.endswith(plain.body)


def test_without_descriptors_phones_wait_and_sip_goes_on(serving: Serving) -> None:
    program = serving(SERVER__WORKERS="1")
    open_to_the_phone(program)
    (worker,) = program.workers()
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    has = max(map(int, os.listdir(f"/proc/{worker}/fd")))
    kept = [program.client() for _ in range(4)]
    for client in kept:
        client.ask_and_stay(PATH)
        assert client.one_answer().status == 200
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (has + 1, limits[1]))
    try:
        waiting = [program.client() for _ in range(8)]
        for client in waiting:
            client.ask(PATH)
        wait_until(lambda: counted(program, "http_accept_pauses") > 0, "it pauses")
        for client in kept:  # who has a connection keeps it
            client.ask_and_stay(PATH)
            assert client.one_answer().status == 200
        with mailbox(program) as phone:
            for number in range(5):
                phone.send(subscribe(PHONE, 77_000 + number))
                phone.answers()
    finally:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
    assert [client.answer().status for client in waiting] == [200] * 8
    assert_phones_are_served(program)


def test_five_thousand_idle_connections_are_in_nobodys_way(serving: Serving) -> None:
    with many_files(2 * IDLE):
        program = serving(HTTP__CONNECTIONS=str(IDLE + 1000))
        open_to_the_phone(program)
        clients: list[socket.socket] = []
        try:
            while len(clients) < IDLE:
                while len(clients) < IDLE:
                    clients.append(misfit(program))
                    clients[-1].sendall(GET.replace(PATH.encode(), b"/general.xml"))
                # Who was served waits for the next request until its time is over.
                clients = still_open(clients)
            assert_phones_are_served(program, 100)
            assert sum(sockets(program).values()) > 1000
            for client in clients[-100:]:
                client.sendall(CLOSING.replace(PATH.encode(), b"/general.xml"))
                assert everything(client).count(b"HTTP/1.1 200 OK\r\n") == 2
        finally:
            for client in clients:
                client.close()
    assert "Traceback" not in program.errors()


def still_open(clients: list[socket.socket]) -> list[socket.socket]:
    """Return those whose connection has not been closed by the other side."""
    poll = select.poll()
    for client in clients:
        poll.register(client, select.POLLRDHUP)
    gone = {number for number, _ in poll.poll(0)}
    for client in clients:
        if client.fileno() in gone:
            client.close()
    return [client for client in clients if client.fileno() >= 0]
