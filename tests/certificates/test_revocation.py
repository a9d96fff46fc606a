"""Revocation lists: what they name, and whom they may speak for."""

import pytest

from bootwave.certificates.parsed import Parsed
from bootwave.certificates.revocation import (
    RevocationList,
    Revocations,
    lists_from_file,
)
from tests.certificates.authorities import DAY, NOW, ca_name
from tests.certificates.encoding import (
    KEY_CERT_SIGN,
    basic_constraints,
    extension,
    integer,
    key_usage,
    pem,
    public_der,
    sequence,
)
from tests.certificates.factory import WORLD, twin

ISSUING = Parsed(WORLD.issuing.der)


def test_a_list_names_serials_dates_and_its_issuer() -> None:
    each = RevocationList(WORLD.issuing.revokes(7, 9, 1 << 150), "a.crl")
    assert each.serials == {7, 9, 1 << 150}
    assert each.issuer == WORLD.issuing.subject
    assert each.issuer_text == "CN=Phone 1 SHA-256,O=factory of tests,C=DE"
    assert abs(each.this_update - NOW + DAY) <= 1
    assert each.next_update is not None
    assert abs(each.next_update - NOW - 30 * DAY) <= 1
    empty = RevocationList(WORLD.issuing.revokes(next_update=None), "b.crl")
    assert (empty.serials, empty.next_update) == (frozenset(), None)


def test_der_and_pem_files_hold_one_or_many() -> None:
    one, two = WORLD.issuing.revokes(1), WORLD.root.revokes(2)
    known = [ISSUING, Parsed(WORLD.root.der)]
    assert [e.serials for e in lists_from_file(one, "a", known)] == [{1}]
    both = pem(one, "X509 CRL") + b"text between\n" + pem(two, "X509 CRL")
    found = lists_from_file(both, "a", known)
    assert [each.serials for each in found] == [{1}, {2}]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        pem(b"garbage", "X509 CRL"),
        pem(WORLD.issuing.revokes(1), "X509 CRL")[:100],
        WORLD.issuing.revokes(1)[:-1],
        WORLD.issuing.der,
    ],
)
def test_what_is_no_list_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="is not a certificate revocation list"):
        lists_from_file(content, "a", [])


def test_delta_lists_and_lists_of_a_part_are_refused() -> None:
    delta = extension("2.5.29.27", integer(1), critical=True)
    with pytest.raises(ValueError, match="delta"):
        RevocationList(WORLD.issuing.revokes(extensions=[delta]), "a")
    part = extension("2.5.29.28", sequence(b"\x81\x01\xff"), critical=True)
    with pytest.raises(ValueError, match="critical"):
        RevocationList(WORLD.issuing.revokes(extensions=[part]), "a")


def test_a_list_with_a_number_is_an_ordinary_one() -> None:
    number = extension("2.5.29.20", integer(5))
    found = RevocationList(WORLD.issuing.revokes(3, extensions=[number]), "a")
    assert found.serials == {3}


def test_a_list_that_its_ca_did_not_sign_is_refused_where_that_ca_is_known() -> None:
    false = twin().revokes(1)
    with pytest.raises(ValueError, match="was not signed by CN=Phone 1 SHA-256"):
        lists_from_file(false, "a", [ISSUING])
    assert len(lists_from_file(false, "a", [])) == 1
    weak = WORLD.issuing.revokes(1, hash_name="md5")
    with pytest.raises(ValueError, match="was not signed"):
        lists_from_file(weak, "a", [ISSUING])


def test_a_ca_whose_key_may_not_sign_lists_signs_none() -> None:
    ca = WORLD.root.below(
        ca_name("factory of tests", "no lists"),
        extensions=(basic_constraints(ca=True), key_usage(KEY_CERT_SIGN)),
    )
    with pytest.raises(ValueError, match="was not signed"):
        lists_from_file(ca.revokes(1), "a", [Parsed(ca.der)])


def test_only_certificates_of_the_ca_that_signed_the_list_are_revoked() -> None:
    lists = Revocations([RevocationList(WORLD.issuing.revokes(7), "a")])
    key = public_der(WORLD.issuing.key)
    assert lists.has(WORLD.issuing.subject, key, 7)
    assert not lists.has(WORLD.issuing.subject, key, 8)
    assert not lists.has(WORLD.root.subject, public_der(WORLD.root.key), 7)
    assert not lists.has(WORLD.issuing.subject, public_der(twin().key), 7)
    assert not lists.has(WORLD.issuing.subject, b"no key", 7)


def test_a_ca_without_a_list_has_none_that_is_out_of_date() -> None:
    ended = RevocationList(WORLD.issuing.revokes(next_update=NOW - 60), "a")
    endless = RevocationList(WORLD.root.revokes(next_update=None), "b")
    lists = Revocations([ended, endless])
    key = public_der(WORLD.issuing.key)
    assert lists.are_outdated(WORLD.issuing.subject, key, NOW)
    assert not lists.are_outdated(WORLD.issuing.subject, key, NOW - 120)
    assert not lists.are_outdated(WORLD.issuing.subject, public_der(twin().key), NOW)
    root = WORLD.root
    assert not lists.are_outdated(root.subject, public_der(root.key), NOW)
    second = WORLD.second
    assert not lists.are_outdated(second.subject, public_der(second.key), NOW)


def test_old_cas_sign_lists_with_sha1() -> None:
    lists = Revocations([RevocationList(WORLD.legacy_issuing.revokes(7), "a")])
    key = public_der(WORLD.legacy_issuing.key)
    assert lists.has(WORLD.legacy_issuing.subject, key, 7)


def test_what_is_remembered_of_signers_is_bounded() -> None:
    each = RevocationList(WORLD.issuing.revokes(7), "a")
    others = [public_der(WORLD.p256), public_der(WORLD.rsa_2048)] * 20
    assert not any(each.is_signed_by(key) for key in others)
    assert each.is_signed_by(public_der(WORLD.issuing.key))
    assert len(each._signed_by) <= 16
