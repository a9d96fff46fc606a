from hypothesis import given
from hypothesis import strategies as st

from bootwave.store.settings.keyattributes import (
    attributes_from_text,
    text_from_attributes,
)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_attributes_come_back_sorted_as_they_were(given: dict[str, str]) -> None:
    attributes = tuple(sorted(given.items()))
    assert attributes_from_text(text_from_attributes(attributes)) == attributes


def test_no_attributes_are_no_text() -> None:
    assert text_from_attributes(()) == ""
    assert attributes_from_text("") == ()
