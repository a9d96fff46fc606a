import pytest

from tests.oracle.sources import UnprovenSources

HOST = "192.168.12.155"


@pytest.fixture
def few() -> UnprovenSources:
    """Three at once, then two a second, of two sources."""
    return UnprovenSources(2, 3, 2.0)


def test_a_burst_is_let_pass_and_what_follows_at_the_rate(few: UnprovenSources) -> None:
    assert [few.lets_pass(HOST, 0.0) for _ in range(4)] == [True, True, True, False]
    assert not few.lets_pass(HOST, 0.4)
    assert few.lets_pass(HOST, 0.5)
    assert not few.lets_pass(HOST, 0.5)
    assert [few.lets_pass(HOST, 1.5) for _ in range(3)] == [True, True, False]


def test_a_rest_gives_no_more_than_the_burst(few: UnprovenSources) -> None:
    assert few.lets_pass(HOST, 0.0)
    passed = [few.lets_pass(HOST, 1e6) for _ in range(5)]
    assert passed == [True, True, True, False, False]


def test_sources_do_not_share(few: UnprovenSources) -> None:
    for _ in range(4):
        few.lets_pass(HOST, 0.0)
    assert few.lets_pass("192.168.12.156", 0.0)


def test_a_refusal_is_told_once_a_second_with_the_number_since_then(
    few: UnprovenSources,
) -> None:
    for _ in range(3):
        few.lets_pass(HOST, 0.0)
    told = []
    for _ in range(10):
        assert not few.lets_pass(HOST, 0.0)
        told.append(few.refused(HOST, 0.0, 1.0))
    assert told == [1] + [0] * 9
    assert few.refused(HOST, 0.9, 1.0) == 0
    assert few.refused(HOST, 1.0, 1.0) == 11
    assert few.refused(HOST, 1.0, 1.0) == 0


def test_the_table_is_bounded_and_forgets_who_was_silent_longest(
    few: UnprovenSources,
) -> None:
    for _ in range(3):
        few.lets_pass("a", 0.0)
        few.lets_pass("b", 0.0)
    assert not few.lets_pass("a", 0.0)
    few.lets_pass("c", 0.0)
    assert len(few) == 2
    assert not few.lets_pass("a", 0.0)
    assert few.lets_pass("b", 0.0)


def test_who_proved_itself_is_forgotten(few: UnprovenSources) -> None:
    few.lets_pass(HOST, 0.0)
    few.forget(HOST)
    few.forget(HOST)
    assert len(few) == 0
