"""Certificates that prove a MAC, in all the forms in which phones have one."""

from collections.abc import Sequence
from typing import Any

from tests.certificates.authorities import YEAR, Authority, key_pem, rsa_key
from tests.certificates.case import Case
from tests.certificates.encoding import (
    CLIENT_AUTH,
    CN,
    COUNTRY,
    DIGITAL_SIGNATURE,
    IA5,
    ORG,
    OU,
    PRINTABLE,
    SERVER_AUTH,
    T61,
    Attribute,
    Private,
    alternative_names,
    basic_constraints,
    common_name,
    extended_key_usage,
    extension,
    key_usage,
    name,
)
from tests.certificates.factory import MAC, OTHER_MAC, TEXT, WORLD, twin


def good_cases() -> list[Case]:
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
