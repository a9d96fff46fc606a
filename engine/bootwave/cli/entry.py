"""What the program begins with: it dies of Ctrl-C without a word until a command runs.

Python would print a traceback of whatever import was interrupted.  Once a command runs
it may have something to give back, so ``heed_interrupts`` lets it see the exception.
"""

import signal


def main() -> int:
    """Run the command line of this process; return its exit status."""
    # Ignored it stays ignored: the shell has started the program in the background.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from bootwave.cli.main import main

    return main()


def heed_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
