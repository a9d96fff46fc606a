"""The Authorization field of a request: user name and password, Basic or Digest.

Read strictly and within bounds: what breaks the grammar of RFC 7617 or RFC 7616, names
something twice or leaves something out is None, and nobody's credentials.  Digest is
read with qop=auth only, as RFC 7616 section 3.4 lets a server ask: without a qop the
client's nonce would not be in the hash (RFC 2069).  A value that the grammar wants
bare, algorithm, qop, nc and userhash, is read in quotes, too, which clients of RFC 2617
put there.

What is read is a secret, so none of it appears in a repr.
"""

import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote_to_bytes

from bootwave.limits import (
    MAX_HTTP_AUTHORIZATION_BYTES,
    MAX_HTTP_AUTHORIZATION_PARAMETERS,
)

Algorithm = Literal["MD5", "SHA-256"]

# RFC 9110 section 11.4: one scheme, one blank at least, its credentials.
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +([^ ].*)", re.DOTALL)
_TOKEN68 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
# RFC 7617 section 2: neither user name nor password holds a control character.
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
# RFC 9110 section 11.2: name, "=", a token or a quoted string; then a comma or the end.
_PARAMETER = re.compile(
    rb"""[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*
    (?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)
    |"((?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*)")
    [ \t]*(,|\Z)""",
    re.VERBOSE,
)
_EMPTY = re.compile(rb"[ \t]*,")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
# RFC 8187 section 3.2.1, in UTF-8, which is the one charset of RFC 7616.
_EXTENDED = re.compile(
    rb"utf-8'[A-Za-z0-9\-]*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)",
    re.IGNORECASE,
)
_COUNT = re.compile(rb"[0-9a-f]{8}")
_HASHES: dict[Algorithm, re.Pattern[bytes]] = {
    "MD5": re.compile(rb"[0-9a-f]{32}"),
    "SHA-256": re.compile(rb"[0-9a-f]{64}"),
}
_ALGORITHMS: dict[bytes, Algorithm] = {b"md5": "MD5", b"sha-256": "SHA-256"}
_QUOTED = (b"realm", b"nonce", b"uri", b"response", b"cnonce")
_BARE = (b"algorithm", b"qop", b"nc", b"userhash")


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password as the client sent them (RFC 7617)."""

    user: bytes = field(repr=False)
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Digest:
    """The proof that the client knows the password (RFC 7616 section 3.4).

    ``username`` is the name, or with ``userhash`` the hash of name and realm in hex.
    ``response`` has the length that belongs to ``algorithm``.  ``nonce``, ``nc`` and
    ``cnonce`` are as sent, without quotes.
    """

    username: bytes = field(repr=False)
    realm: bytes = field(repr=False)
    nonce: bytes = field(repr=False)
    uri: bytes = field(repr=False)
    response: bytes = field(repr=False)
    algorithm: Algorithm
    cnonce: bytes = field(repr=False)
    nc: bytes = field(repr=False)
    userhash: bool = False


Authorization = Basic | Digest


def authorization_from(value: bytes) -> Authorization | None:
    """Return what the field value *value* shows, None for nothing that can be read.

    Takes any bytes and raises nothing.
    """
    if len(value) > MAX_HTTP_AUTHORIZATION_BYTES:
        return None
    found = _FIELD.fullmatch(value)
    if found is None:
        return None
    scheme = found[1].lower()
    if scheme == b"basic":
        return _basic(found[2].rstrip(b" \t"))
    return _digest(found[2]) if scheme == b"digest" else None


def _basic(token: bytes) -> Basic | None:
    if _TOKEN68.fullmatch(token) is None:
        return None
    try:
        pair = b64decode(token, validate=True)
    except ValueError:
        return None
    user, colon, password = pair.partition(b":")
    if not colon or _CONTROL.search(pair):
        return None
    return Basic(user, password)


def _digest(text: bytes) -> Digest | None:
    given = parameters_from(text)
    if given is None:
        return None
    values: dict[bytes, bytes] = {}
    for name in (*_QUOTED, *_BARE):
        if name in given:
            value, quoted = given[name]
            if not quoted and name in _QUOTED:
                return None
            values[name] = value
    # RFC 7616 section 3.4: MD5 is what a client means that names none.
    algorithm = _ALGORITHMS.get(values.get(b"algorithm", b"MD5").lower())
    userhash = values.get(b"userhash", b"false").lower()
    username = _username(given, hashed=userhash == b"true")
    if (
        algorithm is None
        or username is None
        or userhash not in (b"true", b"false")
        or any(name not in values for name in _QUOTED)
        or values.get(b"qop", b"").lower() != b"auth"
        or _COUNT.fullmatch(values.get(b"nc", b"")) is None
        or _HASHES[algorithm].fullmatch(values[b"response"]) is None
    ):
        return None
    return Digest(
        username,
        values[b"realm"],
        values[b"nonce"],
        values[b"uri"],
        values[b"response"],
        algorithm,
        values[b"cnonce"],
        values[b"nc"],
        userhash == b"true",
    )


def _username(given: dict[bytes, tuple[bytes, bool]], *, hashed: bool) -> bytes | None:
    """Return the user name, in one of its two spellings (RFC 7616 section 3.4)."""
    plain, extended = given.get(b"username"), given.get(b"username*")
    if plain is not None:
        return plain[0] if extended is None and plain[1] else None
    if extended is None or extended[1] or hashed:
        return None
    found = _EXTENDED.fullmatch(extended[0])
    if found is None:
        return None
    return unquote_to_bytes(found[1])


def parameters_from(text: bytes) -> dict[bytes, tuple[bytes, bool]] | None:
    """Return the parameters by their names in lower case, and whether in quotes.

    None when they break the grammar or one stands twice.  Elements that are empty are
    passed over (RFC 9110 section 5.6.1.2), and count.
    """
    found: dict[bytes, tuple[bytes, bool]] = {}
    at = 0
    ends = False
    for _ in range(MAX_HTTP_AUTHORIZATION_PARAMETERS):
        if ends or not text[at:].strip(b" \t"):
            return found
        empty = _EMPTY.match(text, at)
        if empty is not None:
            at = empty.end()
            continue
        match = _PARAMETER.match(text, at)
        if match is None:
            return None
        name = match[1].lower()
        if name in found:
            return None
        quoted = match[3] is not None
        value = _ESCAPED.sub(rb"\1", match[3]) if quoted else match[2]
        found[name] = value, quoted
        at = match.end()
        ends = not match[4]
    return found if ends or not text[at:].strip(b" \t") else None
