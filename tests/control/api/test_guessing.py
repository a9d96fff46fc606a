import pytest

from bootwave.control.api.guessing import Guessing
from bootwave.control.api.problems import Problem
from bootwave.limits import API_ACCOUNT_GUESSES, API_GUESSES


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def allowed(guessing: Guessing, source: str, name: str) -> bool:
    try:
        guessing.require_allowed(source, name)
    except Problem:
        return False
    return True


def tried(guessing: Guessing, source: str, name: str) -> int:
    """Return how many wrong passwords are compared until no more are."""
    for number in range(10_000):
        if not allowed(guessing, source, name):
            return number
        guessing.wrong(source, name)
    raise AssertionError("there is no bound")


def test_one_address_has_so_many_guesses_and_gets_them_back() -> None:
    clock = Clock()
    guessing = Guessing(clock)
    assert tried(guessing, "192.0.2.1", "anna") == API_GUESSES
    with pytest.raises(Problem) as refused:
        guessing.require_allowed("192.0.2.1", "otto")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "30")
    assert allowed(guessing, "192.0.2.2", "anna")
    clock.now += 61
    assert tried(guessing, "192.0.2.1", "anna") == 2


def test_many_addresses_have_so_many_guesses_at_one_name() -> None:
    guessing = Guessing(Clock())
    sources = (f"2001:db8:0:{number:x}::1" for number in range(1_000))
    total = 0
    for source in sources:
        found = tried(guessing, source, "Anna")
        total += found
        if not found:
            break
    assert total == API_ACCOUNT_GUESSES
    assert not allowed(guessing, "192.0.2.7", " anna")
    assert allowed(guessing, "192.0.2.7", "otto")


def test_all_addresses_of_one_ipv6_network_are_one() -> None:
    guessing = Guessing(Clock())
    total = sum(
        tried(guessing, f"2001:db8::{number:x}", f"name{number}")
        for number in range(1_000)
    )
    assert total == API_GUESSES
    assert tried(guessing, "192.0.2.1", "a") == API_GUESSES
    assert not allowed(guessing, "::ffff:192.0.2.1", "b")


def test_where_somebody_signed_in_before_nobody_else_keeps_him_out() -> None:
    guessing = Guessing(Clock())
    guessing.right("192.0.2.1", "anna")
    for number in range(10):
        tried(guessing, f"198.51.100.{number}", "anna")
    tried(guessing, "192.0.2.1", "otto")
    assert allowed(guessing, "192.0.2.1", "anna")
    assert tried(guessing, "192.0.2.1", "anna") == API_GUESSES


def test_a_phone_name_of_any_text_is_counted() -> None:
    guessing = Guessing(Clock())
    guessing.wrong("", "\ud800")
    assert allowed(guessing, "", "\ud800")


@pytest.mark.parametrize("name", ["a", "b"])
def test_names_do_not_share_a_count(name: str) -> None:
    guessing = Guessing(Clock())
    tried(guessing, "192.0.2.1", "c")
    assert allowed(guessing, "192.0.2.2", name)
