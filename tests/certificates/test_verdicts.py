"""What is remembered for resumed sessions, and what is not."""

from pathlib import Path

import pytest

from bootwave.certificates.blocks import Blocks
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.verdict import Problem
from bootwave.certificates.verdicts import Verdicts
from tests.certificates import encoding, factory
from tests.certificates.authorities import DAY, NOW, YEAR
from tests.certificates.case import Case
from tests.certificates.cases import CASES
from tests.certificates.factory import MAC, WORLD


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> TrustPolicy:
    return factory.policy(tmp_path_factory.mktemp("policy"))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.chain and case.chain[0]], ids=str
)
def test_a_resumed_session_proves_what_the_full_handshake_did(
    policy: TrustPolicy, case: Case
) -> None:
    verdicts = Verdicts(policy)
    verdict = policy.judge(case.chain, NOW)
    verdicts.remember(verdict)
    again = verdicts.recall(case.chain[0], NOW)
    assert (again.mac, again.denies) == (case.mac, case.denies)
    assert again.problem is case.problem or again.problem is Problem.NOT_REMEMBERED


def test_a_leaf_that_nobody_verified_has_no_identity(policy: TrustPolicy) -> None:
    leaf = factory.phone()[0][0]
    verdict = Verdicts(policy).recall(leaf, NOW)
    assert (verdict.mac, verdict.denies) == (0, False)
    assert verdict.problem is Problem.NOT_REMEMBERED
    assert policy.again(verdict, NOW).problem is Problem.NOT_REMEMBERED
    assert Verdicts(policy).recall(b"garbage", NOW).mac == 0


def test_a_leaf_that_nobody_verified_is_denied_when_it_is_blocked(
    policy: TrustPolicy,
) -> None:
    for name in ("blocked serial", "blocked key of a stranger's certificate"):
        leaf = next(case for case in CASES if case.name == name).chain[0]
        verdict = Verdicts(policy).recall(leaf, NOW)
        assert (verdict.denies, verdict.problem) == (True, Problem.BLOCKED)


def test_a_rogue_with_the_mac_of_a_phone_that_is_known_has_no_identity(
    policy: TrustPolicy,
) -> None:
    verdicts = Verdicts(policy)
    chain, _ = factory.phone()
    verdicts.remember(policy.judge(chain, NOW))
    rogue = WORLD.strangers_root.issue(
        encoding.common_name(factory.TEXT), WORLD.rsa_2048
    )
    assert verdicts.recall(chain[0], NOW).mac == MAC
    assert verdicts.recall(rogue, NOW).mac == 0


def test_what_changes_is_looked_at_anew(policy: TrustPolicy, tmp_path: Path) -> None:
    verdicts = Verdicts(policy)
    chain, _ = factory.phone()
    verdict = policy.judge(chain, NOW)
    verdicts.remember(verdict)
    assert verdicts.recall(chain[0], NOW + YEAR + DAY).problem is Problem.EXPIRED
    verdicts.policy = policy.with_blocks(Blocks(frozenset({verdict.serial})))
    blocked = verdicts.recall(chain[0], NOW)
    assert (blocked.mac, blocked.denies) == (0, True)
    verdicts.policy = policy
    assert verdicts.recall(chain[0], NOW).mac == MAC
    crl = tmp_path / "new.crl"
    crl.write_bytes(WORLD.issuing.revokes(verdict.serial))
    verdicts.policy = factory.policy(tmp_path, crls=(crl,))
    assert verdicts.recall(chain[0], NOW).denies
    verdicts.policy = factory.policy(tmp_path, legacy_roots=())
    assert verdicts.recall(chain[0], NOW).problem is Problem.OUTDATED


def test_strangers_push_no_phone_out(policy: TrustPolicy) -> None:
    verdicts = Verdicts(policy, most=2)
    chain, _ = factory.phone()
    verdicts.remember(policy.judge(chain, NOW))
    for case in CASES:
        verdict = policy.judge(case.chain, NOW)
        if not verdict.is_signed:
            verdicts.remember(verdict)
    assert len(verdicts) == 1
    assert verdicts.recall(chain[0], NOW).mac == MAC


def test_the_leaf_used_least_recently_goes_first(policy: TrustPolicy) -> None:
    verdicts = Verdicts(policy, most=2)
    chains = [factory.phone(MAC + number)[0] for number in range(3)]
    verdicts.remember(policy.judge(chains[0], NOW))
    verdicts.remember(policy.judge(chains[1], NOW))
    assert verdicts.recall(chains[0][0], NOW).mac
    verdicts.remember(policy.judge(chains[2], NOW))
    assert len(verdicts) == 2
    macs = [verdicts.recall(chain[0], NOW).mac for chain in chains]
    assert macs == [MAC, 0, MAC + 2]


def test_a_later_verdict_without_identity_takes_the_place_of_one_with(
    policy: TrustPolicy,
) -> None:
    verdicts = Verdicts(policy)
    chain, _ = factory.phone()
    verdict = policy.judge(chain, NOW)
    verdicts.remember(verdict)
    verdicts.remember(verdict.refused_by_tls())
    assert verdicts.recall(chain[0], NOW).mac == 0
    assert not len(verdicts)


def test_a_thousand_verdicts_share_what_is_the_same(policy: TrustPolicy) -> None:
    verdicts = Verdicts(policy)
    for number in range(3):
        chain, _ = factory.phone(MAC + number)
        verdicts.remember(policy.judge(chain, NOW))
    keys = {id(v.links[0].issuer_key) for v in verdicts._known.values()}
    assert len(keys) == 1
