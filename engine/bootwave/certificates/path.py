"""Path building and verification: RFC 5280 section 6.1, for what phones present.

From the leaf upwards, by names, every way to a root is looked for; each is then
verified from the root downwards, so that a key is used only after a trusted one has
signed it.  Everything is bounded, because whoever connects may send same-name CAs by
the dozen.

Not verified here is what changes with time: dates, revocation, blocks (``policy``).
Policies and name constraints are not known: where they are critical nothing is proven.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

from bootwave.certificates.parsed import Parsed
from bootwave.certificates.strength import Strength, is_signed
from bootwave.certificates.verdict import Problem
from bootwave.limits import (
    MAX_TLS_PATH_CERTIFICATES,
    MAX_TLS_PATH_SIGNATURES,
    MAX_TLS_PATH_STEPS,
    MAX_TLS_PROVEN_CAS,
)

Path = tuple[Parsed, ...]
"""Leaf first, root last."""


class Found(NamedTuple):
    """A path and the first problem in it, None when there is none.

    ``is_signed`` tells that every signature in it is right and strong enough.
    """

    path: Path
    problem: Problem | None
    is_signed: bool


class Authorities:
    """Roots and configured issuing CAs, by subject."""

    def __init__(self, roots: Iterable[Parsed], issuing: Iterable[Parsed]) -> None:
        """Trust *roots*; *issuing* only help to find the way to them."""
        self.roots = tuple(roots)
        self.issuing = tuple(issuing)
        self._roots = _by_subject(self.roots)
        self._issuing = _by_subject(self.issuing)
        # CAs that phones sent and that led to a root, so that the next phone's need
        # not be parsed and verified again: half of the work.  A root signed each.
        self._proven: dict[bytes, Parsed] = {}
        self._signed: set[tuple[bytes, bytes]] = set()
        for ca in (*self.roots, *self.issuing):
            self._proven[ca.digest] = ca
        self._most_proven = len(self._proven) + MAX_TLS_PROVEN_CAS

    def parsed(self, der: bytes) -> Parsed:
        """Return the certificate *der*, a known one if it is; raises ValueError."""
        return self._proven.get(hashlib.sha256(der).digest()) or Parsed(der)

    def paths(
        self,
        leaf: Parsed,
        presented: Sequence[Parsed],
        strength_below: Callable[[Parsed], Strength],
    ) -> Iterator[Found]:
        """Yield the paths from *leaf* to a root, over *presented* and known CAs.

        *strength_below* says what is strong enough below a root.
        """
        roots = {root.digest for root in self.roots}
        others = _by_subject(each for each in presented if each.digest not in roots)
        budget = _Budget(self._signed)
        for path in self._walk((leaf,), others, budget):
            found = _verified(path, strength_below(path[-1]), budget)
            if found.problem is None:
                self._remember(path)
            yield found

    def _remember(self, path: Path) -> None:
        for ca, parent in pairwise(path[1:]):
            if len(self._proven) < self._most_proven or ca.digest in self._proven:
                self._proven[ca.digest] = ca
                self._signed.add((ca.digest, parent.key))

    def _walk(
        self, path: Path, others: dict[bytes, list[Parsed]], budget: "_Budget"
    ) -> Iterator[Path]:
        wanted = path[-1].issuer
        for root in self._roots.get(wanted, ()):
            if budget.step():
                yield (*path, root)
        if len(path) + 2 > MAX_TLS_PATH_CERTIFICATES:
            return
        for parent in (*self._issuing.get(wanted, ()), *others.get(wanted, ())):
            # A certificate that stands in the path already would lead in circles.
            is_new = all(parent.key != each.key for each in path)
            if is_new and budget.step():
                yield from self._walk((*path, parent), others, budget)


class _Budget:
    """What one chain may still cost."""

    def __init__(self, signed: Set[tuple[bytes, bytes]]) -> None:
        self._signed = signed
        self._steps = MAX_TLS_PATH_STEPS
        self._signatures = MAX_TLS_PATH_SIGNATURES
        self._known: dict[tuple[bytes, bytes], bool] = {}

    def step(self) -> bool:
        self._steps -= 1
        return self._steps >= 0

    def is_signed(self, child: Parsed, parent: Parsed) -> bool:
        """Whether the key of *parent* signed *child*; False past the bound."""
        if (child.digest, parent.key) in self._signed:
            return True
        known = self._known.get((child.digest, parent.key))
        if known is None:
            self._signatures -= 1
            if self._signatures < 0:
                return False
            certificate = child.x509
            known = self._known[child.digest, parent.key] = is_signed(
                parent.public_key,
                certificate.signature_algorithm_oid,
                certificate.signature,
                certificate.tbs_certificate_bytes,
            )
        return known


def _verified(path: Path, strength: Strength, budget: _Budget) -> Found:
    try:
        problem = _fault_of_signatures(path, strength, budget)
        if problem is not None:
            return Found(path, problem, False)
        return Found(path, _fault_of_roles(path), True)
    except ValueError:  # a key or an extension that cannot be read
        return Found(path, Problem.NOT_DER, False)


def _fault_of_signatures(
    path: Path, strength: Strength, budget: _Budget
) -> Problem | None:
    for place in range(len(path) - 1, 0, -1):
        parent, child = path[place], path[place - 1]
        if not strength.allows_key(parent.public_key):
            return Problem.WEAK_KEY
        if not strength.allows_signature(child.x509.signature_algorithm_oid):
            return Problem.WEAK_SIGNATURE
        if not child.algorithms_agree or not budget.is_signed(child, parent):
            return Problem.BAD_SIGNATURE
    return None if strength.allows_key(path[0].public_key) else Problem.WEAK_KEY


def _fault_of_roles(path: Path) -> Problem | None:
    below = 0  # issuing CAs between a CA and the leaf that are not self-issued
    for ca in path[1:]:
        is_root = ca is path[-1]
        roles = ca.roles
        # A root may be of version 1, which knows no extensions: it is trusted by hand.
        if not roles.may_issue and not (is_root and ca.version < 3):
            return Problem.NOT_A_CA
        if roles.path_length is not None and below > roles.path_length:
            return Problem.PATH_TOO_LONG
        if not is_root and not ca.is_self_issued:
            below += 1
    for certificate in path:
        if not certificate.roles.is_for_clients:
            return Problem.WRONG_USAGE
        if certificate.roles.has_unknown_critical:
            return Problem.UNKNOWN_EXTENSION
    leaf = path[0].roles
    if leaf.is_ca:
        return Problem.LEAF_IS_CA
    return None if leaf.may_prove_itself else Problem.WRONG_USAGE


def _by_subject(certificates: Iterable[Parsed]) -> dict[bytes, list[Parsed]]:
    found: dict[bytes, list[Parsed]] = {}
    seen: set[bytes] = set()
    for each in certificates:
        if each.digest not in seen:
            seen.add(each.digest)
            found.setdefault(each.subject, []).append(each)
    return found
