"""The entry point: finds the command, runs it, and says in one sentence what failed.

The exit status is 0, 1 when the command failed, 2 when it was not called right, and
130 after Ctrl-C.  With BOOTWAVE_TRACEBACK=1 failures show where they happened, too.
"""

import errno
import gc
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from bootwave.cli import lazy, place
from bootwave.cli.misuse import Misuse, wrong_number
from bootwave.cli.tree import TREE
from bootwave.errors import BootwaveError

NAME = "bootwave"
TRACEBACK_VARIABLE = "BOOTWAVE_TRACEBACK"
GARBAGE_THRESHOLD = 50_000
FAILED = 1
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
INTERRUPTED = 130  # as shells say it: 128 and the number of SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line *arguments* (None: those of the process).

    The return value is the exit status.
    """
    # Both cost a command some 30 ms of its 300: looking for plugins of pydantic, which
    # nobody has, and collecting garbage that imports do not make.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return FAILED
    except Exception as error:
        return _failed(error)
    return status


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    for number, word in enumerate(words, 1):
        # Neither the store, JSON nor a terminal could take it.
        if any("\ud800" <= character <= "\udfff" for character in word):
            raise Misuse(
                f"Argument {number} is not UTF-8: write it, and name files, in UTF-8."
            )
    root = lazy.group(
        "Give every booting snom phone its settings.",
        TREE,
        NAME,
        _root,
        completion=True,
    )
    try:
        status = root.main(words, prog_name=NAME, standalone_mode=False)
    except SystemExit as error:  # typer's way to end for completion, or a closed pipe
        _forget_output()
        return error.code if isinstance(error.code, int) else FAILED
    except typer.Abort:
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def _root(
    ctx: typer.Context,
    options_file: place.OptionsFile = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.")
    ] = False,
) -> None:
    place.choose(options_file)
    if version:
        from bootwave import __version__

        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _failed(error: Exception) -> int:
    if os.environ.get(TRACEBACK_VARIABLE, "") not in ("", "0"):
        traceback.print_exception(error)
    if isinstance(error, Misuse):
        sentence, status = error.message, error.exit_code
    elif isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        asked = context.command_path if context is not None else NAME
        sentence = wrong_number(error) or error.format_message()
        sentence = sentence.rstrip(".").replace(". Did", ": did")
        sentence = sentence.replace("Value error, ", "")  # pydantic's, through typer
        if hasattr(error, "option_name") and isinstance(
            getattr(context, "command", None), lazy.LazyGroup
        ):
            sentence += "; those of a command stand behind its name"
        if not sentence.endswith("?"):
            sentence += f"; see {asked} --help."
        status = error.exit_code
    elif isinstance(error, BootwaveError):
        sentence, status = str(error), FAILED
    elif isinstance(error, OSError):
        sentence, status = _refused_by_system(error), FAILED
    else:
        sentence = (
            f"This is a fault of the program ({type(error).__name__}: {error}); "
            f"{TRACEBACK_VARIABLE}=1 shows where."
        )
        status = FAILED
    line = " ".join(sentence.split())
    try:
        print(f"{NAME}: {line}", file=sys.stderr, flush=True)
    except OSError:
        _forget_output()
    return status


def _refused_by_system(error: OSError) -> str:
    what = error.strerror or str(error)
    if error.filename is not None:
        what = f"{error.filename}: {what}"
    elif error.errno in _FULL:
        # Commands that write files say so themselves.
        _forget_output([1])
        return f"The output cannot be written: {what}."
    return f"The system refused what was asked of it: {what}."


def _forget_output(streams: Sequence[int] = (1, 2)) -> None:
    """Let nothing be written to *streams* any more: the interpreter ends quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        try:
            os.dup2(nowhere, stream)
        except OSError:
            pass
    os.close(nowhere)
