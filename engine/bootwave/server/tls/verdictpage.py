"""Verdicts of all workers, in memory made before fork.

A phone may resume with any worker what it began with another, for the keys of tickets
are shared, and then only the verdict of that full handshake gives it an identity.  So
whoever gives one publishes it here, by the SHA-256 of the leaf.

There is no lock: each record carries a keyed hash over all of it, so one that is half
written, or was mixed from two, is none.  What many verdicts have in common, the path
above the leaf, is kept once.  Places are few to each leaf, and the latest wins.
"""

import marshal
import mmap
import os
from hashlib import blake2b, sha256

from bootwave.certificates.verdict import Link, Problem, Verdict

LEAVES = 131_072  # 32 MB once so many phones have come
LEAF_BYTES = 256
PATHS = 256
PATH_BYTES = 8192

_KEY = 32
_HASH = 16
_HEAD = _KEY + _HASH + 2
_WAYS = 4


class VerdictPage:
    """What workers found about leaves; made before fork to be shared."""

    def __init__(self) -> None:
        """Map the memory; none of it is used before something is published."""
        secret = os.urandom(32)
        self._leaves = _Records(LEAVES, LEAF_BYTES, secret)
        self._paths = _Records(PATHS, PATH_BYTES, secret)

    def publish(self, leaf: bytes, verdict: Verdict) -> None:
        """Let every worker find *verdict* by the SHA-256 *leaf*.

        One that proves nothing for ever and denies nothing only takes the place of an
        earlier one.
        """
        if not (verdict.proven or verdict.denies) or not verdict.links:
            self._leaves.drop(leaf)
            return
        first, *rest = verdict.links
        path = marshal.dumps(
            (
                verdict.issuer,
                first.issuer,
                first.issuer_key,
                tuple(map(tuple, rest)),
                verdict.generation,
            )
        )
        name = sha256(path).digest()
        fault = verdict.fault.name if verdict.fault is not None else ""
        record = marshal.dumps(
            (name, verdict.proven, fault, verdict.legacy, *first[:4], verdict.not_after)
        )
        if self._paths.find(name) is None:
            self._paths.put(name, path)
        self._leaves.put(leaf, record)

    def find(self, leaf: bytes) -> Verdict | None:
        """Return the latest verdict about *leaf*, to be looked at anew, or None."""
        record = self._leaves.find(leaf)
        if record is None:
            return None
        name, proven, fault, legacy, serial, key, start, end, after = marshal.loads(
            record
        )
        path = self._paths.find(name)
        if path is None:
            return None
        issuer, issuer_name, issuer_key, rest, generation = marshal.loads(path)
        first = Link(serial, key, start, end, issuer_name, issuer_key)
        return Verdict(
            legacy=legacy,
            leaf=leaf,
            serial=serial,
            key=key,
            issuer=issuer,
            not_after=after,
            proven=proven,
            fault=Problem[fault] if fault else None,
            links=(first, *(Link(*link) for link in rest)),
            generation=generation,
        )


class _Records:
    """*places* records of *size* bytes at most, found by keys of 32 random bytes."""

    def __init__(self, places: int, size: int, secret: bytes) -> None:
        self._memory = mmap.mmap(-1, places * size)
        self._mask = places - 1
        self._size = size
        self._secret = secret

    def put(self, key: bytes, value: bytes) -> None:
        """Keep *value*; one that is too large only takes the place of another."""
        at = self._place(key)
        end = _HEAD + len(value)
        if end > self._size:
            self.drop(key)
            return
        size = len(value).to_bytes(2)
        self._memory[at : at + end] = b"".join(
            (key, self._hash(key, value), size, value)
        )

    def find(self, key: bytes) -> bytes | None:
        """Return what was put last under *key*, or None."""
        for at in self._places(key):
            if self._memory[at : at + _KEY] != key:
                continue
            record = self._memory[at : at + self._size]
            size = int.from_bytes(record[_KEY + _HASH : _HEAD])
            value = record[_HEAD : _HEAD + size]
            if record[_KEY : _KEY + _HASH] == self._hash(key, value):
                return value
        return None

    def drop(self, key: bytes) -> None:
        """Forget *key*."""
        for at in self._places(key):
            if self._memory[at : at + _KEY] == key:
                self._memory[at : at + _HEAD] = bytes(_HEAD)

    def _place(self, key: bytes) -> int:
        """Return where *key* is or may go: a free place, or another's."""
        free = None
        for at in self._places(key):
            there = self._memory[at : at + _KEY]
            if there == key:
                return at
            if free is None and not any(there):
                free = at
        return self._places(key)[key[4] % _WAYS] if free is None else free

    def _places(self, key: bytes) -> list[int]:
        first = int.from_bytes(key[:4])
        return [(first + way & self._mask) * self._size for way in range(_WAYS)]

    def _hash(self, key: bytes, value: bytes) -> bytes:
        return blake2b(key + value, key=self._secret, digest_size=_HASH).digest()
