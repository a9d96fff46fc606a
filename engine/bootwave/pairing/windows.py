"""What one account's window means to one phone at one instant.

    free -> taken by the first phone that fetches -> over
      \\________________ closed, deadline, reboot __/

A window is *over* for everybody when it was closed, when its time has passed or when it
was opened in another boot.  A taken one is *mine* for the MAC and source that took it
and *another's* for everybody else, until the later of its deadline and pairing end.
"""

from enum import Enum

from bootwave.directory.records import Window
from bootwave.pairing.instant import Instant


class WindowState(Enum):
    """What a window is to one phone."""

    CLOSED = "no phone may use it"
    FREE = "the first phone may take it"
    MINE = "this phone took it and may fetch again"
    ENDED = "this phone took it, and its time has passed"
    ANOTHERS = "another phone or source took it"


def end_of(window: Window) -> float:
    """Return the boottime at which a taken window stops granting anything."""
    return max(window.deadline, window.pairing_end)


def window_state(
    window: Window | None, mac: int, source: str, at: Instant
) -> WindowState:
    """Return what *window* is to the phone *mac* at the source key *source*.

    An instant before the opening grants nothing: within one boot that cannot be, so the
    record is of another clock (a time namespace, for one).
    """
    if window is None or window.closed:
        return WindowState.CLOSED
    mine = window.consumed_mac == mac and window.consumed_source == source
    live = window.boot_id == at.boot_id and at.boottime >= window.opened
    if not window.consumed_mac:
        free = live and at.boottime < window.deadline
        return WindowState.FREE if free else WindowState.CLOSED
    now = at.boottime
    if not live or (now >= window.deadline and now >= window.pairing_end):
        return WindowState.ENDED if mine else WindowState.CLOSED
    return WindowState.MINE if mine else WindowState.ANOTHERS
