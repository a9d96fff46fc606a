"""What one command opened, and for which unknown phones."""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence

from bootwave.directory.records import Opening
from bootwave.errors import OptionError, SettingError
from bootwave.phone.model import is_snom_name, model_from_text, required_model
from bootwave.phone.models import known_models
from bootwave.quoting import shortened
from bootwave.store.names import checked_subnet
from bootwave.store.work import Work

MAX_CLAIMS = 1_000_000
MAX_BOUNDS = 64  # OUIs, and models

_OUI = re.compile(r"[0-9A-Fa-f]{6}")
_ADD = """
INSERT INTO openings (opened_at, opened_by, most_claims, claims, ouis, subnet, models)
VALUES (:opened_at, :opened_by, :most_claims, 0, :ouis, :subnet, :models)
RETURNING id
"""
# One that opened nothing.
_FORGET_LAST = """
DELETE FROM openings
WHERE id = (SELECT MAX(id) FROM openings)
  AND NOT EXISTS (SELECT 1 FROM windows w WHERE w.opening_id = openings.id)
"""
_REMOVE_WINDOWS = """
DELETE FROM windows WHERE account_id IN (SELECT value FROM json_each(:ids))
RETURNING opening_id
"""
# One that no window is left of tells nobody anything; the audit log knows it still.
_FORGET = """
DELETE FROM openings
WHERE id IN (SELECT value FROM json_each(:ids))
  AND NOT EXISTS (SELECT 1 FROM windows w WHERE w.opening_id = openings.id)
"""


def checked_opening(
    most: int | None, ouis: Sequence[str], subnet: str, models: Sequence[str]
) -> Opening:
    """Return the bounds that an administrator gave; raises OperatorError.

    *ouis* are the first six digits of MACs, with or without separators; *models* are
    written as people do: ``d785``.
    """
    if most is not None and not 0 < most <= MAX_CLAIMS:
        raise OptionError(
            f"A window cannot be for {most} phones at most: give 1 to {MAX_CLAIMS}."
        )
    if len(ouis) > MAX_BOUNDS or len(models) > MAX_BOUNDS:
        raise OptionError(f"Give at most {MAX_BOUNDS} OUIs and {MAX_BOUNDS} models.")
    return Opening(
        most or 0,
        0,
        tuple(dict.fromkeys(_oui(text) for text in ouis)),
        checked_subnet(subnet),
        tuple(dict.fromkeys(_model(text).lower() for text in models)),
    )


def opening_from_row(row: Sequence[int | str]) -> Opening:
    """Return the bounds of an opening from (most, claims, OUIs, subnet, models)."""
    most_claims, claims, ouis, subnet, models = row
    return Opening(
        int(most_claims),
        int(claims),
        tuple([int(oui, 16) for oui in str(ouis).split()]),
        str(subnet),
        tuple(str(models).split()),
    )


def texts_of(opening: Opening) -> dict[str, str]:
    """Return the bounds that are lists, and the subnet, as they are stored."""
    return {
        "ouis": " ".join(f"{oui:06X}" for oui in opening.ouis),
        "subnet": opening.subnet,
        "models": " ".join(opening.models),
    }


def add(work: Work, bounds: Opening) -> int:
    """Return the number of a new opening by whoever acts."""
    work.connection.execute(_FORGET_LAST)
    rows = work.connection.execute(
        _ADD,
        {
            "opened_at": work.at.wall,
            "opened_by": work.actor[:128],
            "most_claims": bounds.most_claims,
            **texts_of(bounds),
        },
    ).fetchall()
    return int(rows[0][0])


def remove_windows(connection: sqlite3.Connection, account_ids: Iterable[int]) -> None:
    """Delete the windows of accounts, and the openings that were of these alone."""
    named = {"ids": json.dumps([*account_ids])}
    rows = connection.execute(_REMOVE_WINDOWS, named).fetchall()
    openings = {opening_id for (opening_id,) in rows}
    if openings:
        connection.execute(_FORGET, {"ids": json.dumps([*openings])})


def _oui(text: str) -> int:
    digits = text.strip().replace(":", "").replace("-", "").replace(".", "")
    if not _OUI.fullmatch(digits):
        raise SettingError(
            f"{shortened(text)} is not the beginning of MACs: write six hex digits, "
            "such as 000413."
        )
    return int(digits, 16)


def _model(text: str) -> str:
    """Return the model that phones mean as they spell it; raises SettingError.

    What no phone could say it is would keep all of them out and tell nobody.
    """
    model = required_model(text)
    known = known_models()
    is_named = is_snom_name(text.strip()) and model_from_text(model) == model
    if model not in known and not is_named:
        raise SettingError(
            f"{shortened(text)} is not a phone model: write {', '.join(known)}, or a "
            "newer one with snom before its name."
        )
    return model
