"""Whose a roll-out is, by how its phones are named."""

from collections.abc import Callable

import pytest

from bootwave.errors import StoreNotFound
from bootwave.store import rolloutreach
from bootwave.store.administration import Administration
from bootwave.store.rollouts import named_selection

MAC = "0004132E08B4"
A, B = "a.example.com", "b.example.com"


@pytest.mark.parametrize(
    ("scope", "target", "domain"),
    [
        ("engine", "", ""),
        ("domain", f" {A.upper()} ", A),
        ("group", f"north, 2nd floor@{A}", A),
        ("account", f"401@{A}", A),
        ("device", MAC, A),
        ("device", "0004132E08B5", ""),
    ],
)
@pytest.mark.parametrize("model", ["", "D785"])
def test_the_domain_is_that_of_whom_the_selection_names(
    admin: Administration,
    add: Callable[..., None],
    scope: str,
    target: str,
    model: str,
    domain: str,
) -> None:
    add(f"401@{A}", mac=MAC)
    add(f"401@{B}")
    selection = named_selection(scope, target, model)
    with admin._look() as work:
        assert rolloutreach.domain_from_selection(work, selection) == domain
        assert rolloutreach.is_reached(work, selection)
        for name in (A, B):
            work.reach = frozenset({name})
            assert rolloutreach.is_reached(work, selection) == (name == domain)


def test_one_that_nobody_has_is_as_one_that_is_not_reached(
    admin: Administration,
) -> None:
    with admin._look() as work:
        assert rolloutreach.domain_of_rollout(work, 7) is None
        for reach in (None, frozenset({A})):
            work.reach = reach
            with pytest.raises(StoreNotFound, match="There is no roll-out 7"):
                rolloutreach.require_reached(work, 7)
