"""Objects of JSON whose members have each a name of their own, and others."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.control.jsonmembers import repeated_member

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a":1,"a":1}', "a"),
        ('{"a":1,"b":2,"c":3,"b":4}', "b"),
        ('{"a":1,"\\u0061":2}', "a"),
        ('[{"b":[{"":1,"":2}]}]', ""),
        ('{"a":{"a":1},"b":{"a":2,"b":[]}}', None),
        ('{"A":1,"a":2}', None),
        ('[{"a":1},{"a":2},1.5e400,' + "9" * 5_000 + "]", None),
        ('"a:a"', None),
    ],
)
def test_a_name_that_is_there_twice_is_found(text: str, name: str | None) -> None:
    assert repeated_member(text) == name


@given(VALUES)
def test_what_is_written_from_a_dictionary_repeats_nothing(value: object) -> None:
    assert repeated_member(orjson.dumps(value).decode()) is None


def test_what_is_nested_too_deeply_is_told_so() -> None:
    with pytest.raises(RecursionError):
        repeated_member("[" * 100_000 + "]" * 100_000)
