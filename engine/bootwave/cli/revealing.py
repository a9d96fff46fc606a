"""``--reveal``: secrets of the store, masked in what commands show without it."""

from typing import Annotated

import typer

Reveal = Annotated[
    bool,
    typer.Option("--reveal", help="Show secrets, too, which the audit log is told."),
]
