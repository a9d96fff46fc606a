"""Passwords of administrators, as argon2id hashes (RFC 9106).

The parameters are the RFC's second choice (section 4): three passes over 64 MiB, some
tens of milliseconds.  A hash carries its own, so that they can be raised.
"""

from functools import cache
from typing import TYPE_CHECKING

from bootwave.errors import OperatorError, SettingError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# NIST SP 800-63B asks for eight and for nothing else to be demanded of it; these open
# every phone's secrets.  Above the most, one would hash for whoever sends more.
MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 256
INSTALL = "install bootwave[control], which holds what administrators' access needs."


class Hashed(str):
    """A password that was hashed already, where that would keep others waiting."""

    __slots__ = ()


def hashed(password: str, *, name: str = "") -> Hashed:
    """Return the hash of *password*, itself if it is one; no error quotes it.

    *name* is whose it is, which it must not be.  Raises SettingError for one that is
    too short, and OperatorError where argon2 is not installed.
    """
    if isinstance(password, Hashed):
        return password
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise SettingError(
            f"An administrator's password has at least {MIN_PASSWORD_CHARACTERS} "
            "characters: choose a longer one."
        )
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise SettingError(
            f"An administrator's password has at most {MAX_PASSWORD_CHARACTERS} "
            "characters: choose a shorter one."
        )
    if name and password.strip().lower() == name.strip().lower():
        raise SettingError(
            "An administrator's password is not his name: choose another one."
        )
    try:
        return Hashed(_hasher().hash(password))
    except UnicodeEncodeError:  # lone surrogates
        raise SettingError("An administrator's password must be text.") from None


def is_right(password: str, password_hash: str) -> bool:
    """Whether *password* is the one of *password_hash*; the same work either way.

    Raises OperatorError where argon2 is not installed.
    """
    hasher = _hasher()
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return hasher.verify(password_hash, password[:MAX_PASSWORD_CHARACTERS])
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


@cache
def nobodys_hash() -> str:
    """Return a hash that no password has, to compare those of unknown names with."""
    import secrets

    return _hasher().hash(secrets.token_hex(32))


@cache
def _hasher() -> "PasswordHasher":
    try:
        from argon2 import PasswordHasher
        from argon2.profiles import RFC_9106_LOW_MEMORY
    except ImportError:
        raise OperatorError(f"Passwords cannot be hashed here: {INSTALL}") from None
    return PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
