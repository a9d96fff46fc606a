"""Options that several commands have in common, given to each as one argument."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

Command = Callable[..., int | None]


def joined(parameter: str, join: Callable[..., Any]) -> Callable[[Command], Command]:
    """Return a decorator for commands that take what *join* returns as *parameter*.

    On the command line the options of *join* stand in its place: those are read from
    its signature, as a command's own are from the command's.
    """
    options = inspect.signature(join).parameters

    def decorated(command: Command) -> Command:
        signature = inspect.signature(command)
        parameters: list[inspect.Parameter] = []
        for own in signature.parameters.values():
            parameters += options.values() if own.name == parameter else [own]

        @functools.wraps(command)
        def run(**values: Any) -> int | None:
            given = {name: values.pop(name) for name in options}
            return command(**values, **{parameter: join(**given)})

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return run

    return decorated
