"""CAs that sign certificates and CRLs with any habit, good or bad.

Times count from ``NOW``, the moment of import, because TLS programs look at the clock.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.certificates import encoding
from tests.certificates.encoding import (
    CN,
    COUNTRY,
    ORG,
    PRINTABLE,
    Attribute,
    Private,
    basic_constraints,
    name,
    public_der,
)

NOW = time.time()
DAY = 86_400.0
YEAR = 365 * DAY

# cryptography makes no key as small as this.  It protects nothing.
RSA_512 = b"""\
-----BEGIN RSA PRIVATE KEY-----
MIIBOQIBAAJBAKmGGzSvUbtkZmYYBKNQqbmgAdM9Jz+ZmHnVDrD2We36WHoDqezf
dRrog0rmrXIi7HQMpmLdLpC7uPYRn93GtLkCAwEAAQJAEeMPjdCN3Crszwrrulux
fN+QMby7Hm/Tcc90PGHR/VUH8RxbWRDizWHzzhXz/UWN2FY3LUh8WaTzFG/aqZQX
gQIhANgPgsWqr9gqVL/KCYGlZyfvbkL443jcRexhr4nJfHYRAiEAyNxecfWLPqyn
HmNw9L3Bwr69SCXoBv+HD6W2HsNfDCkCIAZUbgBcf8pVcyYrRRwHPH5vBUvw/rkL
uwCx2/KtdHgBAiB40b1ptPYuG/JmYBBo1t9/AfafOFXqJ7gZHGeA96nriQIgRhVe
sLntj7NGJsTvDBNynqfM+vInfBZ6yrY+huk7DFI=
-----END RSA PRIVATE KEY-----
"""

_serials = count(0x4000_0000_0000)
IS_CA = basic_constraints(ca=True)  # not critical, as in snom's roots


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def key_pem(key: Private) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Authority:
    """A CA: its certificate, its key, and what it signs with."""

    der: bytes
    key: Private
    subject: bytes
    hash_name: str = "sha256"

    def issue(
        self,
        subject: bytes,
        key: Private,
        *,
        spki: bytes | None = None,
        serial: int | None = None,
        since: float = -DAY,
        until: float = YEAR,
        extensions: Sequence[bytes] = (),
        hash_name: str | None = None,
        version: int = 3,
        claimed: bytes | None = None,
        issuer: bytes | None = None,
    ) -> bytes:
        """A certificate for *subject* and *key*, its times counted from ``NOW``."""
        return encoding.certificate(
            subject=subject,
            issuer=issuer or self.subject,
            key=spki or public_der(key),
            signer=self.key,
            serial=next(_serials) if serial is None else serial,
            not_before=NOW + since,
            not_after=NOW + until,
            extensions=extensions,
            version=version,
            hash_name=hash_name or self.hash_name,
            claimed=claimed,
        )

    def below(
        self, subject: bytes, key: Private | None = None, **more: Any
    ) -> "Authority":
        """An issuing CA that this one signed."""
        key = key or rsa_key()
        more.setdefault("extensions", (IS_CA,))
        more.setdefault("until", 10 * YEAR)
        return Authority(self.issue(subject, key, **more), key, subject, self.hash_name)

    def revokes(self, *serials: int, **more: Any) -> bytes:
        """A CRL of this CA, as DER."""
        return encoding.revocation_list(
            issuer=self.subject,
            signer=self.key,
            serials=serials,
            this_update=NOW - DAY,
            next_update=more.pop("next_update", NOW + 30 * DAY),
            hash_name=more.pop("hash_name", self.hash_name),
            **more,
        )


def root(
    subject: bytes,
    key: Private | None = None,
    *,
    hash_name: str = "sha256",
    extensions: Sequence[bytes] = (IS_CA,),
    version: int = 3,
    until: float = 10 * YEAR,
) -> Authority:
    """A CA that signed itself."""
    key = key or rsa_key()
    maker = Authority(b"", key, subject, hash_name)
    maker.der = maker.issue(
        subject, key, extensions=extensions, until=until, version=version
    )
    return maker


def ca_name(organization: str, text: str) -> bytes:
    """A name such as snom's CAs have."""
    return name(
        Attribute(COUNTRY, "DE", PRINTABLE),
        Attribute(ORG, organization, PRINTABLE),
        Attribute(CN, text, PRINTABLE),
    )


def key_digest(authority: Authority) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo."""
    return sha256(public_der(authority.key)).digest()
