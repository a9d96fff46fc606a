"""A file of accounts brought to the engine in parts, through a session."""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from bootwave.control.operations import ProgressFunction
from bootwave.control.rowtexts import Form, RowDecoder, Rows
from bootwave.control.session import Session
from bootwave.errors import BootwaveError

TOGETHER = 1_000  # rows in one message


def stage(
    session: Session,
    pieces: Iterable[bytes],
    form: Form,
    operation: str,
    *,
    domain: str | None,
    only: bool = False,
    progress: ProgressFunction | None = None,
    **how: Any,
) -> Any:
    """Bring the rows in *pieces* of a file, then return the result of *operation*.

    *operation* is ``stage.import`` or ``stage.replace``, and *how* what else it takes.
    It is called step by step, with a pause between two of them, for others.  What fails
    before the first leaves nothing behind, and a step that is interrupted before its
    commit is taken back.
    """
    name = session.call("stage.begin", domain=domain, only=only)["stage"]
    decoder = RowDecoder(form)
    waiting: Rows = []
    try:
        for piece in pieces:
            waiting += decoder.receive_data(piece)
            waiting = _brought(session, name, waiting, TOGETHER)
        waiting += decoder.finish()
        _brought(session, name, waiting, 1)
        while True:
            found = session.call(operation, stage=name, progress=progress, **how)
            if not found.pop("more"):
                return found
            if progress is not None:
                progress(found["done"], found["total"])
            time.sleep(found["pause"])
    except BaseException:
        # Whoever presses Ctrl-C waits for no answer; what ended it is told in any case.
        with suppress(BootwaveError):
            session.take_back()
            session.call("stage.drop", stage=name)
        raise


def _brought(session: Session, name: str, rows: Rows, least: int) -> Rows:
    """Bring all of *rows* that make up a message of *least* rows; return the rest."""
    at = 0
    while len(rows) - at >= least:
        session.call("stage.add", stage=name, rows=rows[at : at + TOGETHER])
        at += TOGETHER
    return rows[at:]
