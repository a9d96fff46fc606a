"""A progress bar for what takes long, on a terminal only.

While nobody knows how far it is, the bar moves to and fro.
"""

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

SHOWN_AFTER = 2.0  # seconds: what is faster needs no bar

_lock = threading.RLock()  # a timer shows the bar while the command works
_entered: list["Progress"] = []


def is_shown() -> bool:
    """Whether a progress is under way, which may have a bar on the terminal."""
    return bool(_entered)


class Progress:
    """Shows a bar on standard error when it lasts for more than two seconds.

    Or for more than *shown_after*, for what surely takes long.  Of several, one in
    another, the innermost has the terminal.
    """

    def __init__(self, label: str, *, shown_after: float = SHOWN_AFTER) -> None:
        """Show nothing yet."""
        self._label = label
        self._shown_after = shown_after
        self._began = time.monotonic()
        self._done = self._total = 0
        self._timer: threading.Timer | None = None
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def update(self, done: int, total: int) -> None:
        """Say that *done* of *total* steps are done; nothing is known while it is 0."""
        if not total:
            return
        with _lock:
            self._done, self._total = done, total
            if self._bar is not None:
                assert self._task is not None
                self._bar.update(self._task, completed=done, total=total)
            elif time.monotonic() - self._began >= self._shown_after:
                self._show()

    def _show(self) -> None:
        with _lock:
            is_innermost = bool(_entered) and _entered[-1] is self
            if self._bar is not None or not is_innermost or not sys.stderr.isatty():
                return
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(
                console=Console(stderr=True),
                transient=True,
                # Or what is printed meanwhile would go to standard error, too.
                redirect_stdout=sys.stdout.isatty(),
            )
            self._task = self._bar.add_task(
                self._label, completed=self._done, total=self._total or None
            )
            self._bar.start()

    def _hide(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def __enter__(self) -> "Progress":
        """Return the progress."""
        with _lock:
            if _entered:
                _entered[-1]._hide()
            _entered.append(self)
        if sys.stderr.isatty():
            self._timer = threading.Timer(self._shown_after, self._show)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._timer is not None:
            self._timer.cancel()
        with _lock:
            _entered.remove(self)
            self._hide()
