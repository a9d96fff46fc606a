"""The Authorization field: what is read of it, and that nothing else is."""

import pytest

from bootwave.http.authorization import Basic, Digest, authorization_from
from bootwave.limits import (
    MAX_HTTP_AUTHORIZATION_BYTES,
    MAX_HTTP_AUTHORIZATION_PARAMETERS,
)

# RFC 7616 section 3.9.1, as the client sends it.
MUFASA = (
    b'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
    b'algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    b'nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
    b'response="8ca523f5e9506fed4657c9700eebdbec", '
    b'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
# Section 3.9.2, with SHA-256 instead of SHA-512/256.
JASON = (
    b'Digest username="488869477bf257147b804c45308cd62ac4e25eb717b12b298c79e62dcea'
    b'254ec", realm="api@example.org", uri="/doe.json", algorithm=SHA-256, '
    b'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, '
    b'cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", qop=auth, response="'
    + b"0" * 64
    + b'", userhash=true'
)
TWICE = b"username=\"Mufasa\", username*=UTF-8''Mufasa"


def digest(value: bytes) -> Digest:
    found = authorization_from(value)
    assert isinstance(found, Digest), value
    return found


def test_basic_holds_user_and_password() -> None:
    # RFC 7617 section 2.
    found = authorization_from(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    assert found == Basic(b"Aladdin", b"open sesame")


def test_a_password_may_hold_colons_and_what_is_not_ascii() -> None:
    # RFC 7617 section 2.1: test, 123 and a pound sign, in UTF-8.
    assert authorization_from(b"basic dGVzdDoxMjPCow==") == Basic(
        b"test", b"123\xc2\xa3"
    )
    assert authorization_from(b"Basic YTpiOmM=") == Basic(b"a", b"b:c")
    assert authorization_from(b"Basic Og==") == Basic(b"", b"")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Basic",
        b"Basic ",
        b"Basic QWxh ZGRpbg==",
        b"Basic QWxhZGRpbg==",  # without a colon
        b"Basic YTpi\xff",
        b"Basic YTpiY",  # not whole
        b"Basic YTpi====",
        b"Basic QQA6Yg==",  # a NUL in the name
        b"Basic YToKYg==",  # a line feed in the password
        b"Bearer YTpi",
        b"BasicYTpi",
        b"Basic=YTpi",
        b"Basic " + b"YTpi" * 2000,
    ],
)
def test_what_is_not_basic_is_nothing(value: bytes) -> None:
    assert authorization_from(value) is None


def test_digest_is_read_as_the_rfc_writes_it() -> None:
    found = digest(MUFASA)
    assert found == Digest(
        b"Mufasa",
        b"http-auth@example.org",
        b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        b"/dir/index.html",
        b"8ca523f5e9506fed4657c9700eebdbec",
        "MD5",
        b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        b"00000001",
        False,
    )
    assert digest(JASON).userhash
    assert digest(JASON).algorithm == "SHA-256"


def test_no_algorithm_means_md5() -> None:
    assert digest(MUFASA.replace(b"algorithm=MD5, ", b"")).algorithm == "MD5"


def test_names_and_the_scheme_are_read_in_any_case_and_with_blanks() -> None:
    changed = MUFASA.replace(b"Digest", b"dIGEST").replace(b"realm=", b"\tReAlM =\t")
    assert digest(changed) == digest(MUFASA)
    assert digest(MUFASA.replace(b", ", b",")) == digest(MUFASA)
    assert digest(MUFASA.replace(b", ", b" , ,", 3)) == digest(MUFASA)
    assert digest(MUFASA + b" ,") == digest(MUFASA)


def test_old_clients_put_bare_values_into_quotes() -> None:
    changed = MUFASA.replace(b"=auth", b'="auth"').replace(b"=MD5", b'="md5"')
    assert digest(changed) == digest(MUFASA)


def test_a_quoted_string_is_taken_out_of_its_quotes() -> None:
    found = digest(MUFASA.replace(b'"Mufasa"', rb'"M\"u\\f,as=a \xe4"'))
    assert found.username == b'M"u\\f,as=a xe4'
    raw = digest(MUFASA.replace(b"Mufasa", "J\u00e4s\u00f8n".encode()))
    assert raw.username == "J\u00e4s\u00f8n".encode()


def test_a_name_may_be_spelled_in_the_extended_notation() -> None:
    # RFC 7616 section 3.9.2: Jason with two letters of another alphabet.
    extended = b"username*=UTF-8''J%C3%A4s%C3%B8n%20Doe"
    found = digest(MUFASA.replace(b'username="Mufasa"', extended))
    assert found.username == "J\u00e4s\u00f8n Doe".encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'username="Mufasa", ', b""),
        (b'realm="http-auth@example.org", ', b""),
        (b'uri="/dir/index.html", ', b""),
        (b"nc=00000001, ", b""),
        (b"qop=auth, ", b""),  # RFC 2069
        (b"qop=auth", b"qop=auth-int"),
        (b"MD5", b"MD5-sess"),
        (b"MD5", b"SHA-256"),  # with a response of another length
        (b"00000001", b"1"),
        (b"00000001", b"0000000G"),
        (b"00000001", b"000000001"),
        (b"8ca523f5", b"8CA523F5"),
        (b"8ca523f5", b""),
        (b'"Mufasa"', b"Mufasa"),
        (b'"Mufasa"', b'"Mufasa'),
        (b'username="Mufasa"', b"username*=UTF-8''%GG"),
        (b'username="Mufasa"', b"username*=ISO-8859-1''Mufasa"),
        (b'username="Mufasa"', b"username*=UTF-8''Mufasa, userhash=true"),
        (b'username="Mufasa"', TWICE),
        (b"qop=auth", b"qop=auth, userhash=maybe"),
        (b"qop=auth", b"qop=auth, QOP=auth"),
        (b"qop=auth", b"qop=auth, x=1, X=2"),
        (b"qop=auth", b"qop=auth x=1"),
        (b"qop=auth", b"qop=auth; x=1"),
        (b"qop=auth", b"qop=auth, =1"),
        (b"qop=auth", b"qop=auth, x="),
        (b"Mufasa", b"Muf\x00asa"),
        (b"Mufasa", b"Muf\nasa"),
    ],
)
def test_what_is_not_digest_is_nothing(old: bytes, new: bytes) -> None:
    assert old in MUFASA
    assert authorization_from(MUFASA.replace(old, new, 1)) is None


def test_what_is_too_long_or_says_too_much_is_nothing() -> None:
    room = MAX_HTTP_AUTHORIZATION_BYTES - len(MUFASA)
    assert digest(MUFASA.replace(b"/dir", b"/dir" + b"r" * room))
    longer = MUFASA.replace(b"/dir", b"/dir" + b"r" * (room + 1))
    assert authorization_from(longer) is None
    given = MUFASA.count(b'="') + 3
    more = [
        MUFASA + b"".join(b", x%d=1" % number for number in range(number))
        for number in (0, MAX_HTTP_AUTHORIZATION_PARAMETERS - given, 20)
    ]
    assert digest(more[0]) == digest(more[1])
    assert authorization_from(more[2]) is None


def test_no_secret_is_in_a_repr() -> None:
    shown = repr(authorization_from(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="))
    assert "sesame" not in shown
    assert "Aladdin" not in shown
    shown = repr(digest(MUFASA))
    assert "8ca523f5" not in shown
    assert "Mufasa" not in shown
