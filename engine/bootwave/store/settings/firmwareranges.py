"""The firmware ranges of models, as layers of settings and keys."""

from typing import Any

from bootwave.errors import StoreNotFound
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.phone.model import required_model
from bootwave.store.work import Work

_ADD = """
INSERT INTO firmware_ranges (model, low, high) VALUES (:model, :low, :high)
ON CONFLICT (model, low, high) DO NOTHING
"""
_FIND = """
SELECT r.id, m.id FROM firmware_ranges r JOIN models m ON m.name = r.model
WHERE r.model = :model AND r.low = :low AND r.high = :high
"""
_ALL = """
SELECT r.model, r.low, r.high,
  (SELECT COUNT(*) FROM settings s WHERE s.scope = 'firmware' AND s.key = r.id),
  (SELECT COUNT(*) FROM function_keys k WHERE k.scope = 'firmware' AND k.key = r.id)
FROM firmware_ranges r
"""
_TIDY = """
DELETE FROM firmware_ranges WHERE id = :id
  AND NOT EXISTS (
    SELECT 1 FROM settings s WHERE s.scope = 'firmware' AND s.key = :id)
  AND NOT EXISTS (
    SELECT 1 FROM function_keys k WHERE k.scope = 'firmware' AND k.key = :id)
"""


def parts(target: str) -> tuple[str, str]:
    """Return the model and the range as written of ``snom370 8.4-8.7``."""
    model, _blank, written = target.strip().rpartition(" ")
    return required_model(model), written


def place(work: Work, target: str, *, make: bool) -> tuple[int, int]:
    """Return the id of the range ``snom370 8.4-8.7``, and that of its model.

    With *make* one that is not there is made; its model must be.  Raises StoreNotFound
    for one that is not there, and SettingError for what is no range.
    """
    model, text = parts(target)
    written = FirmwareRange.required(text)
    row = {
        "model": model,
        "low": written.low_text,
        "high": written.high_text,
    }
    if make:
        work.connection.execute(_ADD, row)
    rows = work.connection.execute(_FIND, row).fetchall()
    if not rows:
        raise StoreNotFound(
            f"Nothing is set for firmware {written} of {row['model']}: see bootwave "
            "settings ranges."
        )
    range_id, model_id = rows[0]
    return range_id, model_id


def tidy(work: Work, range_id: int) -> None:
    """Take the range away when nothing is said for it any more."""
    work.connection.execute(_TIDY, {"id": range_id})


def listed(work: Work) -> list[dict[str, Any]]:
    """Return the ranges, those of one model in the order of their precedence."""
    rows = [
        (model, FirmwareRange.from_ends(low, high), settings, keys)
        for model, low, high, settings, keys in work.connection.execute(_ALL).fetchall()
    ]
    rows.sort(key=lambda row: (row[0], row[1].precedence()))
    return [
        {"model": model, "firmware": str(range_), "settings": settings, "keys": keys}
        for model, range_, settings, keys in rows
    ]
