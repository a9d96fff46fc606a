"""Looks at a server that answers, that answers otherwise, and that is away."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from perf.machine import free_port
from perf.proofs import liveness
from perf.proofs.liveness import Looks, watched


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == liveness.PATH else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield "127.0.0.1", server.server_port
        server.shutdown()
        thread.join()


def test_looks_are_measured(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "LOOK_SECONDS", 0.01)
    with watched(address) as looks:
        while len(looks.seconds) < 5:
            threading.Event().wait(0.01)
    outcome = looks.outcome("api/live")
    assert outcome.passed
    assert outcome.figures["looks"] == len(looks.seconds)
    assert outcome.figures["longest ms"] == round(1000 * max(looks.seconds), 2)


def test_another_answer_is_wrong(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answering, "status", 503)
    looks = Looks()
    for _ in range(2):
        looks.look(address)
    assert looks.outcome("api/live").wrong == 2 * ["/health/live was answered with 503"]


def test_no_answer_is_wrong_and_so_is_not_to_look() -> None:
    looks = Looks()
    looks.look(("127.0.0.1", free_port()))
    found = looks.outcome("api/live")
    assert "was not answered: ConnectionRefusedError" in found.wrong[0]
    assert found.wrong[1] == "nobody looked"


def test_an_answer_that_takes_long_is_wrong() -> None:
    looks = Looks()
    looks.seconds = [0.01, liveness.MOST_SECONDS + 1]
    assert looks.outcome("api/live").wrong == [
        "/health/live was answered after 6.0 s only"
    ]
