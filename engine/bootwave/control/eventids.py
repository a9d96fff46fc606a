"""Numbers of events, which tell nothing to who is given them.

An event's place in the file of sightings counts the phones of all domains.  It is
sealed so that the same place has always the same number, by a cipher that needs no
nonce and so has none to use up (AES-SIV, RFC 5297), under a key of its own.
"""

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Final

from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.tail import Place

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_PLACE: Final = struct.Struct("!QQQ")
_TAG_BYTES: Final = 16
_CHARACTERS: Final = 54  # of all of them, so that none tells how far the file goes
_PURPOSE: Final = "event numbers"


class EventIds:
    """Makes numbers of places and places of numbers, under the keys of *keyring*."""

    def __init__(self, keyring: KeyRing) -> None:
        """Keep the ring."""
        self._keyring = keyring
        self._ciphers: dict[bytes, AESSIV] = {}

    def text(self, place: Place) -> str:
        """Return the number of an event behind which *place* is."""
        cipher = self._cipher(self._keyring.sealing_id)
        sealed = cipher.encrypt(_PLACE.pack(*place), None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def place(self, text: str) -> Place | None:
        """Return the place of which *text* is the number, None when it is none."""
        if len(text) != _CHARACTERS or not text.isascii():
            return None
        try:
            sealed = base64.urlsafe_b64decode(text + "==")
        except (ValueError, binascii.Error):
            return None
        if len(sealed) != _PLACE.size + _TAG_BYTES:
            return None
        for name in self._keyring.names:  # the key may have been replaced since
            opened = self._opened(bytes.fromhex(name), sealed)
            if opened is not None:
                return Place(*_PLACE.unpack(opened))
        return None

    def _opened(self, key_id: bytes, sealed: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher(key_id).decrypt(sealed, None)
        except InvalidTag:
            return None

    def _cipher(self, key_id: bytes) -> "AESSIV":
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            # Not sooner: as store.secrets does.
            from cryptography.hazmat.primitives.ciphers.aead import AESSIV

            key = self._keyring.subkey(key_id, purpose=_PURPOSE)
            cipher = self._ciphers[key_id] = AESSIV(key)
        return cipher
