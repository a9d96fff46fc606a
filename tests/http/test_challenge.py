"""The one refusal and its nonce."""

import re

import pytest

from bootwave.http.challenge import (
    NONCE_CHARACTERS,
    NONCE_SECONDS,
    NONCE_STEP_SECONDS,
    NonceState,
    challenge,
    nonce,
    nonce_state,
)
from bootwave.http.response import response_bytes

SECRET = b"s" * 32
NOW = 1_700_000_003.5
SOURCE = "192.168.4.4"
MAC = 0x0004132E08B4
EVERYTHING = ("Digest SHA-256", "Digest MD5", "Basic")


def made(now: float = NOW, source: str = SOURCE, mac: int = MAC) -> bytes:
    return nonce(now, SECRET, source, mac).encode()


def state(text: bytes, now: float = NOW, source: str = SOURCE, mac: int = MAC) -> str:
    return nonce_state(text, now, SECRET, source, mac).name


def refused(**how: object) -> bytes:
    given = {"source": SOURCE, "mac": MAC, "offers": EVERYTHING, **how}
    return response_bytes(challenge(NOW, SECRET, **given))  # type: ignore[arg-type]


def test_each_offer_has_a_field_of_its_own_in_the_order_given() -> None:
    response = challenge(NOW, SECRET, source=SOURCE, mac=MAC, offers=EVERYTHING)
    assert response.status == 401
    digest = b'Digest realm="bootwave", qop="auth", algorithm=%b, nonce="%b"'
    assert response.headers == (
        (b"WWW-Authenticate", digest % (b"SHA-256", made())),
        (b"WWW-Authenticate", digest % (b"MD5", made())),
        (b"WWW-Authenticate", b'Basic realm="bootwave"'),
    )


def test_a_nonce_that_was_only_too_old_is_told_as_stale() -> None:
    assert b"stale" not in refused()
    assert refused(stale=True).count(b", stale=true") == 2  # not of Basic


def test_every_refusal_has_the_same_size() -> None:
    sizes = {
        len(
            response_bytes(
                challenge(
                    NOW + seconds, secret, source=source, mac=mac, offers=EVERYTHING
                )
            )
        )
        for seconds in range(0, 10_000_000, 123_456)
        for secret in (SECRET, b"another secret, of another size")
        for source in (SOURCE, "2001:db8:1:2::/64", "fe80::1%eth0")
        for mac in (0, 1, MAC, (1 << 48) - 1)
    }
    assert len(sizes) == 1


def test_a_refusal_keeps_the_connection_for_the_answer() -> None:
    given = challenge(NOW, SECRET, source=SOURCE, mac=MAC, offers=EVERYTHING)
    assert not given.close


def test_a_nonce_is_fixed_in_length_and_safe_in_quotes() -> None:
    for now in (0.0, NOW, 2.0**40):
        text = made(now)
        assert re.fullmatch(rb"[A-Za-z0-9_-]{%d}" % NONCE_CHARACTERS, text)
        assert state(text, now) == "FRESH"


def test_a_nonce_is_fresh_for_a_minute_and_then_stale() -> None:
    text = made()
    assert state(text, NOW + NONCE_SECONDS - NONCE_STEP_SECONDS) == "FRESH"
    assert state(text, NOW + NONCE_SECONDS + NONCE_STEP_SECONDS) == "STALE"
    assert state(text, NOW + 1e9) == "STALE"


def test_a_nonce_of_the_future_is_not_fresh() -> None:
    assert state(made(NOW + 60)) == "STALE"  # by a clock that went back
    assert state(made(-60.0)) != "FRESH"


def test_a_nonce_is_good_for_its_source_and_its_mac_only() -> None:
    assert state(made(), source="192.168.4.5") == "FOREIGN"
    assert state(made(), mac=MAC + 1) == "FOREIGN"
    assert nonce_state(made(), NOW, b"t" * 32, SOURCE, MAC) is NonceState.FOREIGN


def test_every_changed_character_spoils_a_nonce() -> None:
    text = made().decode()
    for at in range(NONCE_CHARACTERS):
        for other in "Aa-_":
            if text[at] != other:
                changed = text[:at] + other + text[at + 1 :]
                assert state(changed.encode()) == "FOREIGN"


@pytest.mark.parametrize(
    "text",
    [b"", b"A" * 31, b"A" * 33, b"=" * 32, b"!" * 32, b"\xe4" * 32, b"A" * 31 + b"="],
)
def test_what_is_no_nonce_is_foreign(text: bytes) -> None:
    assert state(text) == "FOREIGN"
