"""Challenges answered: the examples of the RFCs, and what the server here reads."""

import pytest

from bootwave.http.authorization import Digest, authorization_from
from bootwave.http.clientdigest import authorization_for, challenge_from
from bootwave.http.digest import expected_response, ha1

# RFC 7616 section 3.9.1.
REALM = b"http-auth@example.org"
NONCE = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OFFER = (
    b'Digest realm="%b", qop="auth, auth-int", algorithm=%b, nonce="%b", '
    b'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        (b"MD5", b"8ca523f5e9506fed4657c9700eebdbec"),
        (
            b"SHA-256",
            b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: bytes, response: bytes) -> None:
    challenge = challenge_from(OFFER % (REALM, algorithm, NONCE))
    assert challenge is not None
    answer = authorization_for(
        challenge,
        method=b"GET",
        uri=b"/dir/index.html",
        user="Mufasa",
        password="Circle of Life",
        cnonce=CNONCE,
    )
    assert b'response="%b"' % response in answer
    assert b'opaque="FQhe/' in answer


def test_a_challenge_without_qop_is_answered_as_of_old() -> None:
    challenge = challenge_from(b'Digest realm="testrealm@host.com", nonce="dcd98b71"')
    assert challenge is not None
    answer = authorization_for(
        challenge,
        method=b"NOTIFY",
        uri=b"sip:401@10.0.0.7",
        user="401",
        password="secret",
        cnonce=b"aa",
    )
    assert b"qop" not in answer
    assert b"cnonce" not in answer
    # H(H(A1):nonce:H(A2)), worked out by hand with md5sum.
    assert b'response="3fd26d8af3ca7bae911d9c4cace0a3f6"' in answer


def test_what_is_answered_is_what_the_server_reads() -> None:
    challenge = challenge_from(b'digest nonce="n\\"x", realm="r\\\\", qop="auth"')
    assert challenge is not None
    assert (challenge.realm, challenge.nonce) == (b"r\\", b'n"x')
    uri = b"sip:401@10.0.0.7:5060"
    shown = authorization_from(
        authorization_for(
            challenge,
            method=b"NOTIFY",
            uri=uri,
            user='an "na" \\ ü',
            password="pässword",
            cnonce=b"00ff",
        )
    )
    assert isinstance(shown, Digest)
    user_hash = ha1("MD5", shown.username, b"r\\", "pässword".encode())
    assert shown.username == 'an "na" \\ ü'.encode()
    assert shown.response == expected_response(shown, b"NOTIFY", user_hash)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Basic realm=x",
        b'Digest realm="x"',
        b'Digest nonce="x"',
        b'Digest realm="x", nonce="y", qop="auth-int"',
        b'Digest realm="x", nonce="y", algorithm=MD5-sess',
        b'Digest realm="x", nonce="y", algorithm=SHA-512-256',
        b'Digest realm="x", realm="x", nonce="y"',
        b'Digest realm="x", nonce="y' + b"y" * 5_000 + b'"',
    ],
)
def test_what_cannot_be_answered_is_nothing(value: bytes) -> None:
    assert challenge_from(value) is None


def test_nothing_of_it_is_shown() -> None:
    challenge = challenge_from(b'Digest realm="r", nonce="n0nce", stale=TRUE')
    assert challenge is not None
    assert challenge.stale
    assert "n0nce" not in repr(challenge)
