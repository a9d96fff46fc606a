"""What a request over TLS needs beside its bytes."""

from typing import Any

import pytest

from bootwave.http.contact import NOBODY, Contact, Identity
from bootwave.server.tls.identity import Proof
from bootwave.server.tls.side import Said, TlsSide
from bootwave.sightings import Reason

PHONE = Identity(0x000413000001)
LOCAL = ("192.0.2.1", 8443)


class Lane:
    """Answers everything and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: tuple[bytes, bool, bool] | None = (b"an answer", True, True)

    def reply(self, *asked: Any) -> tuple[bytes, bool, bool] | None:
        self.asked.append(asked)
        return self.answer


class Whoever:
    """Says of every certificate what it was told."""

    def __init__(self) -> None:
        self.identity = PHONE

    def prove(self, *_: Any, **__: Any) -> Proof:
        raise AssertionError

    def now(self, proof: Proof) -> Identity:
        return self.identity


@pytest.fixture
def lane() -> Lane:
    return Lane()


@pytest.fixture
def whoever() -> Whoever:
    return Whoever()


@pytest.fixture
def side(lane: Lane, whoever: Whoever) -> TlsSide:
    return TlsSide(whoever, lambda local: f"https://{local[0]}:{local[1]}", lane)  # type: ignore[arg-type]


PROOF = Proof(None, NOBODY, 0)


def test_the_lane_is_asked_with_what_is_proven(side: TlsSide, lane: Lane) -> None:
    said = side.answer(b"a request", "192.0.2.7", LOCAL, PROOF)
    assert said == Said(b"an answer", keep_alive=True, proven=True)
    assert lane.asked == [
        (b"a request", "192.0.2.7", "https://192.0.2.1:8443", PHONE.mac)
    ]
    lane.answer = None
    assert side.answer(b"a request", "192.0.2.7", LOCAL, PROOF) is None


@pytest.mark.parametrize(
    "identity",
    [
        Identity(denial=Reason.CERTIFICATE_BLOCKED),
        Identity(detail="its certificate has expired"),
    ],
)
def test_what_must_be_told_is_left_to_others(
    side: TlsSide, lane: Lane, whoever: Whoever, identity: Identity
) -> None:
    whoever.identity = identity
    assert side.answer(b"a request", "192.0.2.7", LOCAL, PROOF) is None
    assert not lane.asked


def test_a_contact_has_the_identity_of_the_moment(
    side: TlsSide, whoever: Whoever
) -> None:
    contact = Contact("192.0.2.7", LOCAL, True)
    known = side.contact(contact, PROOF)
    assert known.identity is PHONE
    assert side.contact(known, PROOF) is known
    assert known.again is not None
    whoever.identity = NOBODY
    assert known.again() is NOBODY
    assert side.contact(known, PROOF).identity is NOBODY


def test_without_a_lane_others_answer(whoever: Whoever) -> None:
    side = TlsSide(whoever, lambda local: "", None)
    assert side.answer(b"a request", "192.0.2.7", LOCAL, PROOF) is None
