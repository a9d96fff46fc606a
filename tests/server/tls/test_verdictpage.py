"""Verdicts in memory that workers share."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bootwave.certificates.verdict import Problem, Verdict
from bootwave.server.tls import verdictpage
from bootwave.server.tls.verdictpage import VerdictPage
from tests.certificates import authorities, factory
from tests.certificates.cases import CASES

LEAF = bytes(range(32))


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    policy = factory.policy(tmp_path_factory.mktemp("page"))
    return policy.judge(factory.phone()[0], authorities.NOW)


def test_what_is_published_is_found_as_it_was(verdict: Verdict, tmp_path: Path) -> None:
    page = VerdictPage()
    assert page.find(verdict.leaf) is None
    page.publish(verdict.leaf, verdict)
    found = page.find(verdict.leaf)
    assert found is not None
    assert found.mac == 0  # not before it was looked at anew
    assert factory.policy(tmp_path).again(found, authorities.NOW) == verdict


def test_every_good_verdict_of_the_factory_survives(tmp_path: Path) -> None:
    page, policy = VerdictPage(), factory.policy(tmp_path)
    made = [policy.judge(case.chain, authorities.NOW) for case in CASES]
    for verdict in made:
        page.publish(verdict.leaf, verdict)
    kept = 0
    for verdict in made:
        found = page.find(verdict.leaf)
        if verdict.proven or verdict.denies:
            assert found is not None
            assert policy.again(found, authorities.NOW) == verdict
            kept += 1
        else:
            assert found is None
    assert kept > 20


def test_what_proves_nothing_takes_the_place_of_what_did(verdict: Verdict) -> None:
    page = VerdictPage()
    page.publish(verdict.leaf, verdict)
    page.publish(verdict.leaf, verdict.refused_by_tls())
    assert page.find(verdict.leaf) is None
    page.publish(verdict.leaf, verdict)
    page.publish(verdict.leaf, Verdict(problem=Problem.NO_PATH))
    assert page.find(verdict.leaf) is None


def test_children_find_what_one_of_them_published(verdict: Verdict) -> None:
    page = VerdictPage()
    pid = os.fork()
    if pid == 0:
        page.publish(verdict.leaf, verdict)
        os._exit(0)
    os.waitpid(pid, 0)
    found = page.find(verdict.leaf)
    assert found is not None
    assert found.proven == verdict.mac


def test_a_record_that_is_torn_is_none(verdict: Verdict) -> None:
    page = VerdictPage()
    page.publish(verdict.leaf, verdict)
    other = os.urandom(32)
    page.publish(other, replace(verdict, proven=factory.OTHER_MAC))
    memory = page._leaves._memory
    first = next(
        at
        for at in page._leaves._places(verdict.leaf)
        if memory[at : at + 32] == verdict.leaf
    )
    second = next(
        at for at in page._leaves._places(other) if memory[at : at + 32] == other
    )
    whole = memory[second : second + verdictpage.LEAF_BYTES]
    for size in range(33, verdictpage.LEAF_BYTES):
        # Another's record, under this one's key, as far as it was written.
        kept = memory[first : first + verdictpage.LEAF_BYTES]
        memory[first + 32 : first + size] = whole[32:size]
        found = page.find(verdict.leaf)
        assert found is None or found.proven == verdict.mac
        memory[first : first + verdictpage.LEAF_BYTES] = kept
    memory[first + 32 : first + verdictpage.LEAF_BYTES] = whole[32:]
    assert page.find(verdict.leaf) is None


def test_more_leaves_than_places_push_the_oldest_out(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdictpage, "LEAVES", 16)
    page = VerdictPage()
    leaves = [os.urandom(32) for _ in range(200)]
    for leaf in leaves:
        page.publish(leaf, verdict)
        assert page.find(leaf) is not None
    assert 4 <= sum(page.find(leaf) is not None for leaf in leaves) <= 16


def test_what_is_too_large_is_not_shared(verdict: Verdict) -> None:
    page = VerdictPage()
    page.publish(verdict.leaf, verdict)
    page.publish(verdict.leaf, replace(verdict, issuer="x" * 10_000))
    assert page.find(verdict.leaf) is None
