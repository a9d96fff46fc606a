"""The one refusal: a 401 that looks the same whatever the reason.

Unknown, unbound, closed, consumed by another, wrong proof: the same status, headers and
content, of the same length, so that nobody can find out by asking which MACs exist
(design.md part 5).  What goes in is told by the request alone: which schemes are
offered (phone.challenges), where it comes from, which MAC it names, and whether its
nonce was too old.

The nonce is stateless: eight bytes of time and a keyed hash over time, source and MAC,
so every worker can tell whether any of them made it, for this MAC and for this source
(RFC 7616 section 3.3).  It may be used again while it is fresh, and nobody counts: who
overhears a request and sits behind the same address can send it again, for a minute, to
the same URL, for the URL is in the hash of Digest.  It gets what the answer to the
overheard request told it already, or what became of that in a minute.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from bootwave.http.response import Response, plain_response

REALM = "bootwave"
# A phone answers a challenge at once.  One that keeps the nonce for its next file is
# told that it is stale and asks again without bothering anybody.
NONCE_SECONDS = 60
NONCE_STEP_SECONDS = 10
NONCE_CHARACTERS = 32

_TIME_BYTES = 8
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Challenge(Response):
    """A 401 that differs from ``template`` in ``nonce``, where that has ``NO_NONCE``.

    All of some offers have the same template, for whoever keeps its bytes.
    """

    template: Response | None = field(default=None, repr=False, compare=False)
    nonce: bytes = field(default=b"", repr=False, compare=False)


NO_NONCE = b"*" * NONCE_CHARACTERS


class NonceState(Enum):
    """Whether a nonce may be used."""

    FRESH = auto()
    STALE = auto()  # made here for this source and MAC, and too old
    FOREIGN = auto()


def nonce(now: float, secret: bytes, source: str, mac: int) -> str:
    """Return the nonce of the moment *now* for *mac* and the source key *source*.

    *now* is in seconds, of one clock for all who share *secret* (16 to 64 bytes); the
    nonce always has 32 characters.
    """
    return _nonce(int(now // NONCE_STEP_SECONDS), secret, source, mac)


def nonce_state(
    text: bytes, now: float, secret: bytes, source: str, mac: int
) -> NonceState:
    """Return whether *text* was made for *source* and *mac*, within the last minute.

    A text of any other shape is foreign; nothing is raised.
    """
    if len(text) != NONCE_CHARACTERS or not text.isascii():
        return NonceState.FOREIGN
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return NonceState.FOREIGN
    step = int.from_bytes(raw[:_TIME_BYTES], "big")
    # Compared as text: base64 has more than one spelling for some byte strings.
    if not compare_digest(_nonce(step, secret, source, mac).encode(), text):
        return NonceState.FOREIGN
    age = int(now // NONCE_STEP_SECONDS) - step
    if 0 <= age <= NONCE_SECONDS // NONCE_STEP_SECONDS:
        return NonceState.FRESH
    return NonceState.STALE


def challenge(
    now: float,
    secret: bytes,
    *,
    source: str,
    mac: int,
    offers: Sequence[str],
    stale: bool = False,
) -> Challenge:
    """Return the 401 for every request without proof (RFC 9110 section 11.6.1).

    Each of *offers* has a field of its own, because old clients do not split a list of
    challenges.  With *stale* the client is told that its nonce was too old and nothing
    else (RFC 7616 section 3.3).
    """
    made = nonce(now, secret, source, mac).encode("ascii")
    template = _template(tuple(offers), stale)
    return Challenge(
        401,
        template.body,
        template.content_type,
        headers=tuple(
            [(name, value.replace(NO_NONCE, made)) for name, value in template.headers]
        ),
        template=template,
        nonce=made,
    )


def _nonce(step: int, secret: bytes, source: str, mac: int) -> str:
    # Steps of the future or beyond 64 bits cannot be packed; they are nobody's nonce.
    time = (step & 0xFFFFFFFFFFFFFFFF).to_bytes(_TIME_BYTES, "big")
    proof = blake2b(
        b"%b%b%b" % (time, mac.to_bytes(8, "big"), source.encode()),
        key=secret,
        digest_size=_HASH_BYTES,
        person=b"bootwave nonce",
    ).digest()
    return urlsafe_b64encode(time + proof).decode("ascii")


@lru_cache(32)
def _template(offers: tuple[str, ...], stale: bool) -> Response:
    """Return the 401 with ``NO_NONCE`` for the nonce."""
    made = []
    for offer in offers:
        scheme, _, algorithm = offer.partition(" ")
        text = f'Basic realm="{REALM}"'
        if scheme == "Digest":
            text = f'Digest realm="{REALM}", qop="auth", algorithm={algorithm}, '
            text += f'nonce="{NO_NONCE.decode()}"' + (", stale=true" if stale else "")
        made.append((b"WWW-Authenticate", text.encode()))
    return plain_response(401, headers=tuple(made))
