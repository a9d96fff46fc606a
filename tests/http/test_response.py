"""Answers as bytes."""

import h11
import pytest

from bootwave.http.response import (
    FileContent,
    Response,
    overloaded,
    plain_response,
    refusal,
    response_bytes,
)

XML = Response(200, b"<settings/>\n", etag=b'"1"')


def read(data: bytes, method: bytes = b"GET") -> tuple[h11.Response, bytes]:
    """What an independent client sees; everything must be used up."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert not client.trailing_data[0]
    return response, body


def test_an_answer_has_its_length_type_and_tag() -> None:
    response, body = read(response_bytes(XML, date=b"Sat, 22 Nov 2025 22:48:00 GMT"))
    assert body == XML.body
    assert dict(response.headers) == {
        b"date": b"Sat, 22 Nov 2025 22:48:00 GMT",
        b"server": b"bootwave",
        b"content-type": b"application/xml",
        b"content-length": b"12",
        b"etag": b'"1"',
        b"cache-control": b"private, no-cache",
    }


def test_head_has_the_same_head_and_no_body() -> None:
    whole = response_bytes(XML)
    alone = response_bytes(XML, with_body=False)
    assert whole == alone + XML.body
    assert read(alone, b"HEAD")[1] == b""


def test_an_empty_answer_has_a_length_too() -> None:
    assert b"\r\nContent-Length: 0\r\n" in response_bytes(Response(200))


def test_not_modified_tells_the_length_of_what_it_does_not_send() -> None:
    data = response_bytes(Response(304, XML.body, etag=XML.etag))
    response, body = read(data)
    assert (response.status_code, body) == (304, b"")
    assert (b"content-length", b"12") in list(response.headers)
    assert (b"etag", b'"1"') in list(response.headers)
    assert b"Content-Length" not in response_bytes(Response(304, etag=b'"1"'))


def test_other_caching_replaces_the_usual() -> None:
    public = ((b"cache-control", b"public, max-age=60"),)
    data = response_bytes(Response(200, b"x", headers=public))
    assert data.lower().count(b"cache-control") == 1
    assert b"max-age=60" in data


@pytest.mark.parametrize("value", [b"a\r\nX: b", b"a\nb", b"a\rb", b"\x00", b"\x7f"])
def test_a_value_that_would_break_the_head_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="control character"):
        response_bytes(Response(200, headers=((b"X", value),)))
    with pytest.raises(ValueError, match="control character"):
        response_bytes(Response(200, etag=value))


def test_a_refusal_closes_and_405_names_what_is_allowed() -> None:
    assert refusal(400).close
    data = response_bytes(refusal(405), connection=b"close")
    response, _ = read(data)
    assert (b"allow", b"GET, HEAD") in list(response.headers)
    assert (b"connection", b"close") in list(response.headers)


def test_overload_says_when_to_come_back() -> None:
    response, _ = read(response_bytes(overloaded(5)))
    assert response.status_code == 503
    assert (b"retry-after", b"5") in list(response.headers)


def test_plain_answers_say_their_status_and_nothing_else() -> None:
    assert plain_response(404).body == b"Not Found\n"
    assert not plain_response(404).close


def test_a_file_is_measured_and_not_sent() -> None:
    response = Response(200, file=FileContent("ab", 5, 1234))
    data = response_bytes(response)
    assert data.endswith(b"\r\n\r\n")
    assert b"\r\nContent-Length: 1234\r\n" in data
    assert data == response_bytes(response, with_body=False)
