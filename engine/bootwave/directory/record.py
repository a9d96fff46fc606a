"""Frozen records, as far as the type checker goes.

A frozen dataclass sets each field through a call that asks whether it may, and a cold
document is made of some thirty fields: at run time those are plain slots.  Assigning to
one is an error of mypy's; hash, equality and ``dataclasses.replace`` are as ever.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make *cls* a record with slots, whose fields are not to be assigned to."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
