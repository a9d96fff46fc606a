"""The memory of the engine's processes, which holds secrets, is for nobody else."""

import ctypes
import resource

PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Let nobody but root trace this process and those it forks, or read their memory.

    And no core is written of them: not dumpable (prctl(2), PR_SET_DUMPABLE), and a core
    limit of 0 for whoever does not ask about the first.  Both are inherited by fork.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
