"""Reads of layers of settings and function keys, for the hot path.

In the reader's own transaction, on its connection (``reader``).
"""

import sqlite3
from collections.abc import Sequence

from bootwave.directory.records import FunctionKey, Layer, Setting
from bootwave.store.connection import placeholders
from bootwave.store.settings.keyattributes import attributes_from_text

_SETTINGS = """
SELECT key, name, value, idx, permission FROM settings
WHERE scope = ? AND key IN ({}) ORDER BY key, name, idx
"""
_KEYS = """
SELECT key, idx, value, label, context, permission, attributes FROM function_keys
WHERE scope = ? AND key IN ({}) ORDER BY key, idx
"""


def layers_of(
    connection: sqlite3.Connection, scope: str, keys: Sequence[int]
) -> dict[int, Layer]:
    """Return the layers of those of *keys* that have one."""
    if not keys:
        return {}
    marks = placeholders(len(keys))
    settings: dict[int, list[Setting]] = {}
    function_keys: dict[int, list[FunctionKey]] = {}
    rows = connection.execute(_SETTINGS.format(marks), [scope, *keys]).fetchall()
    for key, name, value, index, permission in rows:
        settings.setdefault(key, []).append(
            Setting(name, value, None if index < 0 else index, permission)
        )
    rows = connection.execute(_KEYS.format(marks), [scope, *keys]).fetchall()
    for key, index, value, label, context, permission, attributes in rows:
        function_keys.setdefault(key, []).append(
            FunctionKey(
                index,
                value,
                label,
                context,
                permission,
                attributes_from_text(attributes),
            )
        )
    return {
        key: Layer(
            tuple(settings.get(key, ())),
            tuple(function_keys.get(key, ())),
        )
        for key in settings.keys() | function_keys.keys()
    }
