"""The listening end of the control socket, in the control process.

Operations are run one after the other by one thread with its own connection to the
store, so the loop never waits for a commit.  An answer leaves after the commit and
after the revocations it caused.  Who may connect is decided twice: by the mode of the
socket (0600), and by the kernel's word on who the peer is (SO_PEERCRED), because the
directory may have been opened to others.

Whoever hangs up before the commit takes the request back: an operation that waits is
not begun, and one that tells its progress is rolled back at its next step, of which
the last is just before the commit.
"""

import asyncio
import contextlib
import inspect
import os
import select
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from bootwave import log
from bootwave.control.actors import actor_of, this_actor
from bootwave.control.operations import STEPPED, Acts, ProgressFunction, run, steps
from bootwave.errors import BootwaveError, OptionError, PeerError
from bootwave.limits import MAX_CONTROL_CONNECTIONS, MAX_CONTROL_MESSAGE_BYTES
from bootwave.messages import (
    Answer,
    Failure,
    LineDecoder,
    Progress,
    Request,
    Result,
    encoded,
    request_from_line,
)

PROGRESS_SECONDS = 0.1  # between two progress messages
ACCEPT_PAUSE_SECONDS = 0.1
STOP_SECONDS = 5.0  # for answers that are owed; the supervisor kills after ten
# Less than half of what a client waits for a word (client.ANSWER_SECONDS).
STILL_AT_IT_SECONDS = 10.0
_CREDENTIALS = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid

_NO_TURN = contextlib.nullcontext()  # of what need not wait for one

T = TypeVar("T")

ExtraOperation = Callable[[Mapping[str, Any]], Any]
"""Takes the arguments; returns a JSON-able result or an awaitable of one."""

LongOperation = Callable[[Mapping[str, Any], ProgressFunction], Awaitable[Any]]
"""Takes the arguments and whom to tell how far it is, in the loop."""


Prepare = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Takes the arguments of an operation and returns those that it is called with."""


class _PeerGone(ConnectionResetError):
    """Whoever asked has hung up; nobody is told, and nothing of it is logged."""


class ControlServer:
    """Listens at *path* and runs operations on *administration*.

    *administration* is the store's ``Administration``; it is called from one thread
    only, which is not the loop's.
    """

    def __init__(self, path: Path, administration: Acts) -> None:
        """Open nothing yet."""
        self._path = path
        self._administration = administration
        self._extra: dict[str, ExtraOperation] = {}
        self._prepared: dict[str, Prepare] = {}
        self._followers: list[Callable[[str], None]] = []
        self._long: dict[str, LongOperation] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bootwave-control")
        self._listener: socket.socket | None = None
        self._inode = 0
        self._accept_again: asyncio.TimerHandle | None = None
        self._clients: dict[asyncio.Task[None], socket.socket] = {}
        self._busy: set[asyncio.Task[None]] = set()  # of those, owed an answer
        self._stopping = False

    def register(self, op: str, answer: ExtraOperation) -> None:
        """Answer *op* by calling *answer* in the loop; for what is not in the store."""
        self._extra[op] = answer

    def prepare(self, op: str, change: Prepare) -> None:
        """Have *change* make the arguments of *op*, where nobody waits for it.

        In a thread of its own: for what takes longer than a transaction.
        """
        self._prepared[op] = change

    def follow(self, hear: Callable[[str], None]) -> None:
        """Call *hear* in the loop with the name of each operation that was run."""
        self._followers.append(hear)

    def tell(self, op: str) -> None:
        """Tell followers that *op* was run by ``in_thread`` or ``stepped``."""
        for hear in self._followers:
            hear(op)

    def register_long(self, op: str, answer: LongOperation) -> None:
        """Answer *op* as above, by what takes a while and tells how far it is."""
        self._long[op] = answer

    async def start(self) -> None:
        """Listen, and take over the socket file that a killed engine left.

        Raises OptionError when another engine listens there, or when the file cannot
        be made.
        """
        self._listener = _bound(self._path)
        self._inode = self._path.stat().st_ino
        self._accept_from(self._listener)

    async def stop(self) -> None:
        """Answer what was asked, for some seconds, then close everything."""
        self._stopping = True
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener)
        if self._accept_again is not None:
            self._accept_again.cancel()
        tasks, ends = [*self._clients], [*self._clients.values()]
        busy = set(self._busy)
        for task in tasks:
            if task not in busy:
                task.cancel()
        if busy:
            await asyncio.wait(busy, timeout=STOP_SECONDS)
            for task in busy:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            end.close()  # again, for a task that was cancelled before it began
        if listener is not None:
            listener.close()
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _accept_from(self, listener: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        """Take one client that waits.

        Neither asyncio's server nor ``sock_accept``: both lose a connection that is
        half accepted when they are stopped.
        """
        loop = asyncio.get_running_loop()
        try:
            end, _ = listener.accept()
        except BlockingIOError:
            return  # it hung up again
        except OSError:  # no descriptor is left; clients wait meanwhile
            loop.remove_reader(listener)
            self._accept_again = loop.call_later(
                ACCEPT_PAUSE_SECONDS, self._accept_from, listener
            )
            return
        end.setblocking(False)
        task = loop.create_task(self._connected(end))
        self._clients[task] = end
        task.add_done_callback(self._clients.pop)

    async def _connected(self, end: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=end)
        try:
            pid, uid = _peer(end)
            refusal = self._refusal(pid, uid)
            if refusal:
                _send(writer, Failure(0, refusal))
            else:
                await self._serve(end, reader, writer, actor_of(uid))
            await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass  # it hung up, or the engine stops: nobody is left to be told
        except PeerError as error:
            with contextlib.suppress(_PeerGone):
                _send(writer, Failure(0, f"The engine does not understand: {error}"))
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def _refusal(self, pid: int, uid: int) -> str:
        """Return why this peer is not served, or "" when it is."""
        if uid not in (0, os.geteuid()):
            log.note(log.CONTROL_PEER_REFUSED, pid=pid, uid=uid)
            return (
                "The engine takes commands from root and from its own user only: "
                "run the command as one of them."
            )
        if len(self._clients) > MAX_CONTROL_CONNECTIONS:
            return "Too many commands talk to the engine at once: try again."
        return ""

    async def _serve(
        self,
        end: socket.socket,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        actor: str,
    ) -> None:
        decoder = LineDecoder(limit=MAX_CONTROL_MESSAGE_BYTES)
        task = asyncio.current_task()
        assert task is not None
        while not self._stopping and (data := await reader.read(65536)):
            for line in decoder.receive_data(data):
                self._busy.add(task)
                try:
                    request = request_from_line(line)
                    progress = _Progress(
                        request.id, end, writer, asyncio.get_running_loop()
                    )
                    _send(writer, await self._answer(request, progress, actor))
                    await writer.drain()
                finally:
                    self._busy.discard(task)

    async def _answer(
        self, request: Request, progress: "_Progress", actor: str
    ) -> Answer:
        try:
            async with progress.signs_of_life():
                result = await self.call(request.op, request.args, progress, actor)
            # Here, so that a result JSON has no form for is answered, too.
            encoded(Result(request.id, result))
        except _PeerGone:
            raise
        except BootwaveError as error:
            return Failure(request.id, str(error))
        except Exception as error:
            log.note(log.CONTROL_OPERATION_FAILED, op=request.op, exception=error)
            return Failure(
                request.id,
                f"The engine failed unexpectedly at {request.op}: its log says more.",
            )
        return Result(request.id, result)

    async def call(
        self,
        op: str,
        args: Mapping[str, Any],
        progress: ProgressFunction | None = None,
        actor: str = "",
    ) -> Any:
        """Return the result of *op*, as a client would get it.

        *actor* is who asked; "" is the user that this process runs as.  Raises
        EngineError for an unknown operation, and what the operation raises.
        """
        extra = self._extra.get(op)
        if extra is not None:
            result = extra(args)
            return await result if inspect.isawaitable(result) else result
        if op in self._long:
            return await self._long[op](args, progress or (lambda done, total: None))
        if op in self._prepared:
            args = await asyncio.to_thread(self._prepared[op], args)
        try:
            if op in STEPPED:
                taken = steps(
                    self._administration,
                    op,
                    args,
                    progress,
                    actor=actor or this_actor(),
                )
                return await self.stepped(taken, progress)
            return await self.in_thread(
                lambda: self._run(op, args, progress, actor or this_actor())
            )
        finally:
            self.tell(op)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Return the result of *work*, run where operations are, after those waiting.

        Raises what it raises.
        """
        loop = asyncio.get_running_loop()
        # A task that is cancelled must not cancel what is half done.
        return await asyncio.shield(loop.run_in_executor(self._thread, work))

    async def stepped(
        self,
        steps: Generator[float, None, T],
        progress: ProgressFunction | None = None,
        turn: contextlib.AbstractAsyncContextManager[Any] = _NO_TURN,
    ) -> T:
        """Return the result of *steps*, each run where operations are, within *turn*.

        Others have their turn in between.  Raises what a step raises.
        """

        def step() -> float | _Over[T]:
            _require_peer(progress)
            try:
                return next(steps)
            except StopIteration as over:
                return _Over(over.value)

        try:
            while True:
                async with turn:
                    found = await self.in_thread(step)
                if isinstance(found, _Over):
                    return found.result
                await asyncio.sleep(found)
        except BaseException:
            # What was left in the middle is to be ended in that thread, too.
            await self.in_thread(steps.close)
            raise

    def _run(
        self,
        op: str,
        args: Mapping[str, Any],
        progress: ProgressFunction | None,
        actor: str,
    ) -> Any:
        _require_peer(progress)
        return run(self._administration, op, args, progress, actor=actor)


@dataclass(frozen=True, slots=True)
class _Over(Generic[T]):
    """The result of the last step."""

    result: T


class _Progress:
    """Tells one client how far its operation is; ends it when the client is gone."""

    def __init__(
        self,
        number: int,
        end: socket.socket,
        writer: asyncio.StreamWriter,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._last = Progress(number, 0, 0)
        self._end = end
        self._writer = writer
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = time.monotonic() + PROGRESS_SECONDS

    def __call__(self, done: int, total: int) -> None:
        """Say so, unless something was said just now; for the other thread.

        Raises _PeerGone, by which the operation is rolled back.
        """
        self.require_peer()
        self._last = last = Progress(self._last.id, done, total)
        if (now := time.monotonic()) >= self._next_at:
            self._next_at = now + PROGRESS_SECONDS
            self._loop.call_soon_threadsafe(self._tell, last)

    def require_peer(self) -> None:
        """Raise _PeerGone when the client has closed its end; for any thread."""
        number = self._end.fileno()
        if number >= 0:
            hung_up = select.poll()
            # Told without asking, and only when both directions are closed: who has
            # no more to say may still be waiting for the answer (unix(7), poll(2)).
            hung_up.register(number, 0)
            if not hung_up.poll(0):
                return
        raise _PeerGone

    @contextlib.asynccontextmanager
    async def signs_of_life(self) -> AsyncIterator[None]:
        """Say something now and then: a silent engine looks as if it had stopped."""
        self._timer = self._loop.call_later(STILL_AT_IT_SECONDS, self._again)
        try:
            yield
        finally:
            self._timer.cancel()

    def _again(self) -> None:
        self._tell(self._last)
        self._timer = self._loop.call_later(STILL_AT_IT_SECONDS, self._again)

    def _tell(self, message: Progress) -> None:
        with contextlib.suppress(_PeerGone):
            _send(self._writer, message)


def _require_peer(progress: ProgressFunction | None) -> None:
    """Raise _PeerGone when *progress* is for a client who has hung up."""
    if isinstance(progress, _Progress):
        progress.require_peer()


def _peer(end: socket.socket) -> tuple[int, int]:
    """Return process and user at the other end, as the kernel saw them connect."""
    raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _gid = _CREDENTIALS.unpack(raw)
    return pid, uid


def _send(writer: asyncio.StreamWriter, message: Answer) -> None:
    """Write *message*; raises _PeerGone when the connection is closed already.

    uvloop would raise RuntimeError.
    """
    if writer.is_closing():
        raise _PeerGone
    writer.write(encoded(message))


def _bound(path: Path) -> socket.socket:
    """Return a listening socket at *path*, mode 0600; raises OptionError."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        end.bind(str(path))
        path.chmod(0o600)  # before listen, so nobody can come in between
        end.listen(MAX_CONTROL_CONNECTIONS)
        end.setblocking(False)
    except OSError as error:
        end.close()
        raise OptionError(
            f"The control socket {path} cannot be made: {error.strerror}."
        ) from None
    except OptionError:
        end.close()
        raise
    return end


def _clear(path: Path) -> None:
    """Remove a socket nobody listens on; raises OptionError when somebody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if not path.is_socket():
                raise OptionError(
                    f"The control socket {path} is in the way: it is another file."
                ) from None
            path.unlink()
            return
        except BlockingIOError:  # somebody listens and is busy
            pass
    raise OptionError(f"An engine is running already: it listens on {path}.")
