"""The hashes of Digest, by the examples of RFC 7616."""

from bootwave.http.authorization import Digest
from bootwave.http.digest import expected_response, ha1, hashed_user

REALM = b"http-auth@example.org"
NONCE = b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def test_the_example_of_section_3_9_1_holds() -> None:
    for algorithm, response in (
        ("MD5", b"8ca523f5e9506fed4657c9700eebdbec"),
        (
            "SHA-256",
            b"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ):
        shown = Digest(
            b"Mufasa",
            REALM,
            NONCE,
            b"/dir/index.html",
            response,
            algorithm,  # type: ignore[arg-type]
            CNONCE,
            b"00000001",
        )
        secret = ha1(shown.algorithm, b"Mufasa", REALM, b"Circle of Life")
        assert expected_response(shown, b"GET", secret) == response
        assert expected_response(shown, b"HEAD", secret) != response


def test_a_user_name_is_hashed_with_its_realm() -> None:
    # Section 3.4.4; the example of 3.9.2 uses SHA-512/256, which nobody offers here.
    name = "J\u00e4s\u00f8n Doe".encode()
    assert len(hashed_user("SHA-256", name, b"api@example.org")) == 64
    assert hashed_user("MD5", b"a", b"b") == b"d8160c9b3dc20d4e931aeb4f45262155"
