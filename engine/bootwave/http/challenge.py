"""The one refusal: a 401 that looks the same whatever the reason.

Unknown, unbound, closed, consumed by another, wrong proof: the same status, headers and
content, so that nobody can find out by asking which MACs exist (design.md part 5).
Nothing about the request goes in.  Clear HTTP offers Digest only; TLS offers Basic,
too, and first, because snom phones of several firmwares know nothing else.

The nonce is stateless: eight bytes of time and a keyed hash over them, so every worker
can tell whether any of them made it (RFC 7616 section 3.3).  A nonce does not belong to
a peer and may be used again while it is fresh.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from bootwave.http.response import Response, plain_response

REALM = "bootwave"
# A phone answers a challenge at once; its next file comes with the same nonce.  Five
# minutes is Apache's AuthDigestNonceLifetime.
NONCE_SECONDS = 300
NONCE_STEP_SECONDS = 10  # nonces of one step are the same, and cost one hash
NONCE_CHARACTERS = 32

_TIME_BYTES = 8
_HASH_BYTES = 16


def nonce(now: float, secret: bytes) -> str:
    """Return the nonce of the moment *now*: always 32 characters.

    *now* is in seconds, of one clock for all who share *secret* (16 to 64 bytes).
    """
    return _nonce(int(now // NONCE_STEP_SECONDS), secret)


def nonce_is_fresh(text: str, now: float, secret: bytes) -> bool:
    """Return whether *text* was made with *secret* in the last five minutes.

    A text of any other shape is not fresh; nothing is raised.
    """
    if len(text) != NONCE_CHARACTERS or not text.isascii():
        return False
    try:
        raw = urlsafe_b64decode(text)
    except ValueError:
        return False
    step = int.from_bytes(raw[:_TIME_BYTES], "big")
    # Compared as text: base64 has more than one spelling for some byte strings.
    if not compare_digest(_nonce(step, secret), text):
        return False
    age = int(now // NONCE_STEP_SECONDS) - step
    return 0 <= age <= NONCE_SECONDS // NONCE_STEP_SECONDS


def challenge(now: float, secret: bytes, *, secure: bool) -> Response:
    """Return the 401 for every request without proof (RFC 9110 section 11.6.1).

    Digest comes once per algorithm, the preferred first (RFC 7616 section 3.7), each in
    a field of its own because old clients do not split a list of challenges.
    """
    return _challenge(nonce(now, secret), secure)


def _nonce(step: int, secret: bytes) -> str:
    # Steps of the future or beyond 64 bits cannot be packed; they are nobody's nonce.
    time = (step & 0xFFFFFFFFFFFFFFFF).to_bytes(_TIME_BYTES, "big")
    proof = blake2b(
        time, key=secret, digest_size=_HASH_BYTES, person=b"bootwave nonce"
    ).digest()
    return urlsafe_b64encode(time + proof).decode("ascii")


@lru_cache(8)
def _challenge(nonce: str, secure: bool) -> Response:
    digest = 'Digest realm="{}", qop="auth", algorithm={}, nonce="{}"'
    offers = [digest.format(REALM, name, nonce) for name in ("SHA-256", "MD5")]
    if secure:
        offers.insert(0, f'Basic realm="{REALM}"')
    return plain_response(
        401,
        headers=tuple((b"WWW-Authenticate", offer.encode()) for offer in offers),
    )
