"""Secrets at rest: AES-256-GCM under a key that is not in the database.

A sealed secret is ``key id (4 bytes) | nonce (12) | ciphertext and tag``.  The owner
("account/17") is authenticated with it, so that a sealed secret copied to another row
does not open there.  Nonces are random: NIST SP 800-38D allows 2^32 of them per key.

Where keys come from says ``keysources``.  The first one seals, all open, so that a key
is replaced by putting a new one in front (``rekey``).  A ring that meets a key it does
not know reads them again, and so does one before it seals when the file was replaced:
processes that run go on with the new key.
"""

import base64
import hmac
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bootwave.errors import OptionError, StoreError
from bootwave.store import keysources

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_ID_BYTES = 4
_NONCE_BYTES = 12
_KEY_BYTES = 32
_TAG_BYTES = 16
_BODY = _ID_BYTES + _NONCE_BYTES  # where what was sealed begins
# Between two looks for a key that is not known: whoever restored a database without
# its key must not have each request read the file.
_LOOK_AGAIN_SECONDS = 1.0


def password_owner(account_id: int) -> str:
    """Return the owner under which the SIP password of an account is sealed."""
    return f"account/{account_id}"


def credentials_owner(mac: int) -> str:
    """Return the owner under which the passwords given to a device are sealed."""
    return f"device/{mac:012X}/credentials"


def redirection_owner(account_id: int) -> str:
    """Return the owner under which the password of a redirection service is sealed."""
    return f"redirection/{account_id}"


class KeyRing:
    """The keys that seal and open secrets.  Has no way to show them."""

    def __init__(self, keys: dict[bytes, bytes], source: Path | None = None) -> None:
        """Use *keys* (id → 32 bytes), the first to seal with.

        With *source* they are read again from there when need be.
        """
        self._keys = keys
        self._sealing_id = next(iter(keys))
        self._source = source
        self._version = None if source is None else keysources.version(source)
        self._looked_at = 0.0
        self._ciphers: dict[bytes, AESGCM] = {}

    @classmethod
    def create(cls, path: Path) -> "KeyRing":
        """Make the key file *path*, mode 0600, and return its ring.

        Raises OptionError when *path* exists, is no file or cannot be written.
        """
        line = keysources.new_line()
        keysources.make_file(path, [line])
        return cls(_keys_from_lines([line], path), path)

    @classmethod
    def load(cls, source: Path) -> "KeyRing":
        """Return the ring of ``store.key``, a path or another source (keysources).

        Raises OptionError when it is missing, malformed, or readable by others.
        """
        return cls(_keys_from_lines(keysources.key_lines(source), source), source)

    @property
    def sealing_id(self) -> bytes:
        """Which key seals: with it each sealed secret begins."""
        return self._sealing_id

    @property
    def names(self) -> list[str]:
        """The names of the keys, which are not secret; the first one seals.

        It is the one that would seal now.
        """
        self._notice()
        return self._names()

    def _names(self) -> list[str]:
        first = self._sealing_id
        others = [key_id for key_id in self._keys if key_id != first]
        return [key_id.hex() for key_id in (first, *others)]

    def knows(self, key_id: bytes) -> bool:
        """Whether what was sealed with this key can be opened."""
        return key_id in self._keys

    def warm(self) -> None:
        """Load and try what the first secret needs: tens of milliseconds.

        For who serves from an event loop, before that loop has anybody to serve.
        """
        self.open(self.seal("", owner="nobody"), owner="nobody")

    def __repr__(self) -> str:
        """Return the ids of the keys, which are not secret."""
        return f"KeyRing({', '.join(self._names())})"

    def seal(self, text: str, *, owner: str) -> bytes:
        """Return *text* sealed for *owner*."""
        self._notice()
        nonce = os.urandom(_NONCE_BYTES)
        cipher = self._cipher(self._sealing_id)
        assert cipher is not None
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
        key_id = sealed[:_ID_BYTES]
        cipher = self._ciphers.get(key_id) or self._found(key_id, sealed, owner)
        try:
            return cipher.decrypt(
                sealed[_ID_BYTES:_BODY], sealed[_BODY:], owner.encode()
            ).decode()
        except Exception as error:
            raise _not_opened(error, sealed, owner) from None

    def tag(self, data: bytes, *, purpose: str) -> bytes:
        """Return 20 bytes that only who has the key can make for *data*.

        Four say which key it is, the others are of HMAC-SHA256 (RFC 2104) under a key
        of their own for each *purpose*.
        """
        self._notice()
        return self._tag(self._sealing_id, data, purpose)

    def is_tag(self, tag: bytes, data: bytes, *, purpose: str) -> bool:
        """Whether *tag* was made for *data*, by any key of the ring."""
        key_id = tag[:_ID_BYTES]
        return key_id in self._keys and hmac.compare_digest(
            tag, self._tag(key_id, data, purpose)
        )

    def subkey(self, key_id: bytes, *, purpose: str) -> bytes:
        """Return 32 secret bytes of the key *key_id*, for one *purpose* and no other.

        For what is sealed too often for random nonces.  Raises StoreError for a key
        that is not in the ring.
        """
        if key_id not in self._keys:
            raise StoreError("The key is not in the key file of this database.")
        return hmac.digest(self._keys[key_id], f"subkey/{purpose}".encode(), "sha256")

    def _tag(self, key_id: bytes, data: bytes, purpose: str) -> bytes:
        own = hmac.digest(self._keys[key_id], f"tag/{purpose}".encode(), "sha256")
        return key_id + hmac.digest(own, data, "sha256")[:_TAG_BYTES]

    def _found(self, key_id: bytes, sealed: bytes, owner: str) -> "AESGCM":
        """Return the cipher of a key that was not used before."""
        if len(sealed) < _BODY + _TAG_BYTES:
            raise _damaged(owner)
        cipher = self._cipher(key_id)
        if cipher is None and self._source is not None:
            now = time.monotonic()
            if now >= self._looked_at + _LOOK_AGAIN_SECONDS:
                self._looked_at = now
                self._read_again()
                cipher = self._cipher(key_id)
        if cipher is None:
            raise StoreError(
                f"The secret of {owner} was sealed with another key: restore the key "
                "file of this database."
            )
        return cipher

    def _cipher(self, key_id: bytes) -> "AESGCM | None":
        cipher = self._ciphers.get(key_id)
        if cipher is None and key_id in self._keys:
            # Not sooner: half of the commands load a ring and never touch a secret, and
            # loading the library takes longer than all else they do.
            from cryptography.hazmat.primitives.ciphers import aead

            cipher = self._ciphers[key_id] = aead.AESGCM(self._keys[key_id])
        return cipher

    def _notice(self) -> None:
        """Read the keys again if the file was replaced."""
        if self._source is not None:
            if keysources.version(self._source) != self._version:
                self._read_again()

    def _read_again(self) -> None:
        """Read the keys again; those that are gone are kept, to open with.

        A file that cannot be read now changes nothing: it is being replaced, perhaps.
        """
        assert self._source is not None
        version = keysources.version(self._source)
        try:
            keys = _keys_from_lines(keysources.key_lines(self._source), self._source)
        except OptionError:
            return
        self._keys = {**self._keys, **keys}
        self._sealing_id = next(iter(keys))
        self._version = version


def _damaged(owner: str) -> StoreError:
    return StoreError(f"The secret of {owner} is damaged: set it again.")


def _not_opened(error: Exception, sealed: bytes, owner: str) -> Exception:
    """Return what to raise where decrypting *sealed* raised *error*."""
    if len(sealed) < _BODY + _TAG_BYTES:
        return _damaged(owner)
    from cryptography.exceptions import InvalidTag

    if not isinstance(error, InvalidTag):
        return error
    return StoreError(f"The secret of {owner} is damaged or another's: set it again.")


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
            raise _unusable(path, "damaged")
        keys[key_id] = key
    if not keys:
        raise _unusable(path, "empty")
    return keys


def _unusable(source: Path, how: str) -> OptionError:
    if keysources.is_file(source):
        return OptionError(f"The key file {source} is {how}: restore it from a copy.")
    return OptionError(
        f"The key in {source} is {how}: put the line there that store rekey --new-key "
        "printed."
    )
