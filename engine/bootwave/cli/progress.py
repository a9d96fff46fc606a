"""A progress bar for what takes long, on a terminal only."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

SHOWN_AFTER = 2.0  # seconds: what is faster needs no bar


class Progress:
    """Shows a bar on standard error once ``update`` was called after two seconds.

    Or after *shown_after*, for what surely takes long.
    """

    def __init__(self, label: str, *, shown_after: float = SHOWN_AFTER) -> None:
        """Show nothing yet."""
        self._label = label
        self._shown_after = shown_after
        self._began = time.monotonic()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def update(self, done: int, total: int) -> None:
        """Say that *done* of *total* steps are done; nothing is known while it is 0."""
        if not total:
            return
        if self._bar is None:
            waiting = time.monotonic() - self._began < self._shown_after
            if waiting or not sys.stderr.isatty():
                return
            self._start(total)
        assert self._bar is not None
        assert self._task is not None
        self._bar.update(self._task, completed=done, total=total)

    def _start(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import Progress as Bar

        self._bar = Bar(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._label, total=total)
        self._bar.start()

    def __enter__(self) -> "Progress":
        """Return the progress."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
