"""Bootwave gives every booting snom phone its settings.

``Engine``, ``SocketlessEngine`` and ``Options`` are what an embedder holds; they are
loaded on first use so that a command that needs none of them starts quickly.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bootwave.engine import Engine
    from bootwave.options import Options
    from bootwave.socketless import SocketlessEngine

__version__ = "0.1.0"
__all__ = ["Engine", "Options", "SocketlessEngine", "__version__"]


def __getattr__(name: str) -> Any:
    """Return the public class *name*, importing its module on first use."""
    if name == "Engine":
        from bootwave.engine import Engine

        return Engine
    if name == "Options":
        from bootwave.options import Options

        return Options
    if name == "SocketlessEngine":
        from bootwave.socketless import SocketlessEngine

        return SocketlessEngine
    raise AttributeError(f"module 'bootwave' has no attribute {name!r}")
