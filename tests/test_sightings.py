from enum import UNIQUE, verify

import pytest

from bootwave.sightings import Reason, Sighting


def test_no_two_reasons_share_a_number() -> None:
    verify(UNIQUE)(Reason)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name)
def test_a_reason_is_a_sentence_about_the_phone_without_its_full_stop(
    reason: Reason,
) -> None:
    for text in (reason.sentence, reason.advice):
        assert text == text.strip()
        assert not text.endswith(".")
        assert text[:1] == text[:1].lower()
    assert reason.sentence


@pytest.mark.parametrize(
    "reason",
    [reason for reason in Reason if 60 <= reason <= 70],
    ids=lambda reason: reason.name,
)
def test_every_refusal_says_what_an_administrator_can_do(reason: Reason) -> None:
    assert reason.advice


def test_a_reason_is_stored_as_its_number_and_found_by_it() -> None:
    assert Reason(int(Reason.CLOSED)) is Reason.CLOSED
    assert Sighting(0.0, 0, "192.0.2.1", Reason.CLOSED).reason == 62
