from typing import Any

import pytest

from bootwave.control.api.entitytags import (
    entity_tag,
    is_among,
    is_unchanged,
    matches,
)
from bootwave.control.api.problems import Problem

TAG = entity_tag({"a": 1})
NO_WORK: Any = None


def test_a_tag_is_of_what_is_shown_and_nothing_else() -> None:
    assert entity_tag({"a": 1, "b": 2}) == entity_tag({"b": 2, "a": 1})
    assert entity_tag({"a": 1}) != entity_tag({"a": 2})
    assert TAG[0] == TAG[-1] == '"'
    assert len(TAG) == 22


@pytest.mark.parametrize(
    ("field_value", "is_let_through"),
    [
        (TAG, True),
        ("*", True),
        (f'"other", {TAG}', True),
        (f"W/{TAG}", False),
        (TAG.strip('"'), False),
        ("", False),
    ],
)
def test_if_match_is_compared_strongly(field_value: str, is_let_through: bool) -> None:
    assert is_among(TAG, field_value) is is_let_through


def test_a_write_needs_the_state_that_it_names() -> None:
    matches(TAG, lambda work: {"a": 1})(NO_WORK)
    with pytest.raises(Problem, match="changed since") as changed:
        matches(TAG, lambda work: {"a": 2})(NO_WORK)
    assert changed.value.status == 412
    with pytest.raises(Problem) as missing:
        matches(None, lambda work: {})
    assert missing.value.status == 428
    with pytest.raises(Problem) as long:
        matches("x" * 2_000, lambda work: {})
    assert long.value.status == 400


def test_a_get_is_compared_weakly() -> None:
    assert is_unchanged(TAG, f"W/{TAG}")
    assert is_unchanged(TAG, "*")
    assert not is_unchanged(TAG, None)
    assert not is_unchanged(TAG, '"other"')
