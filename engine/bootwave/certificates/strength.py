"""Which algorithms and keys are strong enough, and the verification of a signature.

| | everywhere | below a pinned legacy root, too |
| --- | --- | --- |
| hash | SHA-256, SHA-384, SHA-512 | SHA-1 |
| RSA | 2048 to 8192 bits | 1024 and more |
| EC | P-256, P-384, P-521 | |

MD5, RSA below 1024 bits and everything else (PSS, Ed25519, which no factory uses) are
never enough.  OpenSSL calls weak digests and keys right at security level 0, so these
rules do not rely on it.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import SignatureAlgorithmOID as Algorithm

_SHA2_RSA = {
    Algorithm.RSA_WITH_SHA256: hashes.SHA256(),
    Algorithm.RSA_WITH_SHA384: hashes.SHA384(),
    Algorithm.RSA_WITH_SHA512: hashes.SHA512(),
}
_SHA1_RSA = {Algorithm.RSA_WITH_SHA1: hashes.SHA1()}
_RSA: dict[ObjectIdentifier, hashes.HashAlgorithm] = {**_SHA2_RSA, **_SHA1_RSA}
_SHA2_EC = {
    Algorithm.ECDSA_WITH_SHA256: hashes.SHA256(),
    Algorithm.ECDSA_WITH_SHA384: hashes.SHA384(),
    Algorithm.ECDSA_WITH_SHA512: hashes.SHA512(),
}
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_MAX_RSA_BITS = 8192


@dataclass(frozen=True, slots=True)
class Strength:
    """What is enough below one root."""

    sha1: bool = False
    rsa_bits: int = 2048

    def allows_key(self, key: PublicKeyTypes) -> bool:
        """Whether *key* is strong enough."""
        if isinstance(key, rsa.RSAPublicKey):
            return self.rsa_bits <= key.key_size <= _MAX_RSA_BITS
        return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
            key.curve, _CURVES
        )

    def allows_signature(self, oid: ObjectIdentifier) -> bool:
        """Whether a signature algorithm is strong enough."""
        return oid in _SHA2_RSA or oid in _SHA2_EC or (self.sha1 and oid in _SHA1_RSA)


MODERN = Strength()
LEGACY = Strength(sha1=True, rsa_bits=1024)


def is_signed(
    key: PublicKeyTypes,
    oid: ObjectIdentifier,
    signature: bytes,
    content: bytes,
) -> bool:
    """Whether *signature* over *content* was made with *key* by the algorithm *oid*.

    Whether they are strong enough is not looked at, but what is never enough verifies
    nothing.
    """
    try:
        if isinstance(key, rsa.RSAPublicKey) and oid in _RSA:
            key.verify(signature, content, padding.PKCS1v15(), _RSA[oid])
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and oid in _SHA2_EC:
            key.verify(signature, content, ec.ECDSA(_SHA2_EC[oid]))
            return True
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        pass
    return False
