"""The certificates that this server shows: files with a chain and its key.

A file is PEM and holds the server's certificate, then the chain that leads to the CA
that clients know, and the private key, without password, anywhere among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from bootwave.certificates.files import is_open_to_others, read
from bootwave.certificates.parsed import UNREADABLE, Parsed, parsed_from_pem
from bootwave.certificates.strength import is_signed
from bootwave.errors import OptionError
from bootwave.limits import MAX_CERTIFICATE_FILE_BYTES

OPTION = "https.certificates"
_DAY = 86_400.0
_SOON_DAYS = 30
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """One file: ``chain`` begins with the server's own certificate.

    ``names`` are the hosts and addresses that it is for, hosts in lower case; ``kind``
    says what its key is, such as "RSA 2048" or "EC P-256".
    """

    path: Path
    chain: tuple[Parsed, ...]
    names: tuple[str, ...]
    kind: str

    @property
    def leaf(self) -> Parsed:
        """The server's own certificate."""
        return self.chain[0]

    @property
    def is_self_signed(self) -> bool:
        """Whether it vouches for itself, so that clients must know it beforehand."""
        return self.leaf.is_self_issued

    def faults(self, at: float) -> Iterator[str]:
        """Yield a sentence for each thing that makes clients refuse it at *at*."""
        if self.leaf.not_after < at:
            yield f"{self.path} has expired."
        elif at < self.leaf.not_before:
            yield f"{self.path} is not valid yet."
        for child, parent in pairwise(self.chain):
            if not _signed_by(child, parent):
                yield (
                    f"The chain in {self.path} is broken: {child.subject_text} was "
                    f"not signed by {parent.subject_text}, which follows it."
                )

    def warnings(self, at: float) -> Iterator[str]:
        """Yield a sentence for each thing that an operator should know at *at*."""
        yield from self.due(at)
        if not self.names:
            yield (
                f"{self.path} names no host as alternative name: no client that checks "
                "names accepts it."
            )

    def due(self, at: float) -> Iterator[str]:
        """Yield those of the ``warnings`` that only time brings: what ends, or has."""
        left = self.leaf.not_after - at
        if 0 <= left < _SOON_DAYS * _DAY:
            yield f"{self.path} expires in {int(left // _DAY)} days."
        for parent in self.chain[1:]:
            if parent.not_after < at:
                yield f"The CA {parent.subject_text} in {self.path} has expired."


def load_server_certificate(path: Path, option: str = OPTION) -> ServerCertificate:
    """Return the certificate in *path*, which *option* names.

    Raises OptionError, one sentence that says what to do: when the file cannot be read
    or can be by everybody, holds no certificate or no key, or a key that is not the
    certificate's.  Dates are not looked at: phones that do not check them are served
    better by an old certificate than by none (``faults``).
    """
    content = read(path, MAX_CERTIFICATE_FILE_BYTES, option)
    if is_open_to_others(path):
        raise OptionError(
            f"{path} of {option} holds a key and can be read by everybody: run chmod "
            "600 on it."
        )
    try:
        chain = parsed_from_pem(content)
        public_key = chain[0].public_key if chain else None
        names = _names(chain[0]) if chain else ()
    except ValueError as error:
        raise OptionError(f"{path} of {option} is damaged: {error}.") from error
    if public_key is None:
        raise OptionError(
            f"{path} of {option} holds no certificate: it must hold the server's "
            "certificate, its chain and its key in PEM."
        )
    if _private_spki(content, path, option) != _spki(public_key):
        raise OptionError(
            f"{path} of {option} holds a key that is not its first certificate's."
        )
    return ServerCertificate(path, tuple(chain), names, kind_of(public_key))


def kind_of(key: PublicKeyTypes) -> str:
    """Return what a key is, in words."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey")


def _private_spki(content: bytes, path: Path, option: str) -> bytes:
    """Return the SubjectPublicKeyInfo of the private key in *content*."""
    begin = content.find(b"-----BEGIN ")
    while begin >= 0 and b"PRIVATE KEY-----" not in content[begin : begin + 60]:
        begin = content.find(b"-----BEGIN ", begin + 1)
    if begin < 0:
        raise OptionError(
            f"{path} of {option} holds no private key: put the certificate's own into "
            "the same file."
        )
    end = content.find(b"-----END ", begin)
    stop = content.find(b"-----", end + 9) + 5
    block = content[begin:stop] + b"\n"
    if b"ENCRYPTED" in block:
        raise OptionError(
            f"{path} of {option} holds a key with a password: it must have none."
        )
    try:
        return _spki(load_pem_private_key(block, None).public_key())
    except UNREADABLE:
        # What was read is a secret: the cause is not shown.
        raise OptionError(f"{path} of {option} holds a damaged key.") from None


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _names(leaf: Parsed) -> tuple[str, ...]:
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    hosts = [each.lower() for each in found.value.get_values_for_type(x509.DNSName)]
    addresses = map(str, found.value.get_values_for_type(x509.IPAddress))
    return (*hosts, *addresses)


def _signed_by(child: Parsed, parent: Parsed) -> bool:
    try:
        return child.issuer == parent.subject and is_signed(
            parent.public_key,
            child.x509.signature_algorithm_oid,
            child.x509.signature,
            child.x509.tbs_certificate_bytes,
        )
    except ValueError:
        return False
