"""For whom something is said, as operations name it: of a layer, or of firmware."""

from typing import Any, NamedTuple

from bootwave.cli import place


class Scope(NamedTuple):
    """Whom something is said for; ``target`` is "" for the engine's phones, all."""

    scope: str
    target: str

    def __str__(self) -> str:
        """Return it as people read it."""
        return f"{self.scope} {self.target}" if self.target else "all phones"

    def call(self, op: str, **args: Any) -> Any:
        """Return the result of the operation *op* for this scope."""
        with place.session() as session:
            return session.call(op, scope=self.scope, target=self.target, **args)
