"""The one refusal and its nonce."""

import re

import pytest

from bootwave.http.challenge import (
    NONCE_CHARACTERS,
    NONCE_SECONDS,
    NONCE_STEP_SECONDS,
    challenge,
    nonce,
    nonce_is_fresh,
)
from bootwave.http.response import response_bytes

SECRET = b"s" * 32
NOW = 1_700_000_003.5


def offers(secure: bool) -> list[bytes]:
    response = challenge(NOW, SECRET, secure=secure)
    assert response.status == 401
    assert {name for name, _ in response.headers} == {b"WWW-Authenticate"}
    return [value for _, value in response.headers]


def test_clear_http_offers_digest_only_the_stronger_first() -> None:
    made = nonce(NOW, SECRET).encode()
    assert offers(secure=False) == [
        b'Digest realm="bootwave", qop="auth", algorithm=%b, nonce="%b"' % (name, made)
        for name in (b"SHA-256", b"MD5")
    ]


def test_tls_offers_basic_too() -> None:
    schemes = [offer.split()[0] for offer in offers(secure=True)]
    assert schemes == [b"Basic", b"Digest", b"Digest"]


def test_every_refusal_has_the_same_size() -> None:
    sizes = {
        len(response_bytes(challenge(NOW + seconds, secret, secure=False)))
        for seconds in range(0, 10_000_000, 12_345)
        for secret in (SECRET, b"another secret, of another size")
    }
    assert len(sizes) == 1


def test_a_refusal_keeps_the_connection_for_the_answer() -> None:
    assert not challenge(NOW, SECRET, secure=False).close


def test_a_nonce_is_fixed_in_length_and_safe_in_quotes() -> None:
    for now in (0.0, NOW, 2.0**40):
        text = nonce(now, SECRET)
        assert re.fullmatch(rf"[A-Za-z0-9_-]{{{NONCE_CHARACTERS}}}", text)
        assert nonce_is_fresh(text, now, SECRET)


def test_a_nonce_is_fresh_for_five_minutes() -> None:
    made = nonce(NOW, SECRET)
    assert nonce_is_fresh(made, NOW + NONCE_SECONDS - NONCE_STEP_SECONDS, SECRET)
    assert not nonce_is_fresh(made, NOW + NONCE_SECONDS + NONCE_STEP_SECONDS, SECRET)


def test_a_nonce_of_the_future_is_not_fresh() -> None:
    assert not nonce_is_fresh(nonce(NOW + 60, SECRET), NOW, SECRET)
    assert not nonce_is_fresh(nonce(-60.0, SECRET), NOW, SECRET)


def test_a_nonce_of_another_secret_is_not_fresh() -> None:
    assert not nonce_is_fresh(nonce(NOW, b"t" * 32), NOW, SECRET)


def test_every_changed_character_spoils_a_nonce() -> None:
    made = nonce(NOW, SECRET)
    for at in range(NONCE_CHARACTERS):
        for other in "Aa-_":
            if made[at] != other:
                changed = made[:at] + other + made[at + 1 :]
                assert not nonce_is_fresh(changed, NOW, SECRET)


@pytest.mark.parametrize(
    "text", ["", "A" * 31, "A" * 33, "=" * 32, "!" * 32, "\u00e4" * 32, "A" * 31 + "="]
)
def test_what_is_no_nonce_is_not_fresh(text: str) -> None:
    assert not nonce_is_fresh(text, NOW, SECRET)
