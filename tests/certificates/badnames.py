"""Certificates of the factory whose subject is no MAC."""

from bootwave.certificates.verdict import Problem
from tests.certificates.authorities import key_pem
from tests.certificates.case import Case
from tests.certificates.encoding import (
    BMP,
    CN,
    COUNTRY,
    ORG,
    PRINTABLE,
    SERIAL_NUMBER,
    UNIVERSAL,
    Attribute,
    alternative_names,
    common_name,
    name,
)
from tests.certificates.factory import TEXT, WORLD


def bad_names() -> list[Case]:
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
