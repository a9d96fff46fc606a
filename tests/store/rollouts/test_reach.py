"""Whose a roll-out is, by how its phones are named."""

from collections.abc import Callable

import pytest

from bootwave.errors import StoreNotFound
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.changelog import last_seq
from bootwave.store.rollouts import reach as rolloutreach
from bootwave.store.rollouts.rollouts import named_selection
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

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
        now = last_seq(work.connection)
        assert rolloutreach.domain_from_selection(work, selection, now) == domain
        assert rolloutreach.is_reached(work, selection, now)
        for name in (A, B):
            work.reach = frozenset({name})
            reached = rolloutreach.is_reached(work, selection, now)
            assert reached == (name == domain)


@pytest.mark.parametrize("seconds", [1.0, -500.0])
def test_one_to_a_phone_is_of_the_domain_that_had_it_then(
    admin: Administration,
    add: Callable[..., None],
    log: SightingLog,
    clock: Clock,
    seconds: float,
) -> None:
    add(f"401@{A}", mac=MAC)
    add(f"401@{B}")
    clock.pass_seconds(1.0)
    now = clock.at.wall
    log.append([Sighting(now, int(MAC, 16), "10.0.0.7", Reason.SERVED_WINDOW, "")])
    number = admin.rollout_start("device", MAC)["id"]
    assert admin.rollout_domain(number) == A
    clock.set_wall(now + seconds)
    admin.account_unbind(f"401@{A}")
    admin.account_bind(f"401@{B}", MAC)
    assert admin.rollout_domain(number) == ""
    assert admin.rollout_list()[0]["domain"] == ""
    for name in (A, B):
        admin.reach = frozenset({name})
        assert admin.rollout_list() == []
        assert admin.records_page("rollouts")["rows"] == []
        with pytest.raises(StoreNotFound):
            admin.rollout_show(number)


def test_one_that_nobody_has_is_as_one_that_is_not_reached(
    admin: Administration,
) -> None:
    with admin._look() as work:
        assert rolloutreach.domain_of_rollout(work, 7) is None
        for reach in (None, frozenset({A})):
            work.reach = reach
            with pytest.raises(StoreNotFound, match="There is no roll-out 7"):
                rolloutreach.require_reached(work, 7)
