"""What a shell completes where a parameter takes one of some words."""

from collections.abc import Callable


def one_of(*words: str) -> Callable[[str], list[str]]:
    """Return what completes the beginning of one of *words*, in this order."""

    def completed(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return completed
