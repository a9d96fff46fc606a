"""What the program begins with: it leaves no core, and dies of Ctrl-C without a word.

Python would print a traceback of whatever import was interrupted.  Once a command runs
it may have something to give back, so ``heed_interrupts`` lets it see the exception.
"""

import resource
import signal
import sys


def main() -> int:
    """Run the command line of this process; return its exit status."""
    # Ignored it stays ignored: the shell has started the program in the background.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if "serve" not in sys.argv[1:]:  # which asks server.dumpable
        # SIGQUIT or a crash would leave keys and passwords in a file.  That nobody else
        # reads the memory is the kernel's care; not dumpable, /dev/fd/63 would be shut.
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    from bootwave.cli.main import main

    return main()


def heed_interrupts() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
