import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import OptionError
from bootwave.store.listing.cursors import (
    MAX_CHARACTERS,
    key_from_text,
    text_from_key,
)

PART = st.text(max_size=20) | st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.lists(PART | st.floats(allow_nan=False, allow_infinity=False), max_size=4))
def test_a_key_comes_back_as_it_went(key: list[int | float | str]) -> None:
    kinds = [type(part) for part in key]
    assert key_from_text("a list", text_from_key("a list", key), kinds) == tuple(key)


def test_a_cursor_is_of_one_list() -> None:
    cursor = text_from_key("accounts", (1,))
    with pytest.raises(OptionError, match="not one of this list"):
        key_from_text("devices", cursor, [int])


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"[",
        b"{}",
        b'["x"]',
        b'["x",1,2]',
        b'["x","1"]',
        b'["x",true]',
        b'["x",1.5]',
        b'["x",null]',
        b'["x",9223372036854775808]',
        b'["x",' + b"1" * MAX_CHARACTERS + b"]",
    ],
)
def test_what_is_made_up_is_refused(packed: bytes) -> None:
    text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    with pytest.raises(OptionError):
        key_from_text("x", text, [int])


@pytest.mark.parametrize("text", ["!", "é", "a", "====", "WyJ4Iiwx XQ"])
def test_what_is_no_cursor_at_all_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        key_from_text("x", text, [int])
