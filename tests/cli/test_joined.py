"""Options in common: where they stand, and what the command is given for them."""

import inspect

from bootwave.cli.joined import joined


def total(one: int = 1, two: int = 2) -> int:
    return one + two


def test_the_options_stand_in_the_place_of_what_is_made_of_them() -> None:
    calls: list[tuple[str, int, bool]] = []

    @joined("amount", total)
    def command(name: str, amount: int, json: bool = False) -> None:
        """Do it."""
        calls.append((name, amount, json))

    assert list(inspect.signature(command).parameters) == [
        *("name", "one", "two", "json")
    ]
    assert inspect.signature(command).parameters["two"].default == 2
    assert command.__doc__ == "Do it."
    command(name="x", one=3, two=4, json=True)
    assert calls == [("x", 7, True)]
