"""How a simulated phone answers a challenge."""

import pytest

from bootwave.errors import ServerFault
from bootwave.wave.credentials import (
    Challenge,
    Credentials,
    authorization,
    challenge_from,
)

OWN = Credentials("Mufasa", "Circle of Life")


def test_the_first_challenge_that_it_can_meet_is_taken() -> None:
    fields = (
        b'Negotiate realm="x"\n'
        b'Digest realm="r", qop="auth", algorithm=SHA-512-256, nonce="n"\n'
        b'Digest realm="r", qop="auth", algorithm=SHA-256, nonce="n", stale=true\n'
        b'Basic realm="r"'
    )
    assert challenge_from(fields) == Challenge("Digest", "r", "n", "SHA-256", True)
    assert challenge_from(b'Basic realm="r"') == Challenge("Basic", "r")


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Digest",
        b'Negotiate realm="x"',
        b'Digest qop="auth", nonce="n"',
        b'Digest realm="r", nonce="n"',
        b'Digest realm="r", qop="auth"',
        b'Digest realm="r" qop="auth", nonce="n"',
        b'Digest realm="r", realm="r", qop="auth", nonce="n"',
    ],
)
def test_what_it_cannot_meet_is_a_fault(fields: bytes) -> None:
    with pytest.raises(ServerFault):
        challenge_from(fields)


def test_its_answer_is_that_of_the_rfc() -> None:
    # RFC 7616 section 3.9.1, and RFC 7617 section 2.
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, response in (
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        asked = Challenge("Digest", "http-auth@example.org", nonce, algorithm)
        text = authorization(asked, OWN, "/dir/index.html", cnonce)
        assert text.endswith(f'response="{response}"')
    basic = authorization(
        Challenge("Basic", "r"), Credentials("Aladdin", "open sesame"), "/", ""
    )
    assert basic == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_its_secret_is_not_in_its_repr() -> None:
    assert "Circle" not in repr(OWN)
