import socket

import pytest
from OpenSSL import SSL

from bootwave.http.contact import Identity
from bootwave.limits import TLS_PATIENCE_SECONDS
from bootwave.server.tls.identity import Proof
from bootwave.server.tls.shaking import (
    MOST_LOOKED_AT,
    Handshakes,
    Shaking,
    TlsListener,
)

CONTEXT = SSL.Context(SSL.TLS_SERVER_METHOD)
HERE = ("192.0.2.1", 443)
BEGUN = 1000.0
LATER = BEGUN + TLS_PATIENCE_SECONDS + 0.1


def shaking(number: int, source: str = "192.0.2.9", now: float = BEGUN) -> Shaking:
    return Shaking(number, CONTEXT, source, HERE, now)


def holding(*some: Shaking) -> Handshakes:
    found = Handshakes()
    for each in some:
        found.add(each)
    return found


@pytest.mark.parametrize(
    ("host", "fixed"), [("127.0.0.1", True), ("0.0.0.0", False), ("::", False)]
)
def test_a_listener_knows_where_all_of_its_connections_go(
    host: str, fixed: bool
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as sock:
        local = TlsListener(sock, CONTEXT).local
        assert local == (sock.getsockname()[:2] if fixed else None)


def test_they_are_found_by_descriptor_and_told_from_a_successor() -> None:
    first, second = shaking(7), shaking(7)
    handshakes = holding(first)
    assert handshakes.at(7) is first
    handshakes.remove(first)
    assert handshakes.at(7) is None
    handshakes.add(second)
    assert second in handshakes
    assert first not in handshakes


def test_whose_peer_moved_is_the_last_that_waits() -> None:
    first, second = shaking(1), shaking(2)
    handshakes = holding(first, second)
    assert handshakes.longest() is first
    handshakes.moved(first, LATER)
    assert handshakes.longest() is second
    assert first.waiting == LATER
    assert list(handshakes) == [second, first]
    for each in handshakes:
        handshakes.remove(each)
    assert len(handshakes) == 0


def test_the_address_that_left_most_alone_makes_room() -> None:
    slow = shaking(1, "192.0.2.1")
    many = [shaking(number, "192.0.2.2") for number in range(2, 5)]
    handshakes = holding(slow, *many)
    assert handshakes.left_alone(BEGUN + TLS_PATIENCE_SECONDS) is None
    assert handshakes.left_alone(LATER) is many[0]


def test_who_has_proven_something_makes_no_room() -> None:
    proven, other = shaking(1), shaking(2, "192.0.2.3")
    proven.proof = Proof(None, Identity(), 0)
    assert holding(proven).left_alone(LATER) is None
    assert holding(proven, other).left_alone(LATER) is other


def test_a_bounded_number_is_looked_at() -> None:
    beyond = [shaking(2 * MOST_LOOKED_AT + n, "192.0.2.2") for n in range(3)]
    some = [shaking(n, f"198.51.{n >> 8}.{n & 255}") for n in range(MOST_LOOKED_AT)]
    found = holding(*some, *beyond).left_alone(LATER)
    assert found is not None
    assert found.source != "192.0.2.2"
