"""Which text a phone's document can carry, asked where the text enters.

XML 1.0 section 2.2 has no way to write the C0 controls other than tab, line feed and
carriage return, lone surrogates, U+FFFE and U+FFFF, not even as references.  A value
that holds one is refused when it is stored: refused only when the document leaves, it
would cost a phone all its other settings.
"""

import re

from bootwave.errors import SettingError

# The largest values phones know are XML definitions of function keys, a few KB.
MAX_TEXT_CHARACTERS = 16_384

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def checked_text(value: str, what: str) -> str:
    """Return *value*; *what* names it in the error, for example "the display name".

    Raises SettingError, which names the offending character and its place but never
    quotes *value*: it may be a password.
    """
    if len(value) > MAX_TEXT_CHARACTERS:
        raise SettingError(
            f"{what} has {len(value)} characters, "
            f"and a phone is told {MAX_TEXT_CHARACTERS} at most."
        )
    illegal = _ILLEGAL.search(value)
    if illegal:
        raise SettingError(
            f"{what} holds U+{ord(illegal[0]):04X} as character "
            f"{illegal.start() + 1}, which no XML document can carry: leave it out."
        )
    return value
