"""The operations of administrators by name, and how one is called.

An operation ``account.import`` is the method ``account_import`` of the store's
``Administration``: named arguments and results that JSON can carry, one transaction.
The table is written out, so that a new method is not reachable by accident.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from bootwave.errors import EngineError

OPERATIONS = frozenset(
    {
        *("domain.add", "domain.set", "domain.list", "domain.remove"),
        *("account.add", "account.import", "account.set", "account.list"),
        *("account.show", "account.remove", "account.bind", "account.unbind"),
        *("window.open", "window.close", "window.list"),
        *("device.list", "device.show"),
        *("settings.set", "settings.unset", "settings.list"),
        *("keys.set", "keys.clear", "keys.list"),
        "bulk",
    }
)

ProgressFunction = Callable[[int, int], None]
"""Told the steps done and their total, from the thread that runs the operation."""


def method_name(op: str) -> str:
    """Return the name of the method of ``Administration`` that *op* stands for."""
    return op.replace(".", "_", 1)


def run(
    administration: object,
    op: str,
    args: Mapping[str, Any],
    progress: ProgressFunction | None = None,
) -> Any:
    """Return the result of *op*, committed.

    *progress* reaches the operations that take one.  Raises EngineError for an
    unknown operation or wrong arguments, and what the operation raises.
    """
    if op not in OPERATIONS:
        raise EngineError(f"There is no operation {op!r}.")
    method = getattr(administration, method_name(op))
    signature = inspect.signature(method)
    extra = {"progress": progress} if "progress" in signature.parameters else {}
    try:
        bound = signature.bind(**{**args, **extra})
    except TypeError as error:
        raise EngineError(f"The operation {op} cannot be called so: {error}.") from None
    return method(*bound.args, **bound.kwargs)
