"""Digest as a client: reading a challenge and answering it (RFC 7616, RFC 3261 22).

A challenge without qop is answered as RFC 2069 had it, which RFC 3261 section 22.4
wants of SIP: phones of the 3xx series know nothing else.  What is offered with auth-int
only, for a session, or with another hash is None, and cannot be answered.
"""

from dataclasses import dataclass, field

from bootwave.http.authorization import Algorithm, parameters_from
from bootwave.http.digest import ha1, hashed
from bootwave.limits import MAX_HTTP_AUTHORIZATION_BYTES

_ALGORITHMS: dict[bytes, Algorithm] = {b"md5": "MD5", b"sha-256": "SHA-256"}
_SCHEME = b"digest"


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """What a server wants to be proven; ``opaque`` is None when it gave none."""

    realm: bytes
    nonce: bytes = field(repr=False)
    algorithm: Algorithm
    has_qop: bool
    stale: bool
    opaque: bytes | None = field(repr=False)


def challenge_from(value: bytes) -> DigestChallenge | None:
    """Return the challenge in the field value *value*, None for one not understood.

    Takes any bytes and raises nothing.
    """
    scheme, _, rest = value[:MAX_HTTP_AUTHORIZATION_BYTES].strip().partition(b" ")
    if scheme.lower() != _SCHEME or len(value) > MAX_HTTP_AUTHORIZATION_BYTES:
        return None
    given = parameters_from(rest)
    if given is None or b"realm" not in given or b"nonce" not in given:
        return None
    values = {name: text for name, (text, _quoted) in given.items()}
    algorithm = _ALGORITHMS.get(values.get(b"algorithm", b"MD5").lower())
    offered = [part.strip().lower() for part in values.get(b"qop", b"").split(b",")]
    has_qop = b"qop" in values
    if algorithm is None or (has_qop and b"auth" not in offered):
        return None
    return DigestChallenge(
        values[b"realm"],
        values[b"nonce"],
        algorithm,
        has_qop,
        values.get(b"stale", b"").lower() == b"true",
        values.get(b"opaque"),
    )


def authorization_for(
    challenge: DigestChallenge,
    *,
    method: bytes,
    uri: bytes,
    user: str,
    password: str,
    cnonce: bytes,
) -> bytes:
    """Return the field value that answers *challenge* for one request.

    *cnonce* is hex, new for each answer, so the count of its uses is 1.
    """
    name = user.encode()
    first = ha1(challenge.algorithm, name, challenge.realm, password.encode())
    second = hashed(challenge.algorithm, b"%b:%b" % (method, uri))
    between = b":00000001:%b:auth:" % cnonce if challenge.has_qop else b":"
    response = hashed(
        challenge.algorithm, b"%b:%b%b%b" % (first, challenge.nonce, between, second)
    )
    parts = [
        b'username="%b"' % _escaped(name),
        b'realm="%b"' % _escaped(challenge.realm),
        b'nonce="%b"' % _escaped(challenge.nonce),
        b'uri="%b"' % uri,
        b'response="%b"' % response,
        b"algorithm=%b" % challenge.algorithm.encode(),
    ]
    if challenge.has_qop:
        parts += [b'cnonce="%b"' % cnonce, b"qop=auth", b"nc=00000001"]
    if challenge.opaque is not None:
        parts.append(b'opaque="%b"' % _escaped(challenge.opaque))
    return b"Digest " + b", ".join(parts)


def _escaped(text: bytes) -> bytes:
    """Return *text* as it stands in quotes (RFC 9110 section 5.6.4)."""
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
