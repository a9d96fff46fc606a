"""A phone factory: its CAs, what the operator configured of them, and good phones.

``WORLD`` holds the CAs.  ``policy()`` is the ``TrustPolicy`` that expectations are for;
``options(directory)`` writes its files and returns the fields of ``HttpsOptions`` for
it, so that a server can be started with them, and ``BLOCKS`` are the blocks to give
either.  ``phone()`` makes a phone, ``host()`` a certificate for the server itself.

Keys are made anew in each run, one for many certificates: making them takes long.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bootwave.certificates.blocks import Blocks
from bootwave.certificates.loading import policy_from_options
from bootwave.certificates.policy import TrustPolicy
from bootwave.options import HttpsOptions
from tests.certificates.authorities import (
    DAY,
    YEAR,
    Authority,
    ca_name,
    key_digest,
    key_pem,
    root,
    rsa_key,
)
from tests.certificates.encoding import (
    PRINTABLE,
    Private,
    alternative_names,
    common_name,
    pem,
    public_der,
)

MAC = 0x0004132E08B4
TEXT = "0004132E08B4"
OTHER_MAC = 0x000413AABBCC


@dataclass
class World:
    """The CAs, and the keys that phones share."""

    root: Authority  # as snom's second: RSA-2048, SHA-256
    issuing: Authority  # which phones send along
    second: Authority  # as above, configured: phones need not send it
    ec_issuing: Authority  # P-384 below the same root
    legacy_root: Authority  # as snom's first: RSA-1024, SHA-1, pinned
    legacy_issuing: Authority
    strangers_root: Authority  # not configured
    expired_issuing: Authority
    revoked_issuing: Authority
    rsa_2048: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    rsa_1024: rsa.RSAPrivateKey = field(default_factory=lambda: rsa_key(1024))
    p256: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    blocked_key: rsa.RSAPrivateKey = field(default_factory=rsa_key)


def _world() -> World:
    maker = "factory of tests"
    top = root(ca_name(maker, "factory SHA-256 CA"))
    old = root(ca_name(maker, "factory CA"), rsa_key(1024), hash_name="sha1")
    return World(
        root=top,
        issuing=top.below(ca_name(maker, "Phone 1 SHA-256")),
        second=top.below(ca_name(maker, "Phone 2 SHA-256")),
        ec_issuing=top.below(
            ca_name(maker, "Phone 3 EC"), ec.generate_private_key(ec.SECP384R1())
        ),
        legacy_root=old,
        legacy_issuing=old.below(ca_name(maker, "Phone 1"), rsa_key(1024)),
        strangers_root=root(ca_name("stranger", "stranger CA")),
        expired_issuing=top.below(
            ca_name(maker, "Phone 0 SHA-256"), since=-10 * YEAR, until=-DAY
        ),
        revoked_issuing=top.below(
            ca_name(maker, "Phone 4 SHA-256"), serial=REVOKED_CA_SERIAL
        ),
    )


REVOKED_SERIAL = 0xBAD1
REVOKED_LEGACY_SERIAL = 0xBAD2
REVOKED_CA_SERIAL = 0xBADCA
BLOCKED_SERIAL = 0xB10C
WORLD = _world()
BLOCKS = Blocks(
    frozenset({BLOCKED_SERIAL}),
    frozenset({sha256(public_der(WORLD.blocked_key)).digest()}),
)
ISSUERS = (
    "/C=DE/O=factory of tests/CN=Phone 0 SHA-256",
    "CN=Phone 1,O=factory of tests,C=DE",
    "/C=DE/O=factory of tests/CN=Phone 1 SHA-256",
    "/C=DE/O=factory of tests/CN=Phone 2 SHA-256",
    "/C=DE/O=factory of tests/CN=Phone 3 EC",
    "/C=DE/O=factory of tests/CN=Phone 4 SHA-256",
)


def options(directory: Path) -> dict[str, Any]:
    """The fields of ``HttpsOptions`` for these cases; writes files to *directory*."""
    world = WORLD
    directory.mkdir(parents=True, exist_ok=True)
    cas = directory / "factory-cas.pem"
    cas.write_bytes(
        b"".join(pem(ca.der) for ca in (world.root, world.legacy_root, world.second))
    )
    lists = {
        "issuing.crl": world.issuing.revokes(REVOKED_SERIAL),
        "root.crl": world.root.revokes(REVOKED_CA_SERIAL),
        "legacy.crl": pem(
            world.legacy_issuing.revokes(REVOKED_LEGACY_SERIAL), "X509 CRL"
        ),
    }
    for file, content in lists.items():
        (directory / file).write_bytes(content)
    return {
        "factory_cas": (cas,),
        "factory_issuers": ISSUERS,
        "crls": tuple(directory / file for file in lists),
        "legacy_roots": (key_digest(world.legacy_root).hex(),),
    }


def https_options(directory: Path, **more: object) -> HttpsOptions:
    """The options of these cases, with a certificate of the server in *directory*."""
    path = directory / "server.pem"
    path.write_bytes(b"".join(host("localhost")))
    path.chmod(0o600)
    fields = {**options(directory), "certificates": (path,), **more}
    return HttpsOptions.model_validate(fields)


def policy(directory: Path, blocks: Blocks = BLOCKS, **changes: Any) -> TrustPolicy:
    """The policy of these cases, by way of files in *directory*."""
    fields = {**options(directory), **changes}
    return policy_from_options(HttpsOptions(**fields), blocks)


def host(*names: str, key: Private | None = None) -> tuple[bytes, bytes]:
    """A self-signed certificate of a server for *names*, and its key, both PEM."""
    key = key or rsa_key()
    subject = common_name(names[0])
    maker = Authority(b"", key, subject)
    der = maker.issue(subject, key, extensions=(alternative_names(*names),))
    return pem(der), key_pem(key)


def phone(
    mac: int = MAC, issuing: Authority | None = None, key: Private | None = None
) -> tuple[tuple[bytes, ...], bytes]:
    """A good phone: its chain as it presents it, and its key in PEM."""
    issuing = issuing or WORLD.issuing
    key = key or WORLD.rsa_2048
    leaf = issuing.issue(common_name(f"{mac:012X}", PRINTABLE), key)
    return (leaf, issuing.der), key_pem(key)


@lru_cache(maxsize=1)
def twin() -> Authority:
    """A CA with the name of the issuing CA, of somebody else."""
    return WORLD.strangers_root.below(WORLD.issuing.subject)
