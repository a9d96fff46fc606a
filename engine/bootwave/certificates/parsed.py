"""One certificate, parsed as far as everybody needs it."""

import hashlib
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from bootwave.certificates.der import names_in
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

# Extensions that the rules of ``path`` look at, or that cannot make a certificate
# narrower than those rules take it (RFC 5280 section 4.2).
_KNOWN = frozenset(
    {
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.SubjectAlternativeName.oid,
        x509.SubjectKeyIdentifier.oid,
        x509.AuthorityKeyIdentifier.oid,
    }
)


Extension = TypeVar("Extension", bound=x509.ExtensionType)


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
            return self.x509.public_key()
        except UNREADABLE as error:
            raise ValueError("the key is malformed") from error

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

    @property
    def issuer_text(self) -> str:
        """The issuer as in RFC 4514."""
        return _text(self.x509, "issuer")

    @property
    def subject_text(self) -> str:
        """The subject as in RFC 4514."""
        return _text(self.x509, "subject")

    @property
    def has_unknown_critical(self) -> bool:
        """Whether a critical extension is none that these rules know; as above."""
        return any(
            extension.critical and extension.oid not in _KNOWN
            for extension in self.extensions
        )

    @property
    def may_issue(self) -> bool:
        """Whether basic constraints and key usage make it a CA; raises ValueError."""
        constraints = self._value(x509.BasicConstraints)
        usage = self._value(x509.KeyUsage)
        return (
            constraints is not None
            and constraints.ca
            and (usage is None or usage.key_cert_sign)
        )

    @property
    def may_sign_crls(self) -> bool:
        """Whether key usage, where there is one, allows CRLs; raises ValueError."""
        usage = self._value(x509.KeyUsage)
        return usage is None or usage.crl_sign

    @property
    def is_ca(self) -> bool:
        """Whether basic constraints say that it is a CA; raises ValueError."""
        constraints = self._value(x509.BasicConstraints)
        return constraints is not None and constraints.ca

    @property
    def path_length(self) -> int | None:
        """How many issuing CAs may stand below this one, None for any number."""
        constraints = self._value(x509.BasicConstraints)
        return None if constraints is None else constraints.path_length

    @property
    def is_for_clients(self) -> bool:
        """Whether extended key usage, where there is one, allows TLS clients."""
        usage = self._value(x509.ExtendedKeyUsage)
        return usage is None or ExtendedKeyUsageOID.CLIENT_AUTH in usage

    @property
    def may_prove_itself(self) -> bool:
        """Whether key usage, where there is one, allows the signature of a client."""
        usage = self._value(x509.KeyUsage)
        return usage is None or usage.digital_signature

    def _value(self, kind: type[Extension]) -> Extension | None:
        try:
            return self.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None


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


def _text(certificate: x509.Certificate, which: str) -> str:
    try:
        name: x509.Name = getattr(certificate, which)
        return name.rfc4514_string({x509.NameOID.EMAIL_ADDRESS: "emailAddress"})
    except UNREADABLE:
        return ""
