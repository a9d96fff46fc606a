"""Paths: found among many, verified from the root down, and never for long."""

import time

import pytest

from bootwave.certificates import path as paths
from bootwave.certificates.parsed import Parsed
from bootwave.certificates.path import Authorities, Found
from bootwave.certificates.strength import MODERN
from bootwave.certificates.verdict import Problem
from bootwave.limits import MAX_TLS_CHAIN_CERTIFICATES, MAX_TLS_PATH_SIGNATURES
from tests.certificates.authorities import Authority, ca_name, root, rsa_key
from tests.certificates.encoding import basic_constraints, common_name
from tests.certificates.factory import TEXT, WORLD, phone, twin

TRUSTED = Authorities([Parsed(WORLD.root.der)], [])


def found(chain: tuple[bytes, ...], authorities: Authorities = TRUSTED) -> list[Found]:
    leaf, *others = map(Parsed, chain)
    return list(authorities.paths(leaf, others, lambda _: MODERN))


def subjects(one: Found) -> list[bytes]:
    return [each.subject for each in one.path]


def test_a_path_is_leaf_first_and_root_last() -> None:
    (only,) = found(phone()[0])
    assert subjects(only) == [
        common_name(TEXT).replace(b"\x0c\x0c", b"\x13\x0c"),
        WORLD.issuing.subject,
        WORLD.root.subject,
    ]
    assert (only.problem, only.is_signed) == (None, True)


def test_every_same_name_ca_is_tried() -> None:
    leaf, issuing = phone()[0]
    false = root(WORLD.root.subject).below(WORLD.issuing.subject)
    several = found((leaf, false.der, issuing))
    assert [each.problem for each in several] == [Problem.BAD_SIGNATURE, None]
    assert not several[0].is_signed


def test_configured_cas_need_not_be_sent() -> None:
    leaf, issuing = phone()[0]
    assert found((leaf,)) == []
    configured = Authorities([Parsed(WORLD.root.der)], [Parsed(issuing)])
    assert found((leaf,), configured)[0].problem is None


def test_an_issuing_ca_alone_is_no_root() -> None:
    leaf, issuing = phone()[0]
    assert found((leaf,), Authorities([], [Parsed(issuing)])) == []


def test_a_root_of_version_1_may_issue_since_it_is_trusted_by_hand() -> None:
    old = root(ca_name("factory of tests", "old"), extensions=(), version=1)
    chain = (old.issue(common_name(TEXT), WORLD.rsa_2048),)
    assert found(chain, Authorities([Parsed(old.der)], []))[0].problem is None
    modern = root(ca_name("factory of tests", "modern"), extensions=())
    chain = (modern.issue(common_name(TEXT), WORLD.rsa_2048),)
    trusted = Authorities([Parsed(modern.der)], [])
    assert found(chain, trusted)[0].problem is Problem.NOT_A_CA


def test_a_ca_that_changed_its_key_does_not_count_as_one_more() -> None:
    """RFC 5280 section 4.2.1.9: self-issued ones are not counted."""
    subject = ca_name("factory of tests", "changing")
    first = WORLD.root.below(
        subject, extensions=(basic_constraints(ca=True, path_length=0),)
    )
    second = first.below(subject)
    leaf = second.issue(common_name(TEXT), WORLD.rsa_2048)
    every = found((leaf, second.der, first.der))
    assert None in [each.problem for each in every]


def test_a_ca_sent_by_one_phone_is_known_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authorities = Authorities([Parsed(WORLD.root.der)], [])
    leaf, issuing = phone()[0]
    first = authorities.parsed(issuing)
    assert authorities.parsed(issuing) is not first
    assert list(authorities.paths(Parsed(leaf), [first], lambda _: MODERN))
    assert authorities.parsed(issuing) is first
    verified: list[object] = []
    real = paths.is_signed
    monkeypatch.setattr(
        paths, "is_signed", lambda *args: verified.append(0) or real(*args)
    )
    assert found(phone(0x000413000001)[0], authorities)[0].problem is None
    assert len(verified) == 1  # the leaf's
    false = twin()
    rogue = false.issue(common_name(TEXT), WORLD.rsa_2048)
    assert found((rogue, issuing), authorities)[0].problem is Problem.BAD_SIGNATURE


def test_what_is_remembered_of_cas_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MAX_TLS_PROVEN_CAS", 2)
    authorities = Authorities([Parsed(WORLD.root.der)], [])
    key = rsa_key()
    for number in range(4):
        ca = WORLD.root.below(ca_name("factory of tests", f"n{number}"), key)
        leaf = ca.issue(common_name(TEXT), WORLD.rsa_2048)
        assert found((leaf, ca.der), authorities)[0].problem is None
    assert len(authorities._proven) == 1 + 2
    assert len(authorities._signed) == 2


def test_same_name_cas_do_not_multiply_into_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of seven is signed by each of the others, as far as names go."""
    subject = WORLD.issuing.subject
    false = root(WORLD.root.subject)
    many: list[bytes] = []
    for number in range(MAX_TLS_CHAIN_CERTIFICATES - 1):
        key = rsa_key(1024)
        above = false if number == 0 else Authority(b"", rsa_key(1024), subject)
        many.append(above.issue(subject, key))
    leaf = Authority(b"", rsa_key(1024), subject).issue(
        common_name(TEXT), WORLD.rsa_2048
    )
    verified: list[object] = []
    real = paths.is_signed
    monkeypatch.setattr(
        paths, "is_signed", lambda *args: verified.append(0) or real(*args)
    )
    begun = time.process_time()
    assert all(each.problem is not None for each in found((leaf, *many)))
    assert time.process_time() - begun < 0.25
    assert len(verified) <= MAX_TLS_PATH_SIGNATURES
