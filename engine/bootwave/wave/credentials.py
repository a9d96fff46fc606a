"""How a simulated phone proves itself: the answer to a challenge, RFC 7616 and 7617.

It takes the first challenge that it can meet: Digest with MD5 or SHA-256 and qop=auth,
or Basic.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from hashlib import md5, sha256
from typing import Any, NamedTuple

from bootwave.errors import ServerFault

_SCHEME = re.compile(r"([A-Za-z]+) +(.*)", re.DOTALL)
_PARAMETER = re.compile(r'([a-z]+)=(?:"([^"\\]*)"|([^\s",]+))(?:, ?|$)')
_HASHES: dict[str, Callable[[bytes], Any]] = {
    "MD5": partial(md5, usedforsecurity=False),
    "SHA-256": sha256,
}


class Credentials(NamedTuple):
    """User name and password, as a document told them."""

    user: str
    password: str

    def __repr__(self) -> str:
        """Return no secret."""
        return "Credentials()"


class Challenge(NamedTuple):
    """One challenge that a phone can meet; Basic has no nonce."""

    scheme: str
    realm: str
    nonce: str = ""
    algorithm: str = ""
    stale: bool = False


def challenge_from(fields: bytes) -> Challenge:
    """Return the first challenge that a phone can meet, of WWW-Authenticate fields.

    They are separated by line feeds.  Raises ServerFault, as the end of a sentence that
    begins with the answer, when there is none.
    """
    for field in fields.decode("latin-1").split("\n"):
        found = _SCHEME.fullmatch(field)
        if found is None:
            raise ServerFault("it has a WWW-Authenticate that is no challenge")
        given = _parameters(found[2])
        if "realm" not in given:
            raise ServerFault("it has a challenge without realm")
        if found[1] == "Basic":
            return Challenge("Basic", given["realm"])
        algorithm = given.get("algorithm", "MD5")
        if found[1] == "Digest" and algorithm in _HASHES:
            if given.get("qop") != "auth" or not given.get("nonce"):
                raise ServerFault("it has a challenge of Digest without nonce or qop")
            stale = given.get("stale", "").lower() == "true"
            return Challenge("Digest", given["realm"], given["nonce"], algorithm, stale)
    raise ServerFault("it asks for nothing that a phone can show")


def authorization(challenge: Challenge, own: Credentials, uri: str, cnonce: str) -> str:
    """Return the value of Authorization for a GET of *uri* that meets *challenge*."""
    if challenge.scheme == "Basic":
        pair = f"{own.user}:{own.password}".encode()
        return f"Basic {b64encode(pair).decode()}"

    def hashed(text: str) -> str:
        digest: str = _HASHES[challenge.algorithm](text.encode()).hexdigest()
        return digest

    secret = hashed(f"{own.user}:{challenge.realm}:{own.password}")
    asked = hashed(f"GET:{uri}")
    response = hashed(f"{secret}:{challenge.nonce}:00000001:{cnonce}:auth:{asked}")
    return (
        f'Digest username="{own.user}", realm="{challenge.realm}", '
        f'nonce="{challenge.nonce}", uri="{uri}", algorithm={challenge.algorithm}, '
        f'qop=auth, nc=00000001, cnonce="{cnonce}", response="{response}"'
    )


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None or match[1] in found:
            raise ServerFault("it has a challenge that breaks the grammar")
        found[match[1]] = match[2] if match[2] is not None else match[3]
        at = match.end()
    return found
