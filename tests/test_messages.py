"""The messages of the control socket: round trips, and lines from any cut of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import LimitExceeded, MessageError
from bootwave.messages import (
    Failure,
    LineDecoder,
    Progress,
    Request,
    Result,
    answer_from_line,
    encoded,
    request_from_line,
)

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.integers(0, 2**53), st.text(), st.dictionaries(st.text(), VALUES))
def test_a_request_comes_out_as_it_went_in(
    number: int, op: str, args: dict[str, object]
) -> None:
    line = encoded(Request(number, op, args))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert request_from_line(line) == Request(number, op, args)


@pytest.mark.parametrize(
    "answer",
    [
        Progress(1, 5, 10),
        Result(2, {"a": [1, None]}),
        Result(3, None),
        Failure(4, "There is no domain\nhere."),
    ],
)
def test_an_answer_comes_out_as_it_went_in(
    answer: Progress | Result | Failure,
) -> None:
    assert answer_from_line(encoded(answer)) == answer


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{", b"[]", b"1", b"{}", b'{"id":1}', b'{"id":true,"op":"x"}'),
        *(b'{"id":1,"op":2}', b'{"id":1,"op":"x","args":[]}', b'{"op":"x"}', b"\xff"),
    ],
)
def test_what_is_no_request_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        request_from_line(line)


@pytest.mark.parametrize(
    "line",
    [
        *(b"{}", b'{"id":1}', b'{"id":1,"ok":1,"result":2}', b'{"id":1,"ok":false}'),
        *(b'{"id":1,"progress":[1]}', b'{"ok":true,"result":1}', b"nonsense"),
    ],
)
def test_what_is_no_answer_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        answer_from_line(line)


@given(
    st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))),
    st.lists(st.integers(0, 50)),
)
def test_lines_are_the_same_however_the_bytes_are_cut(
    lines: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    decoder = LineDecoder(limit=20)
    found: list[bytes] = []
    for cut in [*cuts, len(data)]:
        found += decoder.receive_data(data[:cut])
        data = data[cut:]
    assert found == [line for line in lines if line]


def test_bytes_after_the_last_line_feed_wait_for_more() -> None:
    decoder = LineDecoder(limit=100)
    assert list(decoder.receive_data(b"a\nb")) == [b"a"]
    assert list(decoder.receive_data(b"c\n")) == [b"bc"]


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert list(LineDecoder(limit=3).receive_data(b"abc\n")) == [b"abc"]
    with pytest.raises(LimitExceeded):
        list(LineDecoder(limit=3).receive_data(b"abcd"))
    decoder = LineDecoder(limit=3)
    assert list(decoder.receive_data(b"abc")) == []
    with pytest.raises(LimitExceeded):
        list(decoder.receive_data(b"d"))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_number_json_cannot_say_is_refused_and_not_left_out(
    number: float, where: int
) -> None:
    value = [number, {"a": [None, number]}, ({"b": number},)][where]
    with pytest.raises(TypeError, match="finite"):
        encoded(Request(1, "window.open", {"minutes": value}))
    with pytest.raises(TypeError, match="finite"):
        encoded(Result(1, value))
