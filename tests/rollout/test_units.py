"""Phones that are told together, and stages that keep them together."""

import pytest

from bootwave.rollout.units import kept_whole, units_from


@pytest.mark.parametrize(
    ("groups", "units"),
    [
        ([], {}),
        ([{1}], {}),
        ([{3, 2}, {7, 9, 8}], {2: 2, 3: 2, 7: 7, 8: 7, 9: 7}),
        ([{5, 6}, {1, 2}, {6, 2}], {5: 1, 6: 1, 1: 1, 2: 1}),
        ([{4, 3}, {3, 2}, {2, 1}, {1}], {4: 1, 3: 1, 2: 1, 1: 1}),
        ([{1, 2}, {1, 2}], {1: 1, 2: 1}),
    ],
)
def test_whoever_shares_a_group_is_in_one_unit(
    groups: list[set[int]], units: dict[int, int]
) -> None:
    assert units_from(groups) == units


@pytest.mark.parametrize(
    ("bounds", "units", "whole"),
    [
        ((1, 3, 6), (0, 0, 0, 0, 0, 0), (1, 3, 6)),
        ((1, 3, 6), (4, 4, 4, 0, 0, 0), (3, 6)),
        ((1, 3, 6), (0, 4, 4, 5, 5, 0), (1, 3, 6)),
        ((1, 4, 6), (0, 4, 4, 5, 5, 0), (1, 5, 6)),
        ((1, 2, 3), (7, 7, 7), (3,)),
    ],
)
def test_no_stage_ends_within_a_unit(
    bounds: tuple[int, ...], units: tuple[int, ...], whole: tuple[int, ...]
) -> None:
    assert kept_whole(bounds, units) == whole
