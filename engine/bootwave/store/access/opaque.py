"""Random secrets that open the API, of which only SHA-256 is stored.

256 random bits need no slow hash, and looking one up by its digest tells nothing of
it by the time that takes.
"""

import hashlib
import secrets

TOKEN = "bw_"  # prefixes, so that a scanner finds one that was published by mistake
SESSION = "bws_"
SETUP = "bwl_"
SECRET_BYTES = 32
MAX_CHARACTERS = 64


def new_secret(prefix: str) -> str:
    """Return a new one: *prefix* and 43 characters of base64url."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """Return what is stored of *secret*, which may be anything that somebody sent."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()
