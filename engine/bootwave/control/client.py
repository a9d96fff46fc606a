"""The blocking end of the control socket: what a command talks to the engine with."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bootwave.control.operations import ProgressFunction
from bootwave.errors import BY_THIS_USER, EngineError, PeerError
from bootwave.limits import MAX_CONTROL_MESSAGE_BYTES
from bootwave.messages import (
    Answer,
    Failure,
    LineDecoder,
    Progress,
    Request,
    answer_from_line,
    encoded,
)

# Longer than any transaction that shows no progress; without it a command would wait
# for ever for an engine that was stopped by a debugger or a signal.
ANSWER_SECONDS = 60.0


class ControlClient:
    """One connection to a running engine."""

    def __init__(self, end: socket.socket) -> None:
        """Talk over the connected *end*, which ``close`` closes."""
        self._begin(end)
        self._last_id = 0

    @classmethod
    def connect(cls, path: Path) -> "ControlClient | None":
        """Return a connection to the engine at *path*, or None when none is running.

        None too when the socket file is there but nobody listens: an engine that was
        killed leaves it behind.  Raises EngineError when an engine may be running but
        cannot be talked to.
        """
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            end.settimeout(ANSWER_SECONDS)
            end.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            end.close()
            return None
        except PermissionError:
            end.close()
            raise EngineError(
                f"The engine's control socket {path} may not be used {BY_THIS_USER}"
            ) from None
        except OSError as error:
            end.close()
            raise EngineError(
                f"The control socket {path} cannot be used: {error.strerror or error}."
            ) from None
        return cls(end)

    def call(
        self, op: str, args: Mapping[str, Any], progress: ProgressFunction | None = None
    ) -> Any:
        """Return the result of *op*, committed and known to the engine.

        Raises EngineError with the engine's sentence, or when it went away.
        """
        self._last_id += 1
        request = encoded(Request(self._last_id, op, args))
        if len(request) > MAX_CONTROL_MESSAGE_BYTES:
            raise EngineError(
                f"This is more than the {MAX_CONTROL_MESSAGE_BYTES >> 20} MiB the "
                "engine takes at once: do it in parts, or while the engine is stopped."
            )
        self._is_owed = True
        try:
            self._end.sendall(request)
        except OSError:
            pass  # it may have said why before it hung up
        while True:
            answer = self._next_answer()
            if isinstance(answer, Progress):
                if progress is not None:
                    progress(answer.done, answer.total)
                continue
            self._is_owed = False
            if isinstance(answer, Failure):
                raise EngineError(answer.error)
            return answer.result

    def take_back(self) -> None:
        """Take back a request whose answer was not waited for, if there is one.

        By hanging up, which is how the engine is told; then it can be asked again.
        Raises EngineError when it is gone.
        """
        if not self._is_owed:
            return
        path = Path(self._end.getpeername())
        self._end.close()
        again = ControlClient.connect(path)
        if again is None:
            raise EngineError("The engine went away.")
        self._begin(again._end)

    def close(self) -> None:
        """Hang up."""
        self._end.close()

    def _begin(self, end: socket.socket) -> None:
        self._end = end
        self._decoder = LineDecoder(limit=MAX_CONTROL_MESSAGE_BYTES)
        self._answers: list[Answer] = []
        self._is_owed = False

    def _next_answer(self) -> Answer:
        while not self._answers:
            try:
                data = self._end.recv(65536)
                if not data:
                    raise ConnectionResetError
                for line in self._decoder.receive_data(data):
                    self._answers.append(answer_from_line(line))
            except TimeoutError:
                raise EngineError(
                    f"The engine did not answer within {ANSWER_SECONDS:.0f} seconds: "
                    "look whether it is stopped; the change may still be made."
                ) from None
            except OSError:
                raise EngineError(
                    "The engine went away before it answered: look with a list "
                    "command whether the change was made."
                ) from None
            except PeerError as error:
                raise EngineError(
                    f"The engine's answer cannot be understood: {error}."
                ) from None
        return self._answers.pop(0)
