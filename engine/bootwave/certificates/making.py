"""Certificates made here: the server's own to begin with, and a factory for trying.

Everything is returned as PEM; who writes it to files sees to their modes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bootwave.certificates.der import names_in
from bootwave.certificates.parsed import UNREADABLE

Kind = Literal["rsa", "ecdsa"]
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

DEVELOPMENT = "development only"
ROOT_NAME = "Bootwave development CA SHA-256"
ISSUING_NAME = "Bootwave development Phone 1 SHA-256"
LEGACY_ROOT_NAME = "Bootwave development CA"
LEGACY_ISSUING_NAME = "Bootwave development Phone 1"
SERVER_CA_NAME = "Bootwave development server CA"

# Phones know the certificate or do not look; nobody renews what init made.
_SELF_SIGNED_DAYS = 3650
_CA_DAYS = 7300
_LEAF_DAYS = 3650
# Clocks of phones and laptops differ.
_BEFORE = timedelta(days=1)
_MAX_COMMON_NAME = 64
# sha256WithRSAEncryption and sha1WithRSAEncryption (RFC 8017 appendix A.2.4).
_SHA256_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_RSA = bytes.fromhex("06092a864886f70d010105")


@dataclass(frozen=True)
class Maker:
    """A CA of the development factory.  ``weak`` ones have RSA-1024 and use SHA-1."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    weak: bool = False

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def pem_with_key(self) -> bytes:
        """Its certificate and key."""
        return self.pem + key_pem(self.key)


def self_signed(names: Sequence[str], kind: Kind, at: float) -> bytes:
    """Return certificate and key of a server with *names*, valid from *at*.

    *names* are hosts and addresses, the first of them the common name; those that
    cannot stand in a certificate are left out.
    """
    key = _new_key(kind)
    subject = _common_name(names[0] if names else "bootwave")
    builder = _builder(subject, subject, key, at, _SELF_SIGNED_DAYS)
    builder = _for_servers(builder, names, kind)
    certificate = builder.sign(key, hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM) + key_pem(key)


def root(common_name: str, at: float, *, weak: bool = False) -> Maker:
    """Return a CA that signs itself, with extensions as snom's roots have them."""
    key = rsa.generate_private_key(65_537, 1024 if weak else 2048)
    subject = _ca_name(common_name)
    return _ca(subject, subject, key, key, at, weak=weak)


def issuing(common_name: str, above: Maker, at: float) -> Maker:
    """Return a CA that *above* signs."""
    key = rsa.generate_private_key(65_537, 1024 if above.weak else 2048)
    issuer = above.certificate.subject
    return _ca(_ca_name(common_name), issuer, key, above.key, at, weak=above.weak)


def maker_from_pem(content: bytes, *, weak: bool = False) -> Maker:
    """Return the CA that ``Maker.pem_with_key`` spelled; raises ValueError."""
    try:
        certificate = x509.load_pem_x509_certificate(content)
        key = load_pem_private_key(content[content.index(b"-----END CERT") :], None)
    except UNREADABLE:
        raise ValueError("is not a CA that bootwave tls dev made") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("is not a CA that bootwave tls dev made")
    return Maker(certificate, key, weak)


def phone_certificate(mac_text: str, above: Maker, at: float) -> bytes:
    """Return a phone's certificate, the one of its issuing CA, and its key."""
    key = rsa.generate_private_key(65_537, 1024 if above.weak else 2048)
    builder = _builder(
        _common_name(mac_text), above.certificate.subject, key, at, _LEAF_DAYS
    )
    builder = builder.add_extension(x509.BasicConstraints(False, None), False)
    leaf = _signed(builder, above.key, weak=above.weak)
    return leaf.public_bytes(Encoding.PEM) + above.pem + key_pem(key)


def server_certificate(
    names: Sequence[str], kind: Kind, above: Maker, at: float
) -> bytes:
    """Return a server's certificate, signed by *above*, and its key."""
    key = _new_key(kind)
    builder = _builder(
        _common_name(names[0]), above.certificate.subject, key, at, _LEAF_DAYS
    )
    builder = _for_servers(builder, names, kind)
    leaf = builder.sign(above.key, hashes.SHA256())
    return leaf.public_bytes(Encoding.PEM) + key_pem(key)


def revocation_list(serials: Sequence[int], above: Maker, at: float) -> bytes:
    """Return a CRL of *above* that names *serials*, in PEM."""
    now = datetime.fromtimestamp(at, UTC)
    builder = x509.CertificateRevocationListBuilder(
        above.certificate.subject, now, now + timedelta(days=30)
    )
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder(serial, now).build()
        )
    return builder.sign(above.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def key_pem(key: Private) -> bytes:
    """Return *key* in PKCS #8, without password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ca(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    signer: rsa.RSAPrivateKey,
    at: float,
    *,
    weak: bool,
) -> Maker:
    builder = _builder(subject, issuer, key, at, _CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(True, None), False)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
    )
    return Maker(_signed(builder, signer, weak=weak), key, weak)


def _signed(
    builder: x509.CertificateBuilder, signer: rsa.RSAPrivateKey, *, weak: bool
) -> x509.Certificate:
    certificate = builder.sign(signer, hashes.SHA256())
    if not weak:
        return certificate
    # The library signs no certificate with SHA-1 any more, so the name of the
    # algorithm is changed and the signature made anew.
    der = certificate.public_bytes(Encoding.DER)
    strong = names_in(der).signed
    name = strong.replace(_SHA256_RSA, _SHA1_RSA)
    content = certificate.tbs_certificate_bytes.replace(strong, name, 1)
    made = signer.sign(content, padding.PKCS1v15(), hashes.SHA1())
    return x509.load_der_x509_certificate(
        _element(0x30, content + name + _element(0x03, b"\0" + made))
    )


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Private, at: float, days: int
) -> x509.CertificateBuilder:
    now = datetime.fromtimestamp(at, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + timedelta(days=days))
    )


def _for_servers(
    builder: x509.CertificateBuilder, names: Sequence[str], kind: Kind
) -> x509.CertificateBuilder:
    general = [each for name in names if (each := _general_name(name)) is not None]
    if general:
        builder = builder.add_extension(x509.SubjectAlternativeName(general), False)
    return (
        builder.add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                # TLS 1.0 of old phones sends its secret encrypted with the RSA key.
                key_encipherment=kind == "rsa",
                content_commitment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            True,
        )
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    )


def _general_name(name: str) -> x509.GeneralName | None:
    try:
        return x509.IPAddress(ip_address(name.partition("%")[0]))
    except ValueError:
        pass
    try:
        return x509.DNSName(name)
    except ValueError:
        return None


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_MAX_COMMON_NAME])])


def _ca_name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def _new_key(kind: Kind) -> Private:
    if kind == "rsa":
        return rsa.generate_private_key(65_537, 2048)
    return ec.generate_private_key(ec.SECP256R1())
