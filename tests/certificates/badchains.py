"""Certificates with a phone's name, from whom or in a state that nobody may trust."""

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bootwave.certificates.verdict import Problem
from tests.certificates import encoding
from tests.certificates.authorities import (
    DAY,
    IS_CA,
    RSA_512,
    YEAR,
    Authority,
    ca_name,
    key_pem,
    root,
    rsa_key,
)
from tests.certificates.case import Case
from tests.certificates.encoding import (
    CRL_SIGN,
    DIGITAL_SIGNATURE,
    KEY_CERT_SIGN,
    KEY_ENCIPHERMENT,
    SERVER_AUTH,
    Private,
    basic_constraints,
    common_name,
    extended_key_usage,
    extension,
    key_usage,
    pem,
    sequence,
    tlv,
)
from tests.certificates.factory import (
    BLOCKED_SERIAL,
    REVOKED_LEGACY_SERIAL,
    REVOKED_SERIAL,
    TEXT,
    WORLD,
    twin,
)


def bad_chains() -> list[Case]:
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
    bad("Ed25519", Problem.WEAK_KEY, key=ed25519.Ed25519PrivateKey.generate())

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
