"""Which algorithms are enough, and that signatures are verified."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import SignatureAlgorithmOID as Algorithm

from bootwave.certificates.parsed import Parsed
from bootwave.certificates.strength import LEGACY, MODERN, is_signed
from tests.certificates.authorities import rsa_key
from tests.certificates.factory import WORLD

CONTENT = b"what is signed"


def test_sha1_and_rsa_1024_are_enough_only_for_legacy_roots() -> None:
    small = rsa_key(1024).public_key()
    assert LEGACY.allows_key(small)
    assert not MODERN.allows_key(small)
    assert LEGACY.allows_signature(Algorithm.RSA_WITH_SHA1)
    assert not MODERN.allows_signature(Algorithm.RSA_WITH_SHA1)


@pytest.mark.parametrize("strength", [LEGACY, MODERN])
def test_some_things_are_never_enough(strength: object) -> None:
    assert strength in (LEGACY, MODERN)
    chosen = LEGACY if strength is LEGACY else MODERN
    for oid in (
        Algorithm.RSA_WITH_MD5,
        Algorithm.RSASSA_PSS,
        Algorithm.ECDSA_WITH_SHA1,
        Algorithm.DSA_WITH_SHA256,
        Algorithm.ED25519,
        Algorithm.RSA_WITH_SHA3_256,
    ):
        assert not chosen.allows_signature(oid)
    for key in (
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
    ):
        assert not chosen.allows_key(key.public_key())


@pytest.mark.parametrize("strength", [LEGACY, MODERN])
def test_what_is_strong_is_enough_everywhere(strength: object) -> None:
    chosen = LEGACY if strength is LEGACY else MODERN
    for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
        assert chosen.allows_key(ec.generate_private_key(curve).public_key())
    assert chosen.allows_key(WORLD.rsa_2048.public_key())
    for oid in (Algorithm.RSA_WITH_SHA256, Algorithm.ECDSA_WITH_SHA512):
        assert chosen.allows_signature(oid)


def test_a_signature_is_right_for_one_key_and_one_content() -> None:
    child = Parsed(WORLD.issuing.der)
    oid = child.x509.signature_algorithm_oid
    signature, content = child.x509.signature, child.x509.tbs_certificate_bytes
    right = Parsed(WORLD.root.der).public_key
    assert is_signed(right, oid, signature, content)
    assert not is_signed(right, oid, signature, content + b"\0")
    assert not is_signed(right, oid, signature[:-1] + b"\0", content)
    assert not is_signed(right, oid, b"", content)
    assert not is_signed(right, Algorithm.RSA_WITH_SHA512, signature, content)
    assert not is_signed(right, Algorithm.RSA_WITH_MD5, signature, content)
    assert not is_signed(child.public_key, oid, signature, content)
    assert not is_signed(WORLD.p256.public_key(), oid, signature, content)
    unused = ed25519.Ed25519PrivateKey.generate().public_key()
    assert not is_signed(unused, oid, signature, content)
