from bootwave.redirection.survey import LIST_PATIENCE, Place, Survey
from bootwave.store.redirection.rows import Entry
from bootwave.store.redirection.urls import digest_of

A, B, C, D = (0x000413260000 + number for number in range(4))
HERE, NEW = "https://pbx.example.com/{mac}.xml", "https://new.example.com/{mac}.xml"
HERE_DIGEST = digest_of(HERE)
BEGAN, NOW = 1_000.0, 1_010.0


def settled(mac: int, tried_at: float = 0.0) -> Entry:
    return Entry(mac, *3 * (HERE_DIGEST,), tried_at=tried_at, confirmed_at=1.0)


def survey(lists: dict[tuple[str, str], list[int] | None]) -> Survey:
    """Return a survey that got these lists, None for a type that is refused."""
    types = list(dict.fromkeys(type_ for type_, _ in lists))
    urls: dict[str, list[str]] = {}
    for type_, url in lists:
        if url:
            urls.setdefault(type_, []).append(url)
    found = Survey(types, urls, BEGAN)
    while (wanted := found.next_list()) is not None:
        macs = lists[wanted]
        if macs is None:
            found.pass_over()
        else:
            found.receive(macs)
    assert found.done == found.lists
    return found


def test_each_type_is_asked_for_as_a_whole_and_then_for_its_urls() -> None:
    found = Survey(["snom320", "snom370"], {"snom370": {NEW, HERE}, "": {HERE}}, BEGAN)
    asked = []
    while (wanted := found.next_list()) is not None:
        asked.append(wanted)
        assert found.done == len(asked) - 1
        found.receive([])
    assert asked == [
        ("snom320", ""),
        ("snom370", ""),
        ("snom370", NEW),
        ("snom370", HERE),
    ]
    assert found.lists == 4


def test_what_is_right_is_confirmed_and_what_differs_is_looked_at() -> None:
    found = survey({("snom370", ""): [A, B], ("snom370", HERE): [A]})
    right = found.compared(settled(A), "snom370", NOW)
    assert (right.confirmed_at, right.next_at) == (NOW, None)
    other = found.compared(settled(B), "snom370", NOW)
    assert (other.known, other.next_at) == (HERE_DIGEST, NOW)
    gone = found.compared(settled(C), "snom370", NOW)
    assert (gone.known, gone.next_at) == ("", NOW)
    assert found.differing == 2


def test_what_was_done_since_it_began_is_not_judged() -> None:
    found = survey({("snom370", ""): [], ("snom370", HERE): []})
    fresh = settled(A, tried_at=BEGAN + 1)
    assert found.compared(fresh, "snom370", NOW) is fresh
    waiting = Entry(B, HERE_DIGEST, attempts=3, next_at=9_000.0)
    assert found.compared(waiting, "snom370", NOW) is waiting
    assert not found.differing


def test_what_is_there_already_need_not_be_registered() -> None:
    found = survey({("snom370", ""): [A], ("snom370", HERE): [A]})
    lost = Entry(A, HERE_DIGEST, trouble="unreachable", attempts=3, next_at=9_000.0)
    entry = found.compared(lost, "snom370", NOW)
    assert (entry.known, entry.told, entry.trouble) == (HERE_DIGEST, HERE_DIGEST, "")
    assert entry.next_at is None


def test_phones_that_cannot_be_listed_are_looked_at_one_by_one() -> None:
    found = survey({("snom370", ""): None, ("snom320", ""): []})
    for type_ in ("", "snom370"):
        entry = found.compared(settled(A), type_, NOW)
        assert (entry.known, entry.next_at) == (HERE_DIGEST, NOW)
    assert not found.differing


def test_a_type_that_is_refused_is_not_asked_for_its_urls() -> None:
    found = Survey(["snom370", "snom320"], {"snom370": [HERE, NEW]}, BEGAN)
    found.pass_over()
    assert found.next_list() == ("snom320", "")


def test_strays_are_those_that_nobody_knows() -> None:
    found = survey({("snom370", ""): [A, B, C, D], ("snom370", HERE): [A, B, C]})
    found.compared(settled(A), "snom370", NOW)
    found.compared(Entry(B, "", HERE_DIGEST, HERE_DIGEST, next_at=NOW), "", NOW)
    assert found.strays() == {C: HERE_DIGEST}


def test_where_a_phone_was_found() -> None:
    found = survey({("snom370", ""): [A, B], ("snom370", HERE): [A]})
    assert [found.place_of(mac, HERE_DIGEST, "snom370") for mac in (A, B, C)] == [
        *(Place.RIGHT, Place.ELSEWHERE, Place.NOWHERE)
    ]
    assert found.place_of(D, HERE_DIGEST, "") is Place.UNSEEN


def test_a_list_that_fails_again_and_again_is_passed_over() -> None:
    found = Survey(["snom320", "snom370"], {"snom370": {HERE}}, BEGAN)
    assert [found.fail() for _ in range(LIST_PATIENCE - 1)] == [False, False]
    found.receive([A])
    # Failures are those of one list.
    assert [found.fail() for _ in range(LIST_PATIENCE)] == [False, False, True]
    assert found.next_list() is None
    assert found.place_of(B, HERE_DIGEST, "snom370") is Place.UNSEEN
    assert found.place_of(C, HERE_DIGEST, "snom320") is Place.NOWHERE
