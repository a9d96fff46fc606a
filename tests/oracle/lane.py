"""What h11, the strict layer and the table of URLs make of bytes: the lane's judge."""

from typing import NamedTuple

import h11

from bootwave.errors import HttpSyntaxError
from bootwave.http.connection import HttpConnection
from bootwave.http.effects import Deliver, Effect, SendBytes
from bootwave.http.request import Request, head_size, request_from_head
from bootwave.http.target import Target, target_from, token_from
from bootwave.native.http import recognise, token_in


class Judged(NamedTuple):
    """One request as the authorities read it."""

    consumed: int
    request: Request
    target: Target | None


def judged(data: bytes) -> Judged | None:
    """Return the first request in *data*, or None when it is refused or not whole."""
    try:
        size = head_size(data)
        if size is None:
            return None
        request = request_from_head(data[:size])
    except HttpSyntaxError:
        return None
    return Judged(size, request, target_from(request.path, request.query))


def served_by_h11(data: bytes) -> tuple[h11.Request, int] | None:
    """Return the first request h11 itself finds, and how many bytes it took."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    parser.receive_data(data)
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Request):
        return None
    return event, len(data) - len(parser.trailing_data[0])


def trickled_to_h11(data: bytes) -> tuple[h11.Request, int] | None:
    """Return what ``served_by_h11`` does, each byte being given to h11 by itself."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        for at in range(len(data)):
            parser.receive_data(data[at : at + 1])
            event = parser.next_event()
            if isinstance(event, h11.Request):
                assert parser.trailing_data[0] == b""
                return event, at + 1
    except h11.RemoteProtocolError:
        pass
    return None


class Verdict(NamedTuple):
    """What a connection does first: deliver a request, or send a refusal."""

    request: Request | None = None
    refusal: bytes = b""


def verdict(data: bytes) -> Verdict:
    """Return what a connection makes of *data* that comes in one piece."""
    return _verdict(HttpConnection(now=0.0).receive_data(data, 0.0))


def trickled(data: bytes) -> tuple[Verdict, int]:
    """Return what a connection makes of *data* byte by byte, and after how many."""
    connection = HttpConnection(now=0.0)
    for at in range(len(data)):
        effects = connection.receive_data(data[at : at + 1], 0.0)
        if effects:
            return _verdict(effects), at + 1
    return Verdict(), len(data)


def _verdict(effects: list[Effect]) -> Verdict:
    for effect in effects:
        if isinstance(effect, Deliver):
            return Verdict(effect.request)
        if isinstance(effect, SendBytes):
            return Verdict(refusal=bytes(effect.data))
    return Verdict()


def check(data: bytes) -> bool:
    """Fail when the lane accepts *data* and reads it otherwise than its judges.

    Returns whether it accepted.
    """
    found = recognise(data)
    if found is None:
        return False
    consumed, is_head, is_1_0, keep_alive, kind, mac, model, agent, tag = found
    judge = judged(data)
    assert judge is not None, data
    request, target = judge.request, judge.target
    assert target is not None, data
    assert consumed == judge.consumed, data
    assert request.method == (b"HEAD" if is_head else b"GET"), data
    assert request.version == (b"1.0" if is_1_0 else b"1.1"), data
    assert request.keep_alive == keep_alive, data
    assert (target.kind, target.mac) == (kind, mac), data
    assert target.model == (model or b"").decode(), data
    assert token_from(request.path) == (token_in(data) or b"").decode(), data
    assert request.user_agent == (agent or b"").decode("ascii"), data
    assert request.if_none_match == tag, data
    assert request.authorization is None, data
    theirs = served_by_h11(data)
    assert theirs is not None, data
    assert theirs[1] == consumed, data
    assert theirs[0].method == request.method, data
    return True


def check_trickled(data: bytes) -> bool:
    """Fail when it matters to anybody whether *data* comes whole or byte by byte.

    The judges give the same verdict either way, whatever the lane thinks of it.  What
    the lane accepts is theirs with the last byte that it says it takes, not sooner and
    not later.  Returns whether it accepted.
    """
    judge, taken = trickled(data)
    assert judge == verdict(data), data
    found = recognise(data)
    if found is None:
        return False
    assert check(data)
    consumed = found[0]
    assert taken == consumed, data
    for size in range(consumed):
        assert recognise(data[:size]) is None, data
    theirs = trickled_to_h11(data)
    assert theirs is not None, data
    assert theirs[1] == consumed, data
    assert theirs[0] == served_by_h11(data)[0], data  # type: ignore[index]
    return True
