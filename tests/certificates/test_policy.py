"""What a certificate proves: every certificate of the factory, and what changes it."""

import warnings
from hashlib import sha256
from pathlib import Path

import pytest

from bootwave.certificates.blocks import NO_BLOCKS, Blocks
from bootwave.certificates.path import Authorities
from bootwave.certificates.policy import (
    CA_KEY_TOO_SMALL,
    CA_MD_TOO_WEAK,
    CERT_HAS_EXPIRED,
    EE_KEY_TOO_SMALL,
    TrustPolicy,
)
from bootwave.certificates.verdict import Problem, Verdict
from tests.certificates import authorities, encoding, factory
from tests.certificates.authorities import DAY, NOW, YEAR
from tests.certificates.case import Case
from tests.certificates.cases import CASES
from tests.certificates.factory import MAC, WORLD


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> TrustPolicy:
    return factory.policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


def case(name: str) -> Case:
    return next(each for each in CASES if each.name == name)


def found(verdict: Verdict) -> tuple[int, Problem | None, bool]:
    return verdict.mac, verdict.problem, verdict.denies


def test_there_are_at_least_sixty_certificates_each_with_a_name_of_its_own() -> None:
    assert len({each.name for each in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_certificate_proves_what_it_should(policy: TrustPolicy, case: Case) -> None:
    verdict = policy.judge(case.chain, NOW)
    assert found(verdict) == (case.mac, case.problem, case.denies)
    assert (verdict.mac == 0) == (verdict.problem is not None)
    assert not (verdict.mac and verdict.denies)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_factory_cas_no_certificate_proves_anything(case: Case) -> None:
    verdict = TrustPolicy(Authorities((), ())).judge(case.chain, NOW)
    assert not verdict.mac
    assert not verdict.denies


def test_what_the_leaf_says_of_itself_is_told(policy: TrustPolicy) -> None:
    leaf = WORLD.issuing.issue(
        encoding.common_name(factory.TEXT), WORLD.rsa_2048, serial=0xABCDEF
    )
    verdict = policy.judge((leaf, WORLD.issuing.der), NOW)
    assert verdict.serial == 0xABCDEF
    assert verdict.issuer == "CN=Phone 1 SHA-256,O=factory of tests,C=DE"
    assert abs(verdict.not_after - NOW - YEAR) <= 1
    assert verdict.leaf == sha256(leaf).digest()
    assert verdict.key == sha256(encoding.public_der(WORLD.rsa_2048)).digest()
    assert not verdict.legacy


def test_a_proof_by_weak_algorithms_says_so(policy: TrustPolicy) -> None:
    for name in (
        "RSA-1024 and SHA-1 below the pinned root",
        "RSA-2048 and SHA-256 below the pinned root",  # whose own key is weak
    ):
        assert policy.judge(case(name).chain, NOW).legacy


def test_weak_algorithms_prove_nothing_below_a_root_that_is_not_pinned(
    directory: Path,
) -> None:
    strict = factory.policy(directory, legacy_roots=())
    weak = case("RSA-1024 and SHA-1 below the pinned root")
    assert strict.judge(weak.chain, NOW).problem is Problem.WEAK_KEY
    assert strict.judge(case("upper case").chain, NOW).mac == MAC
    assert strict.tolerated == frozenset()


def test_expired_certificates_prove_something_where_that_is_asked_for(
    directory: Path,
) -> None:
    lenient = factory.policy(directory, expired="accept")
    for name in ("expired", "expired issuing CA", "expired a minute ago"):
        verdict = lenient.judge(case(name).chain, NOW)
        assert (verdict.mac, verdict.expired) == (MAC, True)
    assert not lenient.judge(case("upper case").chain, NOW).expired
    for name in ("not yet valid", "revoked and expired"):
        verdict = lenient.judge(case(name).chain, NOW)
        assert found(verdict) == (0, case(name).problem, case(name).denies)
        assert not verdict.expired


def test_errors_of_tls_are_tolerated_only_where_they_are_judged_here(
    policy: TrustPolicy, directory: Path
) -> None:
    weak = {EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK}
    assert policy.tolerated == weak
    assert factory.policy(directory, expired="accept").tolerated == {
        *weak,
        CERT_HAS_EXPIRED,
    }


def test_a_verdict_that_tls_refused_has_no_identity_and_never_gets_one(
    policy: TrustPolicy,
) -> None:
    refused = policy.judge(case("upper case").chain, NOW).refused_by_tls()
    assert found(refused) == (0, Problem.TLS_REFUSED, False)
    assert found(policy.again(refused, NOW)) == (0, Problem.TLS_REFUSED, False)
    revoked = policy.judge(case("revoked").chain, NOW).refused_by_tls()
    assert found(revoked) == (0, Problem.REVOKED, True)
    assert found(policy.again(revoked, NOW)) == (0, Problem.REVOKED, True)


@pytest.mark.parametrize("name", ["expired", "expired issuing CA", "not yet valid"])
def test_what_tls_refused_for_its_dates_says_so_later_too(
    policy: TrustPolicy, name: str
) -> None:
    refused = policy.judge(case(name).chain, NOW).refused_by_tls()
    wanted = 0, case(name).problem, False
    assert found(refused) == wanted
    assert found(policy.again(refused, NOW + 1)) == wanted
    # No date makes good what TLS refused.
    for at in (NOW - DAY / 2, NOW - 5 * YEAR, NOW + 2 * DAY, NOW + 20 * YEAR):
        assert policy.again(refused, at).mac == 0


def test_time_ends_a_verdict_and_begins_it(policy: TrustPolicy) -> None:
    verdict = policy.judge(case("upper case").chain, NOW)
    assert policy.again(verdict, NOW + YEAR + 1).problem is Problem.EXPIRED
    assert policy.again(verdict, NOW - 2 * DAY).problem is Problem.NOT_YET_VALID
    early = policy.judge(case("not yet valid").chain, NOW)
    assert policy.again(early, NOW + 2 * DAY).mac == MAC


@pytest.mark.parametrize(
    "which", ["serial", "key", "serial of the CA", "key of the CA"]
)
def test_a_block_denies_and_its_end_restores(policy: TrustPolicy, which: str) -> None:
    verdict = policy.judge(case("upper case").chain, NOW)
    link = verdict.links[1 if "CA" in which else 0]
    blocks = (
        Blocks(serials=frozenset({link.serial}))
        if "serial" in which
        else Blocks(keys=frozenset({link.key}))
    )
    blocking = policy.with_blocks(blocks)
    assert found(blocking.again(verdict, NOW)) == (0, Problem.BLOCKED, True)
    denied = blocking.judge(case("upper case").chain, NOW)
    assert found(denied) == (0, Problem.BLOCKED, True)
    assert policy.with_blocks(NO_BLOCKS).again(denied, NOW).mac == MAC


def test_a_revocation_list_that_came_later_denies(directory: Path) -> None:
    chain, _ = factory.phone()
    before = factory.policy(directory / "before")
    verdict = before.judge(chain, NOW)
    assert verdict.mac == MAC
    later = directory / "later.crl"
    later.write_bytes(WORLD.issuing.revokes(verdict.serial))
    after = factory.policy(directory / "after", crls=(later,))
    assert found(after.again(verdict, NOW)) == (0, Problem.REVOKED, True)


def test_a_revocation_list_that_is_out_of_date_still_revokes(directory: Path) -> None:
    chain, _ = factory.phone()
    serial = factory.policy(directory / "a").judge(chain, NOW).serial
    old = directory / "old.crl"
    old.write_bytes(WORLD.issuing.revokes(serial, next_update=NOW - 60))
    policy = factory.policy(directory / "b", crls=(old,))
    assert found(policy.judge(chain, NOW)) == (0, Problem.REVOKED, True)


def outdated(directory: Path, **more: object) -> TrustPolicy:
    """A policy whose list of the phones' CA ends sixty seconds from now."""
    crl = directory / "ending.crl"
    crl.write_bytes(WORLD.issuing.revokes(1, next_update=NOW + 60))
    return factory.policy(directory / "outdated", crls=(crl,), **more)


def test_below_a_ca_whose_list_is_out_of_date_nothing_is_proven(
    directory: Path,
) -> None:
    policy = outdated(directory)
    chain, _ = factory.phone()
    verdict = policy.judge(chain, NOW + 59)
    assert verdict.mac == MAC
    lapsed = 0, Problem.CRL_OUTDATED, False
    assert found(policy.again(verdict, NOW + 62)) == lapsed
    late = policy.judge(chain, NOW + 62)
    assert found(late) == lapsed
    fresh = factory.policy(directory / "fresh")
    assert fresh.again(late, NOW + 62).mac == MAC
    # The other CAs of the factory go on.
    for issuing in (WORLD.second, WORLD.ec_issuing):
        others, _ = factory.phone(issuing=issuing)
        assert policy.judge(others, NOW + 62).mac == MAC


def test_a_list_of_the_root_that_is_out_of_date_ends_all_below_it(
    directory: Path,
) -> None:
    crl = directory / "root.crl"
    crl.write_bytes(WORLD.root.revokes(1, next_update=NOW - 60))
    policy = factory.policy(directory / "a", crls=(crl,))
    verdict = policy.judge(factory.phone()[0], NOW)
    assert verdict.problem is Problem.CRL_OUTDATED


def test_one_list_of_a_ca_that_is_current_is_enough(directory: Path) -> None:
    new = directory / "new.crl"
    new.write_bytes(WORLD.issuing.revokes(1, next_update=NOW + DAY))
    old = directory / "old.crl"
    old.write_bytes(WORLD.issuing.revokes(1, next_update=NOW - DAY))
    chain, _ = factory.phone()
    for crls in ((new, old), (old, new)):
        policy = factory.policy(directory / "both", crls=crls)
        assert policy.judge(chain, NOW).mac == MAC
    # One that a stranger made in the name of the CA is none.
    new.write_bytes(factory.twin().revokes(1, next_update=NOW + DAY))
    policy = factory.policy(directory / "false", crls=(new, old))
    assert policy.judge(chain, NOW).problem is Problem.CRL_OUTDATED


def test_what_ends_a_certificate_for_ever_is_told_before_its_list(
    directory: Path,
) -> None:
    chain, _ = factory.phone()
    policy = outdated(directory)
    verdict = policy.judge(chain, NOW)
    assert policy.again(verdict, NOW + YEAR + 1).problem is Problem.EXPIRED
    lenient = outdated(directory, expired="accept")
    late = lenient.again(verdict, NOW + YEAR + 1)
    assert late.problem is Problem.CRL_OUTDATED
    assert not late.expired


def test_a_list_that_is_out_of_date_is_only_told_where_that_is_asked_for(
    directory: Path,
) -> None:
    policy = outdated(directory, outdated_crls="warn")
    assert policy.judge(factory.phone()[0], NOW + 62).mac == MAC


def test_a_revocation_list_of_a_same_name_ca_revokes_nothing(directory: Path) -> None:
    chain, _ = factory.phone()
    serial = factory.policy(directory / "a").judge(chain, NOW).serial
    false = directory / "false.crl"
    false.write_bytes(factory.twin().revokes(serial))
    policy = factory.policy(directory / "b", crls=(false,))
    assert policy.judge(chain, NOW).mac == MAC


def test_verdicts_of_other_factory_cas_prove_nothing(
    policy: TrustPolicy, directory: Path
) -> None:
    other = factory.policy(directory, factory_issuers=())
    assert other.generation != policy.generation
    verdict = policy.judge(case("upper case").chain, NOW)
    assert other.again(verdict, NOW).problem is Problem.OUTDATED
    same = factory.policy(directory, blocks=NO_BLOCKS, expired="accept", crls=())
    assert same.generation == policy.generation


def test_without_issuers_any_ca_below_a_root_that_is_not_snoms_may_issue(
    directory: Path,
) -> None:
    open_ = factory.policy(directory, factory_issuers=())
    for name in ("another CA below the right root", "issued by the root itself"):
        assert open_.judge(case(name).chain, NOW).mac == MAC


def test_one_path_of_several_is_enough(directory: Path) -> None:
    """A CA that was signed twice, the first time with an end in the past."""
    key = authorities.rsa_key()
    subject = WORLD.issuing.subject
    old = WORLD.root.below(subject, key, since=-2 * YEAR, until=-YEAR)
    new = WORLD.root.below(subject, key)
    leaf = new.issue(encoding.common_name(factory.TEXT), WORLD.rsa_2048)
    policy = factory.policy(directory)
    assert policy.judge((leaf, old.der, new.der), NOW).mac == MAC
    assert policy.judge((leaf, old.der), NOW).problem is Problem.EXPIRED


def test_problems_are_sentences_that_fit_a_sighting() -> None:
    for problem in Problem:
        assert problem.sentence[0].islower()
        assert not problem.sentence.endswith(".")
        assert len(problem.sentence) <= 80
    assert len({problem.sentence for problem in Problem}) == len(Problem)


def test_octets_beside_what_is_signed_may_not_differ(policy: TrustPolicy) -> None:
    """The bits of a signature are whole octets; other counts verify as well."""
    leaf, issuing = factory.phone()[0]
    at = len(leaf) - 256 - 1
    assert leaf[at - 4 : at + 1] == b"\x03\x82\x01\x01\0"
    for unused in (1, 7, 0x5A):
        changed = leaf[:at] + bytes([unused]) + leaf[at + 1 :]
        assert policy.judge((changed, issuing), NOW).mac == 0
    assert policy.judge((leaf, issuing), NOW).mac == MAC


def test_strangers_put_nothing_on_standard_error(policy: TrustPolicy) -> None:
    """The library warns of names that are too long, once for each length."""
    for length in (0, 65, 300):
        subject = encoding.common_name("a" * length)
        stranger = authorities.root(subject)
        leaf = stranger.issue(subject, WORLD.rsa_2048)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            verdict = policy.judge((leaf, stranger.der), NOW)
        assert verdict.problem is Problem.NO_PATH
        assert told == []
