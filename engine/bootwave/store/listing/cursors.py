"""Where a page ended, spelled so that it can travel and come back.

A cursor names the list that it belongs to, so that it cannot be used for another; it
holds nothing that was not shown, and needs no seal: one that is made up leads to a
place in the same list, which whoever may read the list may read anyway.
"""

import base64
import binascii
from collections.abc import Sequence

import orjson

from bootwave.errors import OptionError

Key = tuple[int | float | str, ...]

MAX_CHARACTERS = 4_096
_WRONG = "This cursor is not one of this list: begin again without one."


def text_from_key(name: str, key: Sequence[int | float | str]) -> str:
    """Return the cursor of the list *name* behind the row with *key*."""
    packed = orjson.dumps([name, *key])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def key_from_text(name: str, text: str, kinds: Sequence[type]) -> Key:
    """Return the key that *text* holds; raises OptionError for another list's.

    *kinds* are the types of the key's parts, of which float takes whole numbers, too.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise ValueError
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        found = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise OptionError(_WRONG) from None
    if not isinstance(found, list) or len(found) != len(kinds) + 1 or found[0] != name:
        raise OptionError(_WRONG)
    for part, kind in zip(found[1:], kinds, strict=True):
        right = isinstance(part, kind) or (kind is float and isinstance(part, int))
        if not right or isinstance(part, bool):
            raise OptionError(_WRONG)
        if isinstance(part, int) and abs(part) >= 1 << 63:
            raise OptionError(_WRONG)
    return tuple(found[1:])
