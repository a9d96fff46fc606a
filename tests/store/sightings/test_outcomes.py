"""Which reasons say that a phone got its settings, and which that it was refused."""

from bootwave.sightings import Reason
from bootwave.store.sightings.outcomes import PROVISIONED, REFUSED


def test_nothing_is_both_given_and_refused() -> None:
    assert not PROVISIONED & REFUSED


def test_who_is_refused_did_not_get_what_it_asked_for() -> None:
    given = {reason for reason in Reason if "was given" in reason.sentence}
    assert given - {Reason.SERVED_GENERAL, Reason.PHONE_BOOK_SERVED} <= PROVISIONED
    assert not given & REFUSED


def test_what_sip_and_the_syntax_of_http_end_is_neither() -> None:
    assert all(
        50 <= reason < Reason.HTTP_SYNTAX or reason in REFUSED
        for reason in (*PROVISIONED, *REFUSED)
    )
    assert Reason.NO_DOCUMENT not in REFUSED  # nobody is given what does not exist
    assert {Reason.CLOSED, Reason.WILDCARD_RESTRICTED, Reason.TOKEN_WRONG} <= REFUSED
