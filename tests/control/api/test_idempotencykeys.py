import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.declarations import Declared, Nothing
from bootwave.control.api.idempotencykeys import (
    KEY_BYTES,
    Allowances,
    headers_to_keep,
    once,
    replayed,
)
from bootwave.control.api.principals import NOBODY, Need, Principal
from bootwave.control.api.problems import Problem
from bootwave.store.access.idempotency import Kept
from bootwave.store.secrets import KeyRing


@pytest.fixture
def keyring(tmp_path: Path) -> KeyRing:
    return KeyRing.create(tmp_path / "key")


def request(
    body: bytes, key: str = "k", path: str = "/x", streams: bool = False
) -> Request:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"idempotency-key", key.encode())],
        "server": ("127.0.0.1", 1),
        "scheme": "http",
        "state": {"declared": Declared(Need.WRITE, Nothing(), streams=streams)},
    }
    return Request(scope, receive)


def known(asked: Request, keyring: KeyRing) -> Any:
    return asyncio.run(once(asked, NOBODY, keyring))


def test_a_request_is_known_by_its_key_and_not_by_what_it_says(
    keyring: KeyRing,
) -> None:
    assert known(request(b"{}", key=""), keyring) is None
    found = known(request(b"canary"), keyring)
    assert found.key == "k"
    assert b"canary" not in found.request
    assert "canary" not in repr(found)
    with pytest.raises(Problem, match="stream"):
        known(request(b"", streams=True), keyring)
    for key in ("é", "x" * 256, "a\x01"):
        with pytest.raises(Problem):
            known(request(b"{}", key=key), keyring)


def test_the_same_request_is_given_its_answer_and_another_is_not(
    keyring: KeyRing,
) -> None:
    found = known(request(b"body"), keyring)
    answer = Response(b"made", 201, {"Location": "/x/1", "Date": "then"})
    kept = Kept(found.request, 201, headers_to_keep(answer), b"made")
    again = asyncio.run(replayed(request(b"body"), kept, keyring))
    assert (again.status_code, again.body) == (201, b"made")
    assert again.headers["location"] == "/x/1"
    assert "date" not in again.headers
    for other in (request(b"bodz"), request(b"body", path="/y")):
        with pytest.raises(Problem) as reused:
            asyncio.run(replayed(other, kept, keyring))
        assert reused.value.kind == "key-reused"
    lost = kept._replace(status=0)
    with pytest.raises(Problem) as gone:
        asyncio.run(replayed(request(b"body"), lost, keyring))
    assert gone.value.kind == "answer-lost"


def principal(name: str = "x", *domains: str) -> Principal:
    may = frozenset({Need.WRITE})
    return Principal(f"token:{name}", may, frozenset(domains) or None)


def test_so_much_is_kept_of_one_sender_in_a_day() -> None:
    now = [1_000.0]
    allowances = Allowances(10 * KEY_BYTES, clock=lambda: now[0])
    one, other = principal("x", "a.example.com"), principal("y", "a.example.com")
    assert allowances.take(one, 9 * KEY_BYTES + 1)
    assert not allowances.take(one, KEY_BYTES)
    with pytest.raises(Problem, match="leave Idempotency-Key out") as refused:
        allowances.require_key(one)
    assert refused.value.kind == "too-many"
    seconds = int(refused.value.headers["Retry-After"])
    allowances.require_key(other)
    now[0] += seconds
    allowances.require_key(one)
    assert allowances.take(one, KEY_BYTES)
    assert not allowances.take(one, KEY_BYTES)
    now[0] += 86_400
    assert allowances.take(one, 10 * KEY_BYTES)
    # Who reaches all domains can fill the disk in other ways.
    assert allowances.take(principal(), 100 * KEY_BYTES)
    allowances.require_key(principal())


def test_nothing_is_remembered_of_who_has_everything_left() -> None:
    now = [0.0]
    allowances = Allowances(clock=lambda: now[0])
    for number in range(100):
        allowances.take(principal(str(number), "a.example.com"), KEY_BYTES)
        now[0] += 3_600
        allowances.require_key(principal(str(number), "a.example.com"))
    assert allowances._used == {}
