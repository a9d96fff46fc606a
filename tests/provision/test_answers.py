"""Responses and sightings."""

from bootwave.http.contact import Identity
from bootwave.sightings import Reason
from tests.provision.bench import (
    ELSEWHERE,
    HERE,
    MAC,
    OTHER_MAC,
    Bench,
    nonceless,
)

UNKNOWN = 0x000413FFFFFF


def certified(*, bound: bool = True) -> Bench:
    bench = Bench()
    bench.store.add_account(401)
    if bound:
        bench.store.bind(401, MAC)
    return bench


def test_every_refusal_looks_the_same(bench: Bench) -> None:
    bench.store.know(0x000413000009)
    bench.open(402)
    bench.get(mac=OTHER_MAC)
    answers = [
        bench.get(),  # closed
        bench.get(mac=UNKNOWN),
        bench.get(mac=0x000413000009),  # known, unbound
        bench.get(mac=OTHER_MAC, source=ELSEWHERE),  # taken by another
        bench.get(mac=OTHER_MAC, source="192.0.2.1"),  # public
        bench.get("/000000000000.xml"),
        bench.get("/FFFFFFFFFFFF.xml"),
        bench.get("/prov/snom370-000413FFFFFF.htm"),
        bench.get("/anything?mac=000413FFFFFF"),
    ]
    assert len({nonceless(answer) for answer in answers}) == 1
    assert answers[0].status == 401
    assert bench.reasons[1:5] == [
        Reason.CLOSED,
        Reason.UNKNOWN_MAC,
        Reason.UNBOUND,
        Reason.CONSUMED_BY_OTHER,
    ]
    assert bench.totals["documents_refused"] == len(answers)


def test_a_known_document_is_not_sent_again_but_only_under_the_grant(
    bench: Bench,
) -> None:
    bench.open(401)
    first = bench.get()
    assert first.etag is not None
    again = bench.get(if_none_match=first.etag)
    assert (again.status, again.etag) == (304, first.etag)
    assert bench.reasons[-1] is Reason.NOT_MODIFIED
    stranger = bench.get(if_none_match=first.etag, source=ELSEWHERE)
    assert stranger.status == 401
    bench.close(401)
    assert bench.get(if_none_match=first.etag).status == 401


def test_a_phone_book_is_not_taken_for_settings(bench: Bench) -> None:
    bench.open(401)
    assert bench.get().status == 200
    book = f"/{MAC:012X}-phonebook.xml"
    first = bench.get(book)
    assert first.status == 200
    assert bench.reasons[-1] is Reason.PHONE_BOOK_SERVED
    assert bench.get(book, if_none_match=first.etag).status == 304
    assert bench.reasons[-1] is Reason.PHONE_BOOK_SERVED
    assert bench.get(book, source=ELSEWHERE).status == 401
    assert bench.reasons[-1] is Reason.CONSUMED_BY_OTHER


def test_a_general_document_that_is_current_says_nothing_of_the_phones_own(
    bench: Bench,
) -> None:
    first = bench.get("/snom370.htm")
    again = bench.get("/snom370.htm", if_none_match=first.etag)
    assert again.status == 304
    assert bench.reasons[-1] is Reason.SERVED_GENERAL


def test_what_no_url_names_is_not_found(bench: Bench) -> None:
    for path in ("/", "/favicon.ico", "/x.xml?mac=nonsense"):
        answer = bench.get(path)
        assert answer.status == 404
        assert b"0004132E08B4" not in answer.body
    assert bench.reasons == [Reason.NO_DOCUMENT] * 3
    assert {sighting.mac for sighting in bench.sightings} == {0}


def test_a_sighting_says_who_asked_from_where_and_when(bench: Bench) -> None:
    bench.get()
    sighting = bench.sightings[0]
    assert sighting.mac == MAC
    assert sighting.source == HERE
    assert sighting.at == bench.clock.wall
    assert sighting.detail == "snom370 8.4.35"


def test_why_a_certificate_proves_nothing_stands_in_the_sighting() -> None:
    bench = certified()
    bench.store.open(401, bench.clock())
    nothing = Identity(detail="its certificate has expired")
    assert bench.get(secure=True, identity=nothing).status == 200
    assert bench.reasons == [Reason.SERVED_WINDOW]
    assert bench.sightings[0].detail == "snom370 8.4.35; its certificate has expired"
    # It takes nothing away either: what the window gave is kept ready.
    assert bench.ready(secure=True, identity=nothing) is not None
