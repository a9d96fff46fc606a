"""How an error message quotes what somebody wrote."""

_CHARACTERS = 60


def shortened(text: str) -> str:
    """Return *text* quoted and cut, for an error message."""
    return repr(text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 3] + "...")
