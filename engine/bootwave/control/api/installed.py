"""Whether the libraries of the API, the extra ``bootwave[control]``, are here."""

from importlib.util import find_spec

LIBRARIES = ("fastapi", "uvicorn", "argon2")


def missing() -> list[str]:
    """Return which of the libraries are not installed, loading none."""
    return [name for name in LIBRARIES if find_spec(name) is None]
