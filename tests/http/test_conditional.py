"""If-None-Match."""

import pytest

from bootwave.http.conditional import is_current


@pytest.mark.parametrize(
    "value",
    [
        b'"1"',
        b'W/"1"',
        b'"0", "1"',
        b'"0","1","2"',
        b'"0" ,\t W/"1"',
        b'"0",, "1",',
        b' "1" ',
        b"*",
        b'"a,b", "1"',
    ],
)
def test_the_peer_has_it_already(value: bytes) -> None:
    assert is_current(value, b'"1"')
    assert is_current(value, b'W/"1"')


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b'"2"',
        b"1",
        b'"1',
        b'1"',
        b'w/"1"',
        b'"1" "2"',
        b'"1", *',
        b'"1", 2',
        b'"1"x',
        b'W/ "1"',
        b"**",
        b'"1 "',
    ],
)
def test_the_peer_gets_the_whole_document(value: bytes | None) -> None:
    assert not is_current(value, b'"1"')


def test_a_long_list_is_read_once() -> None:
    assert is_current(b'"x", ' * 1600 + b'"1"', b'"1"')
    assert not is_current(b"," * 8000 + b'"1', b'"1"')
