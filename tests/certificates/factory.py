"""A phone factory with good and bad habits: client certificates, and what each proves.

``WORLD`` holds the CAs and what the operator configured, ``CASES`` the certificates:

    case.name      what is special about it, unique
    case.chain     DER as the phone presents it, the leaf first
    case.key       the leaf's private key, PEM without password; b"" where there is none
    case.mac       the MAC it must prove, 0 for none
    case.problem   the ``Problem`` it must have, None when it proves ``mac``
    case.denies    whether every request of its connection must be denied
    case.loads     whether TLS programs can load and present it: not where it is
                   malformed, or so large that TLS refuses the message

``policy()`` is the ``TrustPolicy`` the expectations are for; ``options(directory)``
writes its files and returns the fields of ``HttpsOptions`` for it, so that a server can
be started with them, and ``BLOCKS`` are the blocks to give either.  ``host()`` makes a
certificate for the server itself.

Times count from ``NOW``, the moment of import, because TLS programs look at the clock.
Keys are made anew in each run, one for many certificates: making them takes long.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bootwave.certificates.blocks import Blocks
from bootwave.certificates.loading import policy_from_options
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.verdict import Problem
from bootwave.options import HttpsOptions
from tests.certificates import encoding
from tests.certificates.encoding import (
    BMP,
    CLIENT_AUTH,
    CN,
    COUNTRY,
    CRL_SIGN,
    DIGITAL_SIGNATURE,
    IA5,
    KEY_CERT_SIGN,
    KEY_ENCIPHERMENT,
    ORG,
    OU,
    PRINTABLE,
    SERIAL_NUMBER,
    SERVER_AUTH,
    T61,
    UNIVERSAL,
    Attribute,
    Private,
    alternative_names,
    basic_constraints,
    common_name,
    extended_key_usage,
    extension,
    key_usage,
    name,
    pem,
    public_der,
    sequence,
    tlv,
)

NOW = time.time()
DAY = 86_400.0
YEAR = 365 * DAY
MAC = 0x0004132E08B4
TEXT = "0004132E08B4"
OTHER_MAC = 0x000413AABBCC

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


@dataclass(frozen=True)
class Case:
    """One certificate; see above."""

    name: str
    chain: tuple[bytes, ...]
    key: bytes
    mac: int = 0
    problem: Problem | None = None
    denies: bool = False
    loads: bool = True

    def __str__(self) -> str:
        return self.name


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


def policy(directory: Path, blocks: Blocks = BLOCKS, **changes: Any) -> TrustPolicy:
    """The policy of these cases, by way of files in *directory*."""
    fields = {**options(directory), **changes}
    return policy_from_options(HttpsOptions(**fields), blocks)


def key_digest(authority: Authority) -> bytes:
    """SHA-256 of the SubjectPublicKeyInfo."""
    return sha256(public_der(authority.key)).digest()


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


def _good() -> list[Case]:
    world = WORLD
    made: list[Case] = []

    def good(
        case: str,
        subject: bytes = common_name(TEXT),
        *,
        key: Private = world.rsa_2048,
        by: Authority = world.issuing,
        sends: Sequence[bytes] | None = None,
        mac: int = MAC,
        **more: Any,
    ) -> None:
        rest = (by.der,) if sends is None else sends
        chain = (by.issue(subject, key, **more), *rest)
        made.append(Case(case, chain, key_pem(key), mac))

    good("upper case", common_name("0004132E08B4"))
    good("lower case", common_name("0004132e08b4"))
    good("mixed case", common_name("0004132e08B4"))
    good("colons", common_name("00:04:13:2E:08:B4"))
    good("colons, lower case", common_name("00:04:13:2e:08:b4"))
    good("dashes", common_name("00-04-13-2E-08-B4"))
    good("one dash in the middle", common_name("000413-2E08B4"))
    good("PrintableString", common_name(TEXT, PRINTABLE))
    good("T61String", common_name(TEXT, T61))
    good("IA5String", common_name(TEXT, IA5))
    good("another phone's MAC", common_name("000413AABBCC"), mac=OTHER_MAC)
    good(
        "a subject with other attributes",
        name(
            Attribute(COUNTRY, "DE", PRINTABLE),
            Attribute(ORG, "snom"),
            Attribute(CN, TEXT),
        ),
    )
    good("the common name first", name(Attribute(CN, TEXT), Attribute(OU, "D785")))
    good(
        "/CN= of another MAC in the organizational unit",
        name(Attribute(OU, "x/CN=000413AABBCC"), Attribute(CN, TEXT)),
    )
    good(
        ", CN= of another MAC in the organization",
        name(Attribute(ORG, "x, CN=000413AABBCC"), Attribute(CN, TEXT)),
    )
    good("P-256 leaf", key=world.p256)
    good("P-384 issuing CA", key=world.p256, by=world.ec_issuing)
    good("RSA leaf of an EC CA", by=world.ec_issuing)
    good("RSA-3072 leaf", key=rsa_key(3072))
    good("SHA-384", hash_name="sha384")
    good("SHA-512", hash_name="sha512")
    good("version 1", version=1)
    good(
        "RSA-1024 and SHA-1 below the pinned root",
        key=world.rsa_1024,
        by=world.legacy_issuing,
    )
    good(
        "RSA-2048 and SHA-256 below the pinned root",
        by=world.legacy_issuing,
        hash_name="sha256",
    )
    good("the root sent along", sends=(world.issuing.der, world.root.der))
    good(
        "strangers sent along, in any order",
        sends=(world.strangers_root.der, world.root.der, world.issuing.der),
    )
    good("the issuing CA sent twice", sends=(world.issuing.der, world.issuing.der))
    good(
        "a same-name CA with another key sent along",
        sends=(twin().der, world.issuing.der),
    )
    good("garbage sent along", sends=(b"garbage", world.issuing.der))
    good("the issuing CA configured, not sent", by=world.second, sends=())
    good("for clients", extensions=(extended_key_usage(CLIENT_AUTH),))
    good(
        "for clients and servers",
        extensions=(extended_key_usage(SERVER_AUTH, CLIENT_AUTH),),
    )
    good("for signatures", extensions=(key_usage(DIGITAL_SIGNATURE),))
    good("no CA, said outright", extensions=(basic_constraints(ca=False),))
    good(
        "a critical alternative name",
        extensions=(alternative_names("phone.example.com", critical=True),),
    )
    good(
        "an alternative name with another MAC",
        extensions=(alternative_names("000413aabbcc"),),
    )
    good("an unknown extension", extensions=(extension("1.3.6.1.4.1.7526.1", b"\5\0"),))
    good("serial number of 20 octets", serial=1 << 152)
    good("valid until 2060", until=34 * YEAR)
    garbage = {case.name for case in made if b"garbage" in case.chain}
    return [Case(**{**vars(case), "loads": case.name not in garbage}) for case in made]


@lru_cache(maxsize=1)
def twin() -> Authority:
    """A CA with the name of the issuing CA, of somebody else."""
    return WORLD.strangers_root.below(WORLD.issuing.subject)


def _bad_names() -> list[Case]:
    world = WORLD
    subjects = {
        "empty subject": name(),
        "no common name": name(
            Attribute(ORG, "snom"), Attribute(COUNTRY, "DE", PRINTABLE)
        ),
        "two common names": name(Attribute(CN, TEXT), Attribute(CN, "000413AABBCC")),
        "the same common name twice": name(Attribute(CN, TEXT), Attribute(CN, TEXT)),
        "two common names in one part": name(
            [Attribute(CN, "000413AABBCC"), Attribute(CN, TEXT)]
        ),
        "common name and organization in one part": name(
            [Attribute(CN, TEXT), Attribute(ORG, "snom")]
        ),
        "an empty common name": common_name(""),
        "NUL and a domain behind the MAC": common_name(f"{TEXT}\0.evil.example"),
        "NUL at the end": common_name(f"{TEXT}\0"),
        "NUL in the middle": common_name("000413\x002E08B4"),
        "line feed at the end": common_name(f"{TEXT}\n"),
        "space before": common_name(f" {TEXT}"),
        "space behind": common_name(f"{TEXT} "),
        "spaces between": common_name("00 04 13 2E 08 B4"),
        "dots between": common_name("0004.132E.08B4"),
        "11 digits": common_name(TEXT[:11]),
        "13 digits": common_name(TEXT + "0"),
        "24 digits": common_name(TEXT * 2),
        "only separators": common_name(":-:-:-:-:-:-"),
        "0x before": common_name("0x0004132E08"),
        "Cyrillic look-alike": common_name("0004132\u041508B4"),
        "Greek look-alike": common_name("0004132\u039508B4"),
        "full-width digits": common_name("\uff10004132E08B4"),
        "Arabic-Indic digits": common_name("\u0660\u0660\u0660\u0664132E08B4"),
        "zero-width space": common_name("000413\u200b2E08B4"),
        "zero-width joiner at the end": common_name(f"{TEXT}\u200d"),
        "right-to-left override": common_name(f"\u202e{TEXT}"),
        "soft hyphen": common_name("000413\u00ad2E08B4"),
        "wildcard": common_name("*"),
        "wildcard for a block": common_name("000413******"),
        "wildcard host": common_name("*.snom.com"),
        "question marks": common_name("000413??????"),
        "/CN= within the organization": name(Attribute(ORG, f"snom/CN={TEXT}")),
        "CN= within the common name": common_name(f"CN={TEXT}"),
        "a DN as common name": common_name(f"x,CN={TEXT}"),
        "a DN with slashes as common name": common_name(f"x/CN={TEXT}"),
        "percent-encoded": common_name("%30004132E08B4"),
        "BMPString": common_name(TEXT.encode("utf-16-be"), BMP),
        "BMPString of the octets of the MAC": common_name(TEXT, BMP),
        "UniversalString": common_name(TEXT.encode("utf-32-be"), UNIVERSAL),
        "the MAC as serial number of the subject": name(Attribute(SERIAL_NUMBER, TEXT)),
        "no device's MAC": common_name("000000000000"),
        "the broadcast MAC": common_name("FFFFFFFFFFFF"),
        "a multicast MAC": common_name("01005E0001AB"),
        "a host": common_name("phone.example.com"),
        "a long common name": common_name("0" * 60 + TEXT),
    }
    cases = []
    for case, subject in subjects.items():
        chain = (world.issuing.issue(subject, world.rsa_2048), world.issuing.der)
        cases.append(Case(case, chain, key_pem(world.rsa_2048), 0, Problem.NO_MAC))
    only_in_san = world.issuing.issue(
        name(), world.rsa_2048, extensions=(alternative_names(TEXT, critical=True),)
    )
    cases.append(
        Case(
            "the MAC as alternative name only",
            (only_in_san, world.issuing.der),
            key_pem(world.rsa_2048),
            0,
            Problem.NO_MAC,
        )
    )
    return cases


def _bad_chains() -> list[Case]:
    world = WORLD
    made: list[Case] = []
    subject = common_name(TEXT)

    def bad(
        case: str,
        problem: Problem,
        *,
        by: Authority = world.issuing,
        key: Private = world.rsa_2048,
        sends: Sequence[bytes] | None = None,
        denies: bool = False,
        loads: bool = True,
        **more: Any,
    ) -> None:
        rest = (by.der,) if sends is None else sends
        chain = (by.issue(subject, key, **more), *rest)
        made.append(Case(case, chain, key_pem(key), 0, problem, denies, loads))

    rogue = root(subject, world.rsa_2048, extensions=())
    made.append(
        Case("self-signed", (rogue.der,), key_pem(world.rsa_2048), 0, Problem.NO_PATH)
    )
    bad("another CA", Problem.NO_PATH, by=world.strangers_root)
    stranger = world.strangers_root.below(ca_name("stranger", "Phone 1 SHA-256"))
    bad("another CA's issuing CA", Problem.NO_PATH, by=stranger)
    bad("same-name CA with another key", Problem.NO_PATH, by=twin())
    bad(
        "same-name CA with another key, the right one sent",
        Problem.BAD_SIGNATURE,
        by=twin(),
        sends=(world.issuing.der,),
    )
    false_root = root(world.root.subject)
    false_issuing = false_root.below(world.issuing.subject)
    bad("same-name root with another key", Problem.BAD_SIGNATURE, by=false_issuing)
    bad(
        "same-name root with another key sent along",
        Problem.BAD_SIGNATURE,
        by=false_issuing,
        sends=(false_issuing.der, false_root.der),
    )
    bad("missing intermediate", Problem.NO_PATH, sends=())
    bad(
        "the root instead of the intermediate", Problem.NO_PATH, sends=(world.root.der,)
    )

    bad("expired", Problem.EXPIRED, since=-YEAR, until=-DAY)
    bad("expired a minute ago", Problem.EXPIRED, until=-60)
    bad("not yet valid", Problem.NOT_YET_VALID, since=DAY)
    bad("expired issuing CA", Problem.EXPIRED, by=world.expired_issuing)
    bad("revoked", Problem.REVOKED, serial=REVOKED_SERIAL, denies=True)
    bad(
        "revoked below the pinned root",
        Problem.REVOKED,
        by=world.legacy_issuing,
        key=world.rsa_1024,
        serial=REVOKED_LEGACY_SERIAL,
        denies=True,
    )
    bad(
        "revoked and expired",
        Problem.REVOKED,
        serial=REVOKED_SERIAL,
        until=-DAY,
        since=-YEAR,
        denies=True,
    )
    bad("revoked issuing CA", Problem.REVOKED, by=world.revoked_issuing, denies=True)
    bad("blocked serial", Problem.BLOCKED, serial=BLOCKED_SERIAL, denies=True)
    bad("blocked key", Problem.BLOCKED, key=world.blocked_key, denies=True)
    bad(
        "blocked key of a stranger's certificate",
        Problem.BLOCKED,
        by=world.strangers_root,
        key=world.blocked_key,
        denies=True,
    )
    bad(
        "another CA's certificate with a revoked serial",
        Problem.NO_PATH,
        by=world.strangers_root,
        serial=REVOKED_SERIAL,
    )

    bad("SHA-1", Problem.WEAK_SIGNATURE, hash_name="sha1")
    bad("MD5", Problem.WEAK_SIGNATURE, hash_name="md5")
    bad(
        "MD5 below the pinned root",
        Problem.WEAK_SIGNATURE,
        by=world.legacy_issuing,
        key=world.rsa_1024,
        hash_name="md5",
    )
    sha1_issuing = world.root.below(world.issuing.subject, hash_name="sha1")
    bad("SHA-1 issuing CA", Problem.WEAK_SIGNATURE, by=sha1_issuing)
    md5_issuing = world.legacy_root.below(world.legacy_issuing.subject, hash_name="md5")
    bad("MD5 issuing CA below the pinned root", Problem.WEAK_SIGNATURE, by=md5_issuing)
    bad(
        "SHA-1 with ECDSA",
        Problem.WEAK_SIGNATURE,
        by=world.ec_issuing,
        hash_name="sha1",
    )
    small = load_pem_private_key(RSA_512, None)
    assert isinstance(small, rsa.RSAPrivateKey)
    bad("RSA-512", Problem.WEAK_KEY, key=small)
    bad(
        "RSA-512 below the pinned root",
        Problem.WEAK_KEY,
        key=small,
        by=world.legacy_issuing,
    )
    bad("RSA-1024", Problem.WEAK_KEY, key=world.rsa_1024)
    weak_issuing = world.root.below(world.issuing.subject, world.rsa_1024)
    bad("RSA-1024 issuing CA", Problem.WEAK_KEY, by=weak_issuing)
    bad("P-224", Problem.WEAK_KEY, key=ec.generate_private_key(ec.SECP224R1()))
    bad("secp256k1", Problem.WEAK_KEY, key=ec.generate_private_key(ec.SECP256K1()))
    bad("Ed25519", Problem.WEAK_KEY, key=_ed25519())

    bad(
        "for servers",
        Problem.WRONG_USAGE,
        extensions=(extended_key_usage(SERVER_AUTH),),
    )
    bad(
        "for encipherment only",
        Problem.WRONG_USAGE,
        extensions=(key_usage(KEY_ENCIPHERMENT),),
    )
    bad("a CA", Problem.LEAF_IS_CA, extensions=(IS_CA,))
    bad(
        "a CA for client certificates",
        Problem.LEAF_IS_CA,
        extensions=(
            basic_constraints(ca=True, critical=True),
            key_usage(DIGITAL_SIGNATURE, KEY_CERT_SIGN),
        ),
    )
    bad(
        "an unknown critical extension",
        Problem.UNKNOWN_EXTENSION,
        extensions=(extension("1.3.6.1.4.1.7526.1", b"\5\0", critical=True),),
    )
    servers = world.root.below(
        world.issuing.subject, extensions=(IS_CA, extended_key_usage(SERVER_AUTH))
    )
    bad("issuing CA for servers", Problem.WRONG_USAGE, by=servers)
    constrained = world.root.below(
        world.issuing.subject,
        extensions=(
            IS_CA,
            extension(
                "2.5.29.30",
                sequence(tlv(0xA0, sequence(tlv(0x82, b"example.com")))),
                critical=True,
            ),
        ),
    )
    bad("issuing CA with name constraints", Problem.UNKNOWN_EXTENSION, by=constrained)

    other_phone = common_name("000413AABBCC")
    as_issuer = Authority(
        world.issuing.issue(other_phone, world.p256), world.p256, other_phone
    )
    bad(
        "issued by a phone's certificate",
        Problem.NOT_A_CA,
        by=as_issuer,
        sends=(as_issuer.der, world.issuing.der),
    )
    version_1 = world.root.below(world.issuing.subject, extensions=(), version=1)
    bad("issuing CA of version 1", Problem.NOT_A_CA, by=version_1)
    not_signing = world.root.below(
        world.issuing.subject, extensions=(IS_CA, key_usage(CRL_SIGN))
    )
    bad(
        "issuing CA whose key may not sign certificates",
        Problem.NOT_A_CA,
        by=not_signing,
    )
    last = world.root.below(
        ca_name("factory of tests", "last"),
        extensions=(basic_constraints(ca=True, path_length=0),),
    )
    beyond = last.below(world.issuing.subject)
    bad(
        "a CA below one that allows none",
        Problem.PATH_TOO_LONG,
        by=beyond,
        sends=(beyond.der, last.der),
    )
    deep = world.root
    chain: list[bytes] = []
    for number in range(6):
        deep = deep.below(ca_name("factory of tests", f"depth {number}"))
        chain.insert(0, deep.der)
    bad("a path of eight", Problem.NO_PATH, by=deep, sends=chain)
    ring_a = Authority(b"", rsa_key(), ca_name("ring", "a"))
    ring_b = Authority(b"", rsa_key(), ca_name("ring", "b"))
    ring_a.der = ring_b.issue(ring_a.subject, ring_a.key, extensions=(IS_CA,))
    ring_b.der = ring_a.issue(ring_b.subject, ring_b.key, extensions=(IS_CA,))
    bad("CAs in a ring", Problem.NO_PATH, by=ring_a, sends=(ring_a.der, ring_b.der))
    others = world.root.below(ca_name("factory of tests", "Door openers"))
    bad("another CA below the right root", Problem.OTHER_ISSUER, by=others)
    similar = world.root.below(ca_name("factory of tests", "Phone 1 SHA-256 "))
    bad("an issuer's name with a space behind", Problem.OTHER_ISSUER, by=similar)
    bad("issued by the root itself", Problem.OTHER_ISSUER, by=world.root)

    bad(
        "algorithms that disagree",
        Problem.BAD_SIGNATURE,
        claimed=encoding.algorithm(world.rsa_2048, "sha512"),
        loads=False,
    )
    leaf = world.issuing.issue(subject, world.rsa_2048)

    def raw(case: str, problem: Problem, *chain: bytes, loads: bool = False) -> None:
        made.append(Case(case, chain, key_pem(world.rsa_2048), 0, problem, loads=loads))

    raw(
        "a wrong signature",
        Problem.BAD_SIGNATURE,
        leaf[:-1] + bytes([leaf[-1] ^ 1]),
        world.issuing.der,
        loads=True,
    )
    raw(
        "another MAC written into a signed certificate",
        Problem.BAD_SIGNATURE,
        leaf.replace(TEXT.encode(), b"000413AABBCC"),
        world.issuing.der,
        loads=True,
    )
    raw("nothing", Problem.NO_PATH)
    raw("no octets", Problem.NOT_DER, b"")
    raw("garbage", Problem.NOT_DER, b"garbage", world.issuing.der)
    raw("cut short", Problem.NOT_DER, leaf[:-5], world.issuing.der)
    raw("an octet behind", Problem.NOT_DER, leaf + b"\0", world.issuing.der)
    raw("PEM instead of DER", Problem.NOT_DER, pem(leaf), world.issuing.der)
    twice = world.issuing.issue(
        subject,
        world.rsa_2048,
        extensions=(basic_constraints(ca=False), basic_constraints(ca=False)),
    )
    raw("an extension twice", Problem.NOT_DER, twice, world.issuing.der)
    not_utf8 = world.issuing.issue(
        common_name(b"\xff\xfe" + TEXT.encode()), world.rsa_2048
    )
    raw("a common name that is not UTF-8", Problem.NO_MAC, not_utf8, world.issuing.der)
    bulky = world.issuing.issue(
        subject,
        world.rsa_2048,
        extensions=(extension("1.3.6.1.4.1.7526.1", tlv(4, bytes(20_000))),),
    )
    raw("huge", Problem.TOO_MUCH, bulky, world.issuing.der, loads=True)
    raw(
        "nine certificates",
        Problem.TOO_MUCH,
        leaf,
        *[world.issuing.der] * 8,
        loads=True,
    )
    return made


def _ed25519() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


CASES: tuple[Case, ...] = (*_good(), *_bad_names(), *_bad_chains())
