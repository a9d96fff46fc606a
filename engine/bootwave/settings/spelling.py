"""The known word somebody may have meant."""

import difflib
from collections.abc import Iterable

# Mars is like Paris by 0.67, and of four letters one is wrong at 0.75.
_ALIKE = 0.7
_SAME_LETTERS = 0.6


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the one of *known* most like *word* in any letter case, "" if none is.

    Two letters that changed places make a short word less alike than it is.
    """
    by_case = {name.casefold(): name for name in known}
    word = word.casefold()
    found = difflib.get_close_matches(word, by_case, 1, _ALIKE)
    if not found:
        others = difflib.get_close_matches(word, by_case, 3, _SAME_LETTERS)
        found = [one for one in others if sorted(one) == sorted(word)]
    return by_case[found[0]] if found else ""
