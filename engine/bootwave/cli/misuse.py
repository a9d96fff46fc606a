"""A command that was not called right: exit status 2, and a sentence of its own."""

import math

import typer


class Misuse(typer.BadParameter):
    """Says what is missing or contradictory between options."""

    def format_message(self) -> str:
        """Return the sentence as it was given."""
        return self.message


def finite(option: typer.CallbackParam, value: float | None) -> float | None:
    """Return the *value* of an option; raises Misuse for nan and the infinities."""
    if value is not None and not math.isfinite(value):
        raise Misuse(f"{option.opts[0]} is not a number: {value}.")
    return value
