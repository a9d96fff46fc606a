"""Where a page of a list ended, as an opaque text that the next request gives back.

It holds the sort keys of the last row that was looked at, sealed by this store's key:
that row may be one which whoever asks does not reach, and was passed over, so that not
even the length of a cursor tells of it.  It is bound to the list with its filters and
order: a cursor of another list is refused rather than misunderstood, and none can be
made up.
"""

import base64
import binascii
import contextlib
from collections.abc import Sequence

import orjson

from bootwave.control.api.problems import Problem
from bootwave.errors import StoreError
from bootwave.store.secrets import KeyRing

_KEY_ID_BYTES = 4
_PADDED_BYTES = 256
MAX_CURSOR_CHARACTERS = 2_048

Key = str | int | float | None


class Cursors:
    """Makes and reads cursors under the keys of *keyring*."""

    def __init__(self, keyring: KeyRing) -> None:
        """Keep the ring."""
        self._keyring = keyring

    def after(self, of: str, last: Sequence[Key]) -> str:
        """Return the cursor of what comes after the row with the sort keys *last*.

        *of* names the list with all that chooses and orders it.
        """
        said = orjson.dumps(list(last)).decode()
        said += " " * (-len(said.encode()) % _PADDED_BYTES)
        sealed = self._keyring.seal(said, owner=_owner(of))
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, of: str, cursor: str) -> list[Key]:
        """Return the sort keys that *cursor* of the list *of* holds.

        Raises Problem 422 when it is of another list, or nobody's.
        """
        if len(cursor) <= MAX_CURSOR_CHARACTERS and cursor.isascii():
            try:
                raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            except (ValueError, binascii.Error):
                raw = b""
            # Looked at before: for a key that is unknown its file would be read again.
            if self._keyring.knows(raw[:_KEY_ID_BYTES]):
                with contextlib.suppress(StoreError):
                    said = self._keyring.open(raw, owner=_owner(of))
                    keys: list[Key] = orjson.loads(said)
                    return keys
        raise Problem(
            "bad-cursor",
            "The cursor is not one of this list with these filters: begin again "
            "without one.",
        )


def _owner(of: str) -> str:
    return f"cursor of {of}"
