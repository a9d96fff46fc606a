"""Verdicts carry no more than they should."""

from dataclasses import replace

from bootwave.certificates.verdict import Problem, Verdict
from tests.certificates.factory import MAC


def test_tls_takes_what_was_proven_for_good() -> None:
    proven = Verdict(mac=MAC, proven=MAC, expired=True, serial=7)
    refused = proven.refused_by_tls()
    assert (refused.mac, refused.proven, refused.expired) == (0, 0, False)
    assert refused.problem is refused.fault is Problem.TLS_REFUSED
    assert refused.serial == 7


def test_what_was_wrong_before_stays_the_problem() -> None:
    bad = Verdict(problem=Problem.NO_PATH, fault=Problem.NO_PATH)
    assert bad.refused_by_tls() == bad
    denied = Verdict(problem=Problem.REVOKED, denies=True, proven=MAC)
    refused = denied.refused_by_tls()
    assert (refused.problem, refused.denies) == (Problem.REVOKED, True)
    assert (refused.proven, refused.fault) == (0, Problem.TLS_REFUSED)


def test_a_verdict_prints_short() -> None:
    long = replace(Verdict(), generation=b"g" * 32)
    assert "generation" not in repr(long)
    assert "links" not in repr(long)
