"""The Authorization field: any bytes are read or refused, what is written is read."""

import base64
import string

from hypothesis import given
from hypothesis import strategies as st

from bootwave.http.authorization import Basic, Digest, authorization_from
from bootwave.http.digest import expected_response, ha1
from tests.provision.client import digest

PLAIN = st.binary(max_size=40).filter(
    lambda text: not any(byte < 0x20 or byte == 0x7F for byte in text)
)
TOKEN = st.text(string.ascii_letters + string.digits + "-._", min_size=1, max_size=12)
QUOTED = st.binary(max_size=24).map(
    lambda text: bytes(byte for byte in text if byte >= 0x20 and byte != 0x7F)
)
OTHERS = st.lists(
    st.tuples(TOKEN, QUOTED), max_size=4, unique_by=lambda pair: pair[0].lower()
)
SEPARATORS = st.sampled_from([b", ", b",", b" , ", b",,", b"\t,\t"])


def quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_nothing(value: bytes) -> None:
    for prefix in (b"", b"Basic ", b"Digest "):
        found = authorization_from(prefix + value)
        assert found is None or isinstance(found, Basic | Digest)


@given(PLAIN, PLAIN)
def test_basic_is_read_as_it_was_written(user: bytes, password: bytes) -> None:
    user = user.replace(b":", b"")
    token = base64.b64encode(user + b":" + password)
    assert authorization_from(b"Basic " + token) == Basic(user, password)


@given(
    QUOTED,
    QUOTED,
    QUOTED,
    QUOTED,
    st.sampled_from([("MD5", 32), ("SHA-256", 64)]),
    st.lists(
        st.tuples(TOKEN, QUOTED), max_size=4, unique_by=lambda pair: pair[0].lower()
    ),
    SEPARATORS,
    st.randoms(use_true_random=False),
)
def test_digest_is_read_in_any_order_and_among_anything(
    username: bytes,
    realm: bytes,
    nonce: bytes,
    uri: bytes,
    algorithm: tuple[str, int],
    others: list[tuple[str, bytes]],
    separator: bytes,
    chance: object,
) -> None:
    name, size = algorithm
    pieces = [
        b"username=" + quoted(username),
        b"realm=" + quoted(realm),
        b"nonce=" + quoted(nonce),
        b"uri=" + quoted(uri),
        b"response=" + quoted(b"a" * size),
        b"algorithm=" + name.encode(),
        b"cnonce=" + quoted(b"c"),
        b"nc=0000000a",
        b"qop=auth",
    ]
    known = {piece.split(b"=")[0].decode() for piece in pieces} | {"userhash"}
    pieces += [
        other.encode() + b"=" + quoted(value)
        for other, value in others
        if other.lower() not in known
    ]
    chance.shuffle(pieces)  # type: ignore[attr-defined]
    found = authorization_from(b"Digest " + separator.join(pieces))
    if separator == b",," and len(pieces) > 9:
        return  # empty elements count, so these may be too many
    if separator == b",,":
        assert found is None  # nine and eight between them
        return
    assert isinstance(found, Digest)
    assert (found.username, found.realm) == (username, realm)
    assert (found.nonce, found.uri) == (nonce, uri)
    assert (found.algorithm, found.nc) == (name, b"0000000a")


@given(st.sampled_from(["MD5", "SHA-256"]), TOKEN, TOKEN, TOKEN, TOKEN)
def test_a_clients_answer_is_the_expected_one_and_no_other(
    algorithm: str, user: str, password: str, nonce: str, path: str
) -> None:
    shown = authorization_from(
        digest(user, password, f"/{path}", nonce, algorithm=algorithm)
    )
    assert isinstance(shown, Digest)
    right = ha1(shown.algorithm, user.encode(), b"bootwave", password.encode())
    wrong = ha1(shown.algorithm, user.encode(), b"bootwave", password.encode() + b"x")
    assert expected_response(shown, b"GET", right) == shown.response
    assert expected_response(shown, b"GET", wrong) != shown.response
    assert expected_response(shown, b"HEAD", right) != shown.response
