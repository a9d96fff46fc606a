"""A command that was not called right: exit status 2, and a sentence of its own."""

import typer


class Misuse(typer.BadParameter):
    """Says what is missing or contradictory between options."""

    def format_message(self) -> str:
        """Return the sentence as it was given."""
        return self.message
