"""Certificates of a company's own CA, and of servers, made for a test."""

import base64
import datetime
import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@lru_cache
def certificate(
    name: str = "Example CA", *, is_ca: bool = True, years: int = 40
) -> bytes:
    """DER of a self-signed certificate that is valid from 2020 on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + datetime.timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def encoded(der: bytes) -> str:
    return base64.b64encode(der).decode()


def digest(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()
