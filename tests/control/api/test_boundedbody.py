"""A body is read to its end or refused, whatever its length says."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from bootwave.control.api.boundedbody import BoundedRequest
from bootwave.control.api.problems import Problem


def request(*parts: bytes, **headers: str) -> Request:
    """Return a request whose body comes in *parts*."""
    left = list(parts)

    async def receive() -> dict[str, Any]:
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    named = [
        (name.replace("_", "-").encode(), value.encode())
        for name, value in headers.items()
    ]
    return Request({"type": "http", "method": "POST", "headers": named}, receive)


def read(most: int, *parts: bytes, **headers: str) -> Any:
    async def parsed() -> Any:
        bounded = BoundedRequest(request(*parts, **headers), most)
        bounded.parse(await bounded.body())
        found = await bounded.json()
        # It is not kept beside what it became.
        assert await bounded.json() is None
        return found

    return asyncio.run(parsed())


def test_a_body_of_the_most_bytes_is_read_in_all_its_parts() -> None:
    half = 50 * b" "
    type_ = "application/json; charset=utf-8"
    found = read(108, half + b'{"a"', b": 1}" + half, content_type=type_)
    assert found == {"a": 1}


def test_no_body_is_nothing_of_any_type() -> None:
    assert read(8, b"", content_type="text/plain") is None


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"content_length": "9"}, "too-large"),  # said before
        ({}, "too-large"),  # found out while it comes
        ({"content_length": "1"}, "too-large"),
        ({"content_length": "x"}, "too-large"),
    ],
)
def test_one_byte_more_is_refused(headers: dict[str, str], kind: str) -> None:
    with pytest.raises(Problem) as caught:
        read(8, b"12345", b"6789", content_type="application/json", **headers)
    assert caught.value.kind == kind


def test_a_long_body_that_was_announced_is_not_read_at_all() -> None:
    with pytest.raises(Problem, match="at most 8 bytes"):
        read(8, content_length="9")  # any reading would fail: nothing comes


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/jsonx"])
def test_what_is_called_otherwise_is_no_json(media_type: str) -> None:
    with pytest.raises(Problem) as caught:
        read(8, b"{}", content_type=media_type)
    assert caught.value.kind == "not-json"


@pytest.mark.parametrize(
    ("most", "fewer"),
    [
        (b"[1,2,3,4]", b"[1,2,3,4,5]"),
        (b'{"a":{},"b":[]}', b'{"a":{},"b":[],"c":1}'),
        (b'["a,b,c"]', b'["a,b,c,d,e"]'),
    ],
)
def test_more_values_than_one_for_fifty_bytes_are_refused(
    most: bytes, fewer: bytes
) -> None:
    assert read(200, most, content_type="application/json")
    with pytest.raises(Problem, match="at most 4 values, commas") as caught:
        read(200, fewer, content_type="application/json")
    assert caught.value.kind == "too-large"


def test_what_is_no_json_is_told_by_its_place_without_its_words() -> None:
    with pytest.raises(Problem) as caught:
        read(99, b'{"password": s3cret}', content_type="application/json")
    assert caught.value.kind == "bad-request"
    assert "character" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a":1,"b":{"c":1,"c":2}}', "The member c is there twice"),
        (b'{"' + b"x" * 999 + b'":1,"' + b"x" * 999 + b'":2}', f"{'x' * 64}… is there"),
        (b"[" * 1_000 + b"]" * 1_000, "nested too deeply"),
    ],
)
def test_what_would_not_be_heeded_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(Problem, match=sentence) as caught:
        read(99_999, body, content_type="application/json")
    assert caught.value.kind == "invalid"
    (place,) = caught.value.errors
    assert place["at"] == "body"
    assert f"body: {place['detail']}." == caught.value.detail
    assert "xx" * 40 not in caught.value.detail
