"""Imports that go step by step, to their end."""

from collections.abc import Callable
from typing import Any


def taken(operation: Callable[..., dict[str, Any]], stage: str, **how: Any) -> Any:
    """Call *operation* while there is more to do; return its result."""
    while (found := operation(stage, **how))["more"]:
        assert 0 <= found["done"] <= found["total"]
        assert found["pause"] >= 0
    del found["more"]
    return found
