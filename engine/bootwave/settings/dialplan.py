"""Dial plans: what a rule may say, and which one a phone takes.

snom wiki, Dial Plan XML: in a pattern ``.`` is any one key, ``*`` one or more, and at
``,`` the phone plays its second dial tone; the longest pattern that matches is taken.
A backslash before ``*``, ``.`` or ``,`` means the key itself, as in the format of the
phones of Cisco, which this one is.
"""

import re
from collections.abc import Iterable
from typing import Final

from bootwave.directory.records import DialTemplate
from bootwave.errors import SettingError

MAX_RULES: Final = 200
MAX_TIMEOUT_SECONDS: Final = 60
USERS: Final = ("", "Phone", "IP")

_PATTERN: Final = re.compile(r"(?:[0-9A-Za-z#+.*,]|\\[*.,\\])+")
_PARTS: Final = re.compile(r"\\?.")
_REWRITE: Final = re.compile(r"[0-9A-Za-z*#+.,%@:;=_-]*")
_MAX_CHARACTERS: Final = 64


def checked_template(
    match: str, timeout: int = 0, user: str = "", rewrite: str = ""
) -> tuple[DialTemplate, str]:
    """Return the rule as it may be stored, and a warning sentence or "".

    *timeout* is in seconds, 0 sends at once.  Raises SettingError.
    """
    pattern = match.strip()
    if (
        not _PATTERN.fullmatch(pattern)
        or not pattern.strip(",")
        or len(pattern) > _MAX_CHARACTERS
    ):
        raise SettingError(
            f"{match!r} is not a pattern: write digits and keys, . for any one of them "
            "and * for one or more, perhaps a comma where another dial tone begins."
        )
    if not 0 <= timeout <= MAX_TIMEOUT_SECONDS:
        raise SettingError(
            f"A phone waits 0 to {MAX_TIMEOUT_SECONDS} seconds for another key, not "
            f"{timeout}."
        )
    known = {each.casefold(): each for each in USERS}
    if user.strip().casefold() not in known:
        raise SettingError(f"{user!r} is neither Phone nor IP.")
    sent = rewrite.strip()
    if not _REWRITE.fullmatch(sent) or len(sent) > _MAX_CHARACTERS:
        raise SettingError(f"{rewrite!r} is nothing a phone could send instead.")
    star = _PARTS.findall(pattern)[:-1].count("*")
    return DialTemplate(pattern, timeout, known[user.strip().casefold()], sent), (
        f"In {pattern}, * stands for one or more keys; the key itself is written \\*."
        if star
        else ""
    )


def chosen_template(
    templates: Iterable[DialTemplate], dialled: str
) -> DialTemplate | None:
    """Return the rule of *templates* a phone takes for *dialled*, None for none.

    Of those that match, the one with the longest pattern, the first of several.
    """
    fitting = [each for each in templates if _expression(each.match).fullmatch(dialled)]
    return max(fitting, key=lambda each: len(_keys(each.match)), default=None)


def _keys(pattern: str) -> list[str]:
    return [part for part in _PARTS.findall(pattern) if part != ","]


def _expression(pattern: str) -> re.Pattern[str]:
    words = {".": ".", "*": ".+"}
    return re.compile(
        "".join(words.get(key) or re.escape(key[-1]) for key in _keys(pattern))
    )
