import base64
from types import SimpleNamespace
from typing import Any

import pytest

from bootwave.control.api.entitytags import (
    both,
    conditions,
    entity_tag,
    is_among,
    is_unchanged,
    matches,
)
from bootwave.control.api.problems import Problem
from bootwave.errors import StoreNotFound
from bootwave.store.secrets import KeyRing

RING = KeyRing({b"name": b"k" * 32})
OTHERS = KeyRing({b"name": b"o" * 32})
TAG = entity_tag({"a": 1}, RING)
WORK: Any = SimpleNamespace(keyring=RING)


def test_a_tag_is_of_what_there_is_and_nothing_else() -> None:
    assert entity_tag({"a": 1, "b": 2}, RING) == entity_tag({"b": 2, "a": 1}, RING)
    assert entity_tag({"a": 1}, RING) != entity_tag({"a": 2}, RING)
    assert TAG[0] == TAG[-1] == '"'
    assert len(TAG) == 22


def test_nobody_without_the_key_can_try_what_a_tag_is_of() -> None:
    assert entity_tag({"a": 1}, OTHERS) != TAG
    assert not TAG.startswith('"' + base64.urlsafe_b64encode(b"name").decode()[:5])


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
    matches(TAG, lambda work: {"a": 1})(WORK)
    with pytest.raises(Problem, match="changed since") as changed:
        matches(TAG, lambda work: {"a": 2})(WORK)
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


def there(_work: Any) -> Any:
    return {"a": 1}


def not_there(_work: Any) -> Any:
    raise StoreNotFound("It is not there.")


def test_a_write_without_a_condition_has_nothing_to_check() -> None:
    assert conditions(None, None, not_there) is None


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "now", "is_let_through"),
    [
        (TAG, None, there, True),
        ("*", None, there, True),
        ('"other"', None, there, False),
        ("*", None, not_there, False),
        (TAG, None, not_there, False),
        (None, "*", not_there, True),
        (None, "*", there, False),
        (None, TAG, there, False),
        (None, '"other"', there, True),
        (TAG, "*", there, False),
    ],
)
def test_conditions_are_of_what_is_there_at_the_moment_of_the_write(
    if_match: str | None, if_none_match: str | None, now: Any, is_let_through: bool
) -> None:
    check = conditions(if_match, if_none_match, now)
    assert check is not None
    if is_let_through:
        check(WORK)
    else:
        with pytest.raises(Problem) as refused:
            check(WORK)
        assert refused.value.status == 412


def test_of_two_checks_both_are_made() -> None:
    made: list[int] = []
    both(lambda work: made.append(1), lambda work: made.append(2))(WORK)
    both(lambda work: made.append(3), None)(WORK)
    assert made == [1, 2, 3]
