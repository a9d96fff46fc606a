"""Certificates and CRLs written octet by octet, so that anything can be wrong in one.

The builders of the cryptography library refuse what these tests are about: two common
names, NUL, version 1, MD5, algorithms that disagree.
"""

import base64
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Private = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | dsa.DSAPrivateKey
)

UTF8, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
CN, COUNTRY, SERIAL_NUMBER = "2.5.4.3", "2.5.4.6", "2.5.4.5"
ORG, OU = "2.5.4.10", "2.5.4.11"
EMAIL = "1.2.840.113549.1.9.1"
SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
DIGITAL_SIGNATURE, KEY_ENCIPHERMENT, KEY_CERT_SIGN, CRL_SIGN = 0, 2, 5, 6

_RSA = {"md5": 4, "sha1": 5, "sha256": 11, "sha384": 12, "sha512": 13}
_EC = {"sha1": "1.2.840.10045.4.1", "sha256": "1.2.840.10045.4.3.2"}
_HASH: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def tlv(tag: int, *content: bytes) -> bytes:
    """One element with *content*, in DER."""
    body = b"".join(content)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def sequence(*content: bytes) -> bytes:
    return tlv(0x30, *content)


def integer(value: int) -> bytes:
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    octets = bytearray()
    for number in (first * 40 + second, *rest):
        group = [number & 0x7F]
        while number := number >> 7:
            group.append(0x80 | number & 0x7F)
        octets += bytes(reversed(group))
    return tlv(6, bytes(octets))


@dataclass(frozen=True)
class Attribute:
    """One attribute of a name; *value* is text (UTF-8) or octets as they are."""

    kind: str
    value: str | bytes
    tag: int = UTF8

    @property
    def der(self) -> bytes:
        octets = self.value.encode() if isinstance(self.value, str) else self.value
        return sequence(oid(self.kind), tlv(self.tag, octets))


def name(*relative: Attribute | Sequence[Attribute]) -> bytes:
    """A Name; a sequence among *relative* is one multi-valued part."""
    parts = ([each] if isinstance(each, Attribute) else each for each in relative)
    return sequence(*(tlv(0x31, *sorted(one.der for one in part)) for part in parts))


def common_name(value: str | bytes, tag: int = UTF8) -> bytes:
    return name(Attribute(CN, value, tag))


def moment(at: float) -> bytes:
    """UTCTime until 2049, GeneralizedTime afterwards (RFC 5280 section 4.1.2.5)."""
    when = datetime.fromtimestamp(at, UTC)
    if when.year < 2050:
        return tlv(0x17, when.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


def extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    mark = (tlv(1, b"\xff"),) if critical else ()
    return sequence(oid(kind), *mark, tlv(4, value))


def basic_constraints(
    *, ca: bool, path_length: int | None = None, critical: bool = False
) -> bytes:
    parts = ([tlv(1, b"\xff")] if ca else []) + (
        [integer(path_length)] if path_length is not None else []
    )
    return extension("2.5.29.19", sequence(*parts), critical=critical)


def key_usage(*bits: int, critical: bool = True) -> bytes:
    octet = sum(0x80 >> bit for bit in bits)
    unused = 7 - max(bits)
    return extension("2.5.29.15", tlv(3, bytes([unused, octet])), critical=critical)


def extended_key_usage(*kinds: str) -> bytes:
    return extension("2.5.29.37", sequence(*map(oid, kinds)))


def alternative_names(*hosts: str, critical: bool = False) -> bytes:
    names = (tlv(0x82, host.encode()) for host in hosts)
    return extension("2.5.29.17", sequence(*names), critical=critical)


def algorithm(signer: Private, hash_name: str) -> bytes:
    if isinstance(signer, rsa.RSAPrivateKey):
        return sequence(oid(f"1.2.840.113549.1.1.{_RSA[hash_name]}"), tlv(5))
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        return sequence(oid("1.3.101.112"))
    if isinstance(signer, dsa.DSAPrivateKey):
        return sequence(oid("2.16.840.1.101.3.4.3.2"))
    return sequence(oid(_EC[hash_name]))


def signature(signer: Private, hash_name: str, content: bytes) -> bytes:
    digest = _HASH[hash_name]
    if isinstance(signer, rsa.RSAPrivateKey):
        made = signer.sign(content, padding.PKCS1v15(), digest)
    elif isinstance(signer, ed25519.Ed25519PrivateKey):
        made = signer.sign(content)
    elif isinstance(signer, dsa.DSAPrivateKey):
        made = signer.sign(content, digest)
    else:
        made = signer.sign(content, ec.ECDSA(digest))
    return tlv(3, b"\0", made)


def public_der(key: Private) -> bytes:
    return key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def certificate(
    *,
    subject: bytes,
    issuer: bytes,
    key: bytes,
    signer: Private,
    serial: int,
    not_before: float,
    not_after: float,
    extensions: Sequence[bytes] = (),
    version: int = 3,
    hash_name: str = "sha256",
    claimed: bytes | None = None,
) -> bytes:
    """The DER of a certificate; *key* is its SubjectPublicKeyInfo.

    *claimed* is an algorithm beside the signature that differs from the one signed.
    """
    signed = algorithm(signer, hash_name)
    tbs = sequence(
        *([] if version == 1 else [tlv(0xA0, integer(version - 1))]),
        integer(serial),
        signed,
        issuer,
        sequence(moment(not_before), moment(not_after)),
        subject,
        key,
        *([tlv(0xA3, sequence(*extensions))] if extensions else []),
    )
    return sequence(tbs, claimed or signed, signature(signer, hash_name, tbs))


def revocation_list(
    *,
    issuer: bytes,
    signer: Private,
    serials: Sequence[int],
    this_update: float,
    next_update: float | None,
    extensions: Sequence[bytes] = (),
    hash_name: str = "sha256",
) -> bytes:
    """The DER of a CRL, version 2 (RFC 5280 section 5.1)."""
    signed = algorithm(signer, hash_name)
    entries = [sequence(integer(each), moment(this_update)) for each in serials]
    tbs = sequence(
        integer(1),
        signed,
        issuer,
        moment(this_update),
        *([] if next_update is None else [moment(next_update)]),
        *([sequence(*entries)] if entries else []),
        *([tlv(0xA0, sequence(*extensions))] if extensions else []),
    )
    return sequence(tbs, signed, signature(signer, hash_name, tbs))


def pem(der: bytes, label: str = "CERTIFICATE") -> bytes:
    text = base64.b64encode(der).decode()
    body = "\n".join(textwrap.wrap(text, 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()
