"""Peers that are too slow."""

import asyncio
import json
import re
import socket
import time

import pytest

from bootwave.control.api.connections import ApiConnection
from tests.control.api.conftest import Served

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE = 20.0


def connected(api: Served) -> socket.socket:
    host, _, port = api.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def connections_open(api: Served) -> int:
    text = api.call("engine.metrics")["text"]
    (line,) = re.findall(r'^bootwave_api_connections{state="open"} (.*)$', text, re.M)
    return int(line)


def ended(end: socket.socket) -> bytes:
    """Return what comes until the server ends the connection."""
    got = b""
    try:
        while some := end.recv(65_536):
            got += some
    except ConnectionResetError:
        pass
    return got


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("head_seconds", "body_seconds", "stall_seconds"):
        monkeypatch.setattr(ApiConnection, name, 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /health/live HT",
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n"
        b"Content-Type: application/json\r\n\r\n{",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_who_owes_something_for_too_long_is_cut_off(api: Served, said: bytes) -> None:
    with connected(api) as end:
        end.sendall(said)
        assert ended(end) == b""


@pytest.mark.usefixtures("hurried")
def test_a_byte_now_and_then_buys_no_time(api: Served) -> None:
    with connected(api) as end:
        deadline = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < deadline:
                end.sendall(b"G")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            return
        raise AssertionError("it was never cut off")


def test_a_head_that_is_too_long_is_refused(api: Served) -> None:
    with connected(api) as end:
        end.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
        try:
            end.sendall(b"X: " + b"y" * 40_000)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert not ended(end).startswith(b"HTTP/1.1 200")


def test_one_connection_takes_many_requests(api: Served) -> None:
    with connected(api) as end:
        for _ in range(3):
            end.sendall(LIVE)
            assert end.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_requests_that_follow_at_once_are_all_answered(api: Served) -> None:
    with connected(api) as end:
        end.sendall(
            LIVE * 2 + LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert ended(end).count(b"HTTP/1.1 200 ") == 3


@pytest.mark.usefixtures("hurried")
def test_who_does_not_read_is_cut_off(api: Served) -> None:
    with connected(api) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        request = LIVE.replace(b"/health/live", b"/openapi.json")
        deadline = time.monotonic() + PATIENCE
        try:
            end.sendall(request * 1_000)
            while time.monotonic() < deadline:
                end.sendall(b"G")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            return
        raise AssertionError("it was never cut off")


@pytest.mark.usefixtures("hurried")
def test_who_does_not_read_the_last_answer_is_cut_off_too(
    api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ApiConnection.connection_made

    def never_pausing(self: ApiConnection, transport: asyncio.Transport) -> None:
        # As if all that waits were less than writing is paused for.
        transport.set_write_buffer_limits(1 << 30)
        made(self, transport)

    monkeypatch.setattr(ApiConnection, "connection_made", never_pausing)
    with connected(api) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        request = LIVE.replace(b"/health/live", b"/openapi.json")
        last = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        end.sendall(request * 40 + last)
        assert end.recv(1) == b"H"
        deadline = time.monotonic() + PATIENCE
        while connections_open(api):
            assert time.monotonic() < deadline, "it was never cut off"
            time.sleep(0.05)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n",
        b"POST /api/v1/session HTTP/1.0\r\nTransfer-Encoding: chunked\r\n",
        b"GET /health/live HTTP/2.0\r\nHost: localhost\r\n",
        b"GET /health/live HTTP/9.9\r\nHost: localhost\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\n"
        b"Authorization: Bearer b\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nCookie: bootwave=a\r\n"
        b"Cookie: bootwave=b\r\n",
        b"POST /api/v1/setup HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\n"
        b"Idempotency-Key: b\r\nContent-Length: 0\r\n",
    ],
)
def test_what_a_proxy_may_understand_otherwise_is_refused_with_all_that_follows(
    api: Served, head: bytes
) -> None:
    with connected(api) as end:
        end.sendall(head + b"\r\n0\r\n\r\n" + LIVE)
        got = ended(end)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert b"HTTP/1.1 200" not in got


@pytest.mark.parametrize(
    "said",
    [
        b"GET /health/live HTTP/2.0 or so\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/json\r\n\r\nx\r\n{}\r\n",
    ],
    ids=["no request line", "no host", "no chunk"],
)
def test_what_is_no_http_is_told_as_a_problem(api: Served, said: bytes) -> None:
    with connected(api) as end:
        end.sendall(said)
        head, _, body = ended(end).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"http/1.1 400 bad request"
    assert b"content-type: application/problem+json" in lines
    assert b"cache-control: no-store" in lines
    assert json.loads(body)["type"] == "urn:bootwave:problem:bad-request"
