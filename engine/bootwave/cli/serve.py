"""``bootwave serve``."""

from bootwave.cli import place
from bootwave.cli.notices import notices
from bootwave.cli.output import hint


def serve() -> int:
    """Run the engine until TERM or INT; one line per listener, then "ready".

    HUP reads the options again and replaces the workers one after the other.
    """
    loaded = place.loaded()
    for notice in notices(loaded.options):
        hint(f"bootwave: {notice}")
    # Here: what it imports would slow every command down.
    from bootwave.server.serve import serve as run

    return run(loaded.options, reread=lambda: loaded.again().options)
