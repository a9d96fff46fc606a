"""SIP passwords at rest: AES-256-GCM under a key file beside the database.

A sealed secret is ``key id (4 bytes) | nonce (12) | ciphertext and tag``.  The owner
("account/17") is authenticated with it, so that a sealed secret copied to another row
does not open there.  Nonces are random: NIST SP 800-38D allows 2^32 of them per key.

The key file has one line per key, ``<id as 8 hex digits> <key in base64>``; the first
seals, all open, so that a key is replaced by putting a new one in front.
"""

import base64
import os
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bootwave.errors import OptionError, StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ID_BYTES = 4
_NONCE_BYTES = 12
_KEY_BYTES = 32
_TAG_BYTES = 16
_BODY = _ID_BYTES + _NONCE_BYTES  # where what was sealed begins


def password_owner(account_id: int) -> str:
    """Return the owner under which the SIP password of an account is sealed."""
    return f"account/{account_id}"


def credentials_owner(mac: int) -> str:
    """Return the owner under which the passwords given to a device are sealed."""
    return f"device/{mac:012X}/credentials"


class KeyRing:
    """The keys that seal and open secrets.  Has no way to show them."""

    def __init__(self, keys: dict[bytes, bytes]) -> None:
        """Use *keys* (id → 32 bytes), the first to seal with."""
        self._keys = keys
        self._sealing_id = next(iter(keys))

    @cached_property
    def _ciphers(self) -> "dict[bytes, AESGCM]":
        # When first used: half of the commands load a ring and never touch a secret,
        # and loading the library takes longer than all else they do.
        from cryptography.hazmat.primitives.ciphers import aead

        return {key_id: aead.AESGCM(key) for key_id, key in self._keys.items()}

    @classmethod
    def create(cls, path: Path) -> "KeyRing":
        """Make the key file *path*, mode 0600, and return its ring.

        Raises OptionError when *path* exists or cannot be written.
        """
        key_id, key = os.urandom(_ID_BYTES), os.urandom(_KEY_BYTES)
        line = f"{key_id.hex()} {base64.b64encode(key).decode()}\n"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())  # what it seals must not outlive it
        except OSError as error:
            raise OptionError(
                f"The key file {path} cannot be made: {error.strerror}."
            ) from error
        return cls({key_id: key})

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Return the ring of the key file *path*.

        Raises OptionError when it is missing, malformed, or readable by others.
        """
        try:
            with path.open(encoding="ascii") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                lines = file.read(65_536).splitlines()
        except OSError as error:
            raise OptionError(
                f"The key file {path} cannot be read ({error.strerror}): it was made "
                "by bootwave init and every password is sealed with it."
            ) from error
        except UnicodeDecodeError as error:
            raise OptionError(f"The key file {path} is damaged: restore it.") from error
        if mode & 0o077:
            raise OptionError(
                f"The key file {path} can be read by others: run chmod 600 on it."
            )
        return cls(_keys_from_lines(lines, path))

    def warm(self) -> None:
        """Load and try what the first secret needs: tens of milliseconds.

        For who serves from an event loop, before that loop has anybody to serve.
        """
        self.open(self.seal("", owner="nobody"), owner="nobody")

    def __repr__(self) -> str:
        """Return the ids of the keys, which are not secret."""
        ids = ", ".join(key_id.hex() for key_id in self._keys)
        return f"KeyRing({ids})"

    def seal(self, text: str, *, owner: str) -> bytes:
        """Return *text* sealed for *owner*."""
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._ciphers[self._sealing_id]
        return (
            self._sealing_id
            + nonce
            + cipher.encrypt(nonce, text.encode(), owner.encode())
        )

    def open(self, sealed: bytes, *, owner: str) -> str:
        """Return the text that was sealed for *owner*.

        Raises StoreError when it was sealed for another owner, with a key that is not
        in the ring, or was changed since.
        """
        if len(sealed) < _BODY + _TAG_BYTES:
            raise StoreError(f"The secret of {owner} is damaged: set it again.")
        cipher = self._ciphers.get(sealed[:_ID_BYTES])
        if cipher is None:
            raise StoreError(
                f"The secret of {owner} was sealed with another key: restore the key "
                "file of this database."
            )
        try:
            opened = cipher.decrypt(
                sealed[_ID_BYTES:_BODY], sealed[_BODY:], owner.encode()
            )
        except Exception as error:
            from cryptography.exceptions import InvalidTag

            if not isinstance(error, InvalidTag):
                raise
            raise StoreError(
                f"The secret of {owner} is damaged or another's: set it again."
            ) from None
        return opened.decode()


def _keys_from_lines(lines: list[str], path: Path) -> dict[bytes, bytes]:
    keys: dict[bytes, bytes] = {}
    for line in lines:
        try:
            name, encoded = line.split()
            key_id, key = bytes.fromhex(name), base64.b64decode(encoded, validate=True)
        except ValueError:
            key_id, key = b"", b""
        if len(key_id) != _ID_BYTES or len(key) != _KEY_BYTES or key_id in keys:
            # Without the line: it may be a key with one wrong letter.
            raise OptionError(f"The key file {path} is damaged: restore it.") from None
        keys[key_id] = key
    if not keys:
        raise OptionError(f"The key file {path} is empty: restore it.")
    return keys
