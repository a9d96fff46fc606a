import pytest

from bootwave.pairing.windows import WindowState, end_of, window_state
from tests.pairing.rows import MAC, OTHER_MAC, at, window

HERE = "192.168.4.4"
TAKEN = window(mac=MAC, source=HERE, pairing_end=900.0)


def test_an_account_without_window_is_closed() -> None:
    assert window_state(None, MAC, HERE, at(200)) is WindowState.CLOSED


@pytest.mark.parametrize(
    ("boottime", "state"),
    [
        (99.9, WindowState.CLOSED),
        (100.0, WindowState.FREE),
        (699.9, WindowState.FREE),
        (700.0, WindowState.CLOSED),
    ],
)
def test_a_window_is_free_from_its_opening_until_its_deadline(
    boottime: float, state: WindowState
) -> None:
    assert window_state(window(), MAC, HERE, at(boottime)) is state


@pytest.mark.parametrize(
    ("pairing_end", "end"), [(900.0, 900.0), (400.0, 700.0), (700.0, 700.0)]
)
def test_a_taken_window_lasts_until_the_later_of_deadline_and_pairing_end(
    pairing_end: float, end: float
) -> None:
    taken = window(mac=MAC, source=HERE, pairing_end=pairing_end)
    assert end_of(taken) == end
    assert window_state(taken, MAC, HERE, at(end - 0.1)) is WindowState.MINE
    assert window_state(taken, MAC, HERE, at(end)) is WindowState.ENDED


def test_a_taken_window_is_anothers_for_another_mac_or_source() -> None:
    assert window_state(TAKEN, OTHER_MAC, HERE, at(200)) is WindowState.ANOTHERS
    assert window_state(TAKEN, MAC, "192.168.4.5", at(200)) is WindowState.ANOTHERS


def test_what_another_took_is_merely_closed_once_it_is_over() -> None:
    assert window_state(TAKEN, OTHER_MAC, HERE, at(900)) is WindowState.CLOSED


def test_a_closed_window_is_closed_for_its_taker_too() -> None:
    closed = window(mac=MAC, source=HERE, pairing_end=900.0, closed=True)
    assert window_state(closed, MAC, HERE, at(200)) is WindowState.CLOSED
    assert window_state(window(closed=True), MAC, HERE, at(200)) is WindowState.CLOSED


def test_a_window_of_another_boot_is_over() -> None:
    assert window_state(window(), MAC, HERE, at(200, "boot-2")) is WindowState.CLOSED
    assert window_state(TAKEN, MAC, HERE, at(200, "boot-2")) is WindowState.ENDED


def test_a_clock_behind_the_opening_grants_nothing() -> None:
    assert window_state(TAKEN, MAC, HERE, at(50)) is WindowState.ENDED
