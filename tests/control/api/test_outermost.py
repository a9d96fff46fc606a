"""What becomes of an exception that nobody expected."""

import asyncio
import time

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from bootwave import log
from bootwave.control.api import outermost
from bootwave.control.api.hosts import Hosts
from bootwave.control.api.outermost import Outermost
from bootwave.control.api.principals import Need
from bootwave.store.administration import Administration
from tests.control.api.conftest import A, Served, problem
from tests.control.api.test_admission import ROUTES, path_of


def test_a_fault_is_told_to_the_log_alone(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Administration, *_asked: object, **_how: object) -> None:
        raise RuntimeError("a canary")

    noted = []
    monkeypatch.setattr(Administration, "records_page", broken)
    monkeypatch.setattr(log, "note", lambda event, **values: noted.append(event))
    answer = admin.get("/api/v1/domains")
    assert (answer.status_code, problem(answer)) == (500, "fault")
    assert "canary" not in answer.text
    assert noted == [log.API_FAULT]
    assert answer.headers["cache-control"] == "no-store"
    assert admin.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/health/live", "/api/v1/domains", f"/api/v1/domains/{A}", "/openapi.json"],
)
def test_head_is_answered_as_get_without_content(
    admin: httpx.Client, path: str
) -> None:
    got, head = admin.get(path), admin.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
    again = admin.get(path)  # on the same connection
    assert again.content == got.content


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 20, 21, 35])
def test_a_long_answer_is_given_in_pieces_that_are_waited_for(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outermost, "PIECE_BYTES", 10)
    body = bytes(range(size))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(body)(scope, receive, send)

    scope = {"type": "http", "method": "GET", "http_version": "1.1", "headers": []}
    statuses: list[int] = []
    outer = Outermost(app, Hosts([]), statuses.append)
    asyncio.run(outer(scope, receive, send))
    assert statuses == [200]
    head, *pieces = sent
    assert dict(head["headers"])[b"content-length"] == b"%d" % size
    assert b"".join(piece["body"] for piece in pieces) == body
    assert len(pieces) == max(1, -(-size // 10))
    more = [piece.get("more_body", False) for piece in pieces]
    assert more == [True] * (len(pieces) - 1) + [False]


def test_head_of_what_never_ends_ends(admin: httpx.Client) -> None:
    answer = admin.head("/api/v1/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    deadline = time.monotonic() + 20
    while b"bootwave_event_listeners 0\n" not in admin.get("/metrics").content:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_head_is_refused_as_get_is(api: Served, admin: httpx.Client) -> None:
    assert api.client().head("/api/v1/domains").status_code == 401
    assert admin.head("/api/v1/nothing").status_code == 404
    refused = admin.head("/api/v1/setup")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    tag = admin.get(f"/api/v1/domains/{A}").headers["etag"]
    known = admin.head(f"/api/v1/domains/{A}", headers={"If-None-Match": tag})
    assert known.status_code == 304


def test_head_reveals_nothing_and_the_audit_log_does_not_say_that_it_did(
    api: Served, admin: httpx.Client
) -> None:
    api.call("token.make", domain=A)
    admin.put("/api/v1/settings/http_pass", json={"value": "s3cret"})
    paths = [
        path_of(route)
        for route in ROUTES
        if "GET" in route.methods and route.declared.need is Need.REVEAL
    ]
    before = api.notes()
    for path in paths:
        refused = admin.head(path)
        assert (refused.status_code, refused.content) == (405, b""), path
        assert "GET" in refused.headers["allow"]
        assert "HEAD" not in refused.headers["allow"]
    assert api.notes() == before
    assert {admin.get(path).status_code for path in paths} <= {200, 404}
    actions = {row["action"] for row in api.notes()}
    assert {"token.shown", "layer.revealed", "accounts.exported"} <= actions
