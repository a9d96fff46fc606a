import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.http.byterange import Part, part_asked

TAG = b'"abc"'


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        (b"bytes=0-0", Part(0, 1)),
        (b"bytes=0-9", Part(0, 10)),
        (b"bytes=10-19", Part(10, 10)),
        (b"bytes=90-", Part(90, 10)),
        (b"bytes=90-1000", Part(90, 10)),
        (b"bytes=99-99", Part(99, 1)),
        (b"bytes=-1", Part(99, 1)),
        (b"bytes=-100", Part(0, 100)),
        (b"bytes=-1000", Part(0, 100)),
        (b" Bytes = 1-2\t", Part(1, 2)),
        # Nothing of these is there: 416.
        (b"bytes=100-", Part(0, 0)),
        (b"bytes=100-200", Part(0, 0)),
        (b"bytes=-0", Part(100, 0)),
        (b"bytes=999999999999999999-", Part(0, 0)),
        # These are passed over: the whole.
        (None, None),
        (b"", None),
        (b"bytes=", None),
        (b"bytes=-", None),
        (b"bytes=5-4", None),
        (b"bytes=0-0,2-2", None),
        (b"bytes=0-0,", None),
        (b"lines=0-9", None),
        (b"bytes=a-b", None),
        (b"bytes=+1-2", None),
        (b"bytes=1-2-3", None),
        (b"bytes=0x1-2", None),
        ("bytes=\u0661-2".encode(), None),
        (b"bytes=9999999999999999999-", None),
    ],
)
def test_one_range_of_bytes_is_understood(
    wanted: bytes | None, part: Part | None
) -> None:
    assert part_asked(wanted, None, TAG, 100) == part


@pytest.mark.parametrize(
    ("if_range", "counts"),
    [
        (None, True),
        (TAG, True),
        (b' "abc"\t', True),
        (b'W/"abc"', False),
        (b'"other"', False),
        (b"Fri, 27 Nov 2026 20:00:00 GMT", False),
        (b"", False),
        (b"*", False),
    ],
)
def test_a_part_of_something_else_is_not_sent(
    if_range: bytes | None, counts: bool
) -> None:
    found = part_asked(b"bytes=1-2", if_range, TAG, 100)
    assert found == (Part(1, 2) if counts else None)


@given(st.binary(max_size=40), st.integers(1, 10**12))
def test_whatever_is_asked_lies_within_the_file(wanted: bytes, size: int) -> None:
    for value in (wanted, b"bytes=" + wanted):
        part = part_asked(value, None, TAG, size)
        if part is not None and part.size:
            assert 0 <= part.start < part.start + part.size <= size


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_range_is_what_it_says(first: int, last: int) -> None:
    content = bytes(range(100))
    part = part_asked(b"bytes=%d-%d" % (first, last), None, TAG, 100)
    if last < first:
        assert part is None
    else:
        assert part is not None
        sent = content[part.start : part.start + part.size]
        assert sent == content[first : last + 1]
