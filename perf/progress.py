"""What a long row is doing, on one line of standard error that is written over."""

import sys


def tell(doing: str) -> None:
    """Say what happens now; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{doing} …", end=" ", file=sys.stderr, flush=True)
