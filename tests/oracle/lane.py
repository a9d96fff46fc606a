"""What h11, the strict layer and the table of URLs make of bytes: the lane's judge."""

from typing import NamedTuple

import h11

from bootwave.errors import HttpSyntaxError
from bootwave.http.request import Request, head_size, request_from_head
from bootwave.http.target import Target, target_from
from bootwave.native.http import recognise


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
    assert request.user_agent == (agent or b"").decode("ascii"), data
    assert request.if_none_match == tag, data
    assert request.authorization is None, data
    theirs = served_by_h11(data)
    assert theirs is not None, data
    assert theirs[1] == consumed, data
    assert theirs[0].method == request.method, data
    return True
