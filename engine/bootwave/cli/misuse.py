"""A command that was not called right: exit status 2, and a sentence of its own."""

import math

import typer

NOTHING_GIVEN = "Nothing was given to change: see --help for what can be."
_MOST_QUOTED = 40  # characters


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


def wrong_number(error: typer.TyperException) -> str:
    """Return the clause for a number that is none or out of bounds, else "".

    The library's own words are those of the validator that it happens to use.
    """
    option = getattr(getattr(error, "param", None), "opts", None)
    faults = getattr(error.__cause__, "errors", None)
    if not option or faults is None:
        return ""
    fault = faults()[0]
    given = str(fault["input"])
    given = given if len(given) <= _MOST_QUOTED else given[:_MOST_QUOTED] + "..."
    kind, bounds = str(fault["type"]), fault.get("ctx", {})
    if kind.startswith("int_"):
        return f"{option[0]} is not a whole number: {given}"
    if kind.startswith("float_"):
        return f"{option[0]} is not a number: {given}"
    for bound, words in (("ge", "at least"), ("le", "at most")):
        if bound in bounds:
            return f"{option[0]} must be {words} {bounds[bound]}: {given}"
    return ""
