"""One certificate: what is read of it, and that nothing else is ever raised."""

from hashlib import sha256

import pytest

from bootwave.certificates.parsed import Parsed, parsed_from_pem
from bootwave.limits import MAX_TLS_CERTIFICATE_BYTES
from tests.certificates.authorities import NOW, YEAR
from tests.certificates.encoding import (
    CLIENT_AUTH,
    CRL_SIGN,
    DIGITAL_SIGNATURE,
    KEY_CERT_SIGN,
    SERVER_AUTH,
    basic_constraints,
    common_name,
    extended_key_usage,
    extension,
    key_usage,
    pem,
    public_der,
)
from tests.certificates.factory import TEXT, WORLD


def leaf(*extensions: bytes, version: int = 3) -> Parsed:
    return Parsed(
        WORLD.issuing.issue(
            common_name(TEXT),
            WORLD.rsa_2048,
            serial=0x1234,
            extensions=extensions,
            version=version,
        )
    )


def test_what_everybody_needs_is_read() -> None:
    found = leaf()
    assert found.serial == 0x1234
    assert found.version == 3
    assert leaf(version=1).version == 1
    assert found.key_der == public_der(WORLD.rsa_2048)
    assert found.key == sha256(found.key_der).digest()
    assert found.digest == sha256(found.der).digest()
    assert found.subject == common_name(TEXT)
    assert found.issuer == WORLD.issuing.subject
    assert found.issuer_text == "CN=Phone 1 SHA-256,O=factory of tests,C=DE"
    assert found.subject_text == f"CN={TEXT}"
    assert abs(found.not_after - NOW - YEAR) <= 1
    assert not found.is_self_issued
    assert Parsed(WORLD.root.der).is_self_issued


def test_roles_are_what_the_extensions_say() -> None:
    free = leaf().roles
    assert (free.is_ca, free.may_issue, free.path_length) == (False, False, None)
    assert free.may_sign_crls
    assert free.may_prove_itself
    assert free.is_for_clients
    assert not free.has_unknown_critical
    ca = leaf(basic_constraints(ca=True, path_length=3)).roles
    assert (ca.is_ca, ca.may_issue, ca.path_length) == (True, True, 3)
    crl_only = leaf(basic_constraints(ca=True), key_usage(CRL_SIGN)).roles
    assert (crl_only.may_issue, crl_only.may_sign_crls) == (False, True)
    signing = leaf(key_usage(DIGITAL_SIGNATURE, KEY_CERT_SIGN)).roles
    assert (signing.may_issue, signing.may_prove_itself) == (False, True)
    assert leaf(extended_key_usage(CLIENT_AUTH)).roles.is_for_clients
    assert not leaf(extended_key_usage(SERVER_AUTH)).roles.is_for_clients
    unknown = extension("1.2.3.4", b"\5\0", critical=True)
    assert leaf(unknown).roles.has_unknown_critical


@pytest.mark.parametrize(
    "wrong",
    [
        extension("2.5.29.19", b"\x30\x01"),
        extension("2.5.29.15", b"\5\0"),
        extension("2.5.29.37", b"\x30\x00"),
        extension("2.5.29.17", b"\x30\x02\x87\x00"),
    ],
)
def test_an_extension_that_is_malformed_is_refused_when_it_is_asked_for(
    wrong: bytes,
) -> None:
    found = leaf(wrong)
    with pytest.raises(ValueError, match="extension"):
        _ = found.roles


def test_an_rsa_key_by_which_every_signature_is_right_is_refused() -> None:
    """Written into the certificate, since no library makes one."""
    good = public_der(WORLD.rsa_2048)
    short = good.replace(b"\x02\x03\x01\x00\x01", b"\x02\x03\x00\x00\x01")
    assert short != good
    found = Parsed(WORLD.issuing.issue(common_name(TEXT), WORLD.rsa_2048, spki=short))
    with pytest.raises(ValueError, match="key"):
        _ = found.public_key


def test_size_is_bounded_before_anything_is_parsed() -> None:
    with pytest.raises(ValueError, match="too large"):
        Parsed(bytes(MAX_TLS_CERTIFICATE_BYTES + 1))
    with pytest.raises(ValueError, match="malformed"):
        Parsed(b"")


def test_a_pem_file_gives_its_certificates_in_order() -> None:
    text = (
        b"Subject: something\n" + pem(WORLD.root.der) + b"\n" + pem(WORLD.issuing.der)
    )
    found = parsed_from_pem(text)
    assert [each.der for each in found] == [WORLD.root.der, WORLD.issuing.der]
    assert parsed_from_pem(b"") == []
    assert parsed_from_pem(WORLD.root.der) == []
    with pytest.raises(ValueError, match="malformed"):
        parsed_from_pem(pem(b"garbage"))
