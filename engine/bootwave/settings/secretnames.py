"""Names of settings that hold secrets, whichever layer says them."""

import re

# user_pass, user_hash, http_pass, admin_mode_password, keyboard_lock_pw, base_pin,
# subscr_dect_ac_code and so on; a group of its own in what it is put into.
PATTERN = r"[a-z0-9_]*(?:pass|secret|hash)[a-z0-9_]*|[a-z0-9_]*(?:_p(?:in|w)|ac_code)"
_NAME = re.compile(PATTERN)


def is_secret(name: str) -> bool:
    """Whether the setting *name* may hold a secret."""
    return _NAME.fullmatch(name) is not None
