"""How an error message quotes what somebody wrote."""

from typing import Final

MASK: Final = "********"
_CHARACTERS: Final = 60


def shortened(text: str) -> str:
    """Return *text* quoted and cut, for an error message."""
    return repr(text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 3] + "...")


def without_userinfo(text: str) -> str:
    """Return *text* with ``MASK`` for all that stands before its last @.

    That is for what should be a URL and is none: where its user and password begin,
    nobody can say.
    """
    _userinfo, at, behind = text.rpartition("@")
    return f"{MASK}@{behind}" if at else text
