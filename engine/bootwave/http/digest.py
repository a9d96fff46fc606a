"""The hashes of Digest, RFC 7616 section 3.4, with qop=auth."""

from collections.abc import Callable
from functools import partial
from hashlib import md5, sha256
from typing import Any

from bootwave.http.authorization import Algorithm, Digest

# MD5 keeps no secret here that the algorithm's user could keep otherwise: phones of
# the 3xx series know nothing else.
_HASHES: dict[Algorithm, Callable[[bytes], Any]] = {
    "MD5": partial(md5, usedforsecurity=False),
    "SHA-256": sha256,
}


def hashed(algorithm: Algorithm, data: bytes) -> bytes:
    """Return H(*data*) as lower-case hex (RFC 7616 section 3.3)."""
    digest: str = _HASHES[algorithm](data).hexdigest()
    return digest.encode("ascii")


def ha1(algorithm: Algorithm, user: bytes, realm: bytes, password: bytes) -> bytes:
    """Return H(A1), which stands for the password in this realm (section 3.4.2)."""
    return hashed(algorithm, b"%b:%b:%b" % (user, realm, password))


def hashed_user(algorithm: Algorithm, user: bytes, realm: bytes) -> bytes:
    """Return what a client sends for its name with userhash (section 3.4.4)."""
    return hashed(algorithm, b"%b:%b" % (user, realm))


def expected_response(shown: Digest, method: bytes, user_hash: bytes) -> bytes:
    """Return the response that *shown* must have (section 3.4.1).

    *user_hash* is H(A1) of the password that is stored.
    """
    second = hashed(shown.algorithm, b"%b:%b" % (method, shown.uri))
    return hashed(
        shown.algorithm,
        b"%b:%b:%b:%b:auth:%b"
        % (user_hash, shown.nonce, shown.nc, shown.cnonce, second),
    )
