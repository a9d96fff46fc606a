"""One certificate, parsed as far as everybody needs it."""

import hashlib
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from bootwave.certificates.der import names_in
from bootwave.certificates.text import text_from_name
from bootwave.limits import MAX_TLS_CERTIFICATE_BYTES

# What the cryptography library raises about bytes that are not the DER it expects.
# Warnings are among them: with -W error they are raised, and what it warns about is
# encoded wrongly.
UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UserWarning,
)

# Extensions that may be critical beside those that ``Roles`` are made of: they cannot
# make a certificate narrower than it is taken (RFC 5280 section 4.2).
_HARMLESS = frozenset(
    {
        x509.SubjectAlternativeName.oid,
        x509.SubjectKeyIdentifier.oid,
        x509.AuthorityKeyIdentifier.oid,
    }
)


class Parsed:
    """A certificate; what costs time is read when it is asked for.

    ``digest`` is the SHA-256 of its DER, ``key`` that of its SubjectPublicKeyInfo,
    which ``key_der`` holds.  ``subject`` and ``issuer`` are the DER of the names.
    ``version`` counts from 1 and ``serial`` may be negative, as the bytes say.
    ``algorithms_agree`` is whether the signature algorithm that was signed is the one
    that is claimed (RFC 5280 section 4.1.1.2).
    """

    def __init__(self, der: bytes) -> None:
        """Parse *der*; raises ValueError when it is no certificate or too large."""
        if len(der) > MAX_TLS_CERTIFICATE_BYTES:
            raise ValueError("the certificate is too large")
        try:
            self.x509 = x509.load_der_x509_certificate(der)
            names = names_in(der)
            self.not_before = _seconds(self.x509.not_valid_before_utc)
            self.not_after = _seconds(self.x509.not_valid_after_utc)
            self.serial = self.x509.serial_number
            self.version = self.x509.version.value + 1
        except UNREADABLE as error:
            raise ValueError("the certificate is malformed") from error
        self.der = der
        self.digest = hashlib.sha256(der).digest()
        self.subject, self.issuer = names.subject, names.issuer
        self.key_der = names.key
        self.algorithms_agree = names.signed == names.claimed
        self.key = hashlib.sha256(names.key).digest()

    @cached_property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The key; raises ValueError when it is malformed or of an unknown kind."""
        try:
            key = self.x509.public_key()
        except UNREADABLE as error:
            raise ValueError("the key is malformed") from error
        if isinstance(key, rsa.RSAPublicKey):
            exponent = key.public_numbers().e
            # With an exponent of 1 every signature would be right.
            if exponent < 3 or exponent & 1 == 0:
                raise ValueError("the key's exponent is not one of RSA")
        return key

    @cached_property
    def roles(self) -> "Roles":
        """What it may be used for; raises ValueError for a malformed extension."""
        constraints: x509.BasicConstraints | None = None
        usage: x509.KeyUsage | None = None
        extended: x509.ExtendedKeyUsage | None = None
        unknown = False
        for extension in self.extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints):
                constraints = value
            elif isinstance(value, x509.KeyUsage):
                usage = value
            elif isinstance(value, x509.ExtendedKeyUsage):
                extended = value
            elif extension.critical and extension.oid not in _HARMLESS:
                unknown = True
        is_ca = constraints is not None and constraints.ca
        return Roles(
            is_ca=is_ca,
            may_issue=is_ca and (usage is None or usage.key_cert_sign),
            path_length=None if constraints is None else constraints.path_length,
            may_sign_crls=usage is None or usage.crl_sign,
            may_prove_itself=usage is None or usage.digital_signature,
            is_for_clients=(
                extended is None or ExtendedKeyUsageOID.CLIENT_AUTH in extended
            ),
            has_unknown_critical=unknown,
        )

    @cached_property
    def extensions(self) -> x509.Extensions:
        """The extensions; raises ValueError when one is malformed or comes twice."""
        try:
            return self.x509.extensions
        except UNREADABLE as error:
            raise ValueError("an extension is malformed") from error

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same (RFC 5280 section 3.2)."""
        return self.subject == self.issuer

    @cached_property
    def name(self) -> x509.Name:
        """The subject; raises ValueError when it is malformed."""
        try:
            return self.x509.subject
        except UNREADABLE as error:
            raise ValueError("the subject is malformed") from error

    @cached_property
    def subject_text(self) -> str:
        """The subject as in RFC 4514, "" when it is malformed."""
        return text_from_name(self.subject)

    @cached_property
    def issuer_text(self) -> str:
        """The issuer as in RFC 4514, "" when it is malformed."""
        return text_from_name(self.issuer)


class Roles(NamedTuple):
    """What a certificate's extensions say that it is for (RFC 5280 section 4.2.1).

    ``may_issue`` is whether basic constraints and key usage make it a CA,
    ``path_length`` how many issuing CAs may stand below it, None for any number.  The
    others are true where the extension they come from is missing.
    """

    is_ca: bool
    may_issue: bool
    path_length: int | None
    may_sign_crls: bool
    may_prove_itself: bool
    is_for_clients: bool
    has_unknown_critical: bool


def parsed_from_pem(text: bytes) -> list[Parsed]:
    """Return the certificates of a PEM file, in its order; raises ValueError.

    What stands around them is ignored; a file without any is an empty list.
    """
    if b"-----BEGIN CERTIFICATE-----" not in text:
        return []
    try:
        found = x509.load_pem_x509_certificates(text)
    except UNREADABLE as error:
        raise ValueError("a certificate in it is malformed") from error
    return [Parsed(each.public_bytes(Encoding.DER)) for each in found]


def _seconds(moment: datetime) -> float:
    return moment.timestamp()
