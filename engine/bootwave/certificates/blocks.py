"""Certificates that the operator blocked.  Imports nothing, so that the store may."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blocks:
    """Serial numbers and keys (SHA-256 of the SubjectPublicKeyInfo) that are blocked.

    Whatever certificate carries one of them, or was issued by one that does, denies
    every request.
    """

    serials: frozenset[int] = frozenset()
    keys: frozenset[bytes] = frozenset()


NO_BLOCKS = Blocks()
