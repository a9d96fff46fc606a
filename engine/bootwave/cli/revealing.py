"""``--reveal``: secrets of the store, masked in what commands show without it."""

from typing import Annotated

import typer

Reveal = Annotated[
    bool,
    typer.Option("--reveal", help="Show secrets, too, which the audit log is told."),
]
RevealByKeyFile = Annotated[
    bool,
    typer.Option(
        "--reveal",
        help="Show secrets, too, to who may read the key file; the audit log is told.",
    ),
]
"""The same of documents, whose passwords are opened here and not by an engine."""
