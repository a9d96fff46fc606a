"""Who asks for an operation, as the audit log names him."""

import os
import pwd


def actor_of(user_id: int) -> str:
    """Return the name of the user *user_id* of this machine, ``uid:1000`` without."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except (KeyError, OverflowError):
        return f"uid:{user_id}"


def this_actor() -> str:
    """Return the name of the user that this process runs as."""
    return actor_of(os.geteuid())
