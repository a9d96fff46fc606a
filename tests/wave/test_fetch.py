import pytest

from bootwave.errors import ServerFault
from bootwave.wave.fetch import ImageReader, Response, ResponseReader, request
from bootwave.wave.url import url_from

ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/xml\r\n"
    b"Content-Length: 5\r\n"
    b"Connection: close\r\n\r\n"
    b"12345"
)


def answer(data: bytes) -> Response | None:
    return ResponseReader().receive_data(data)


def test_a_request_is_a_plain_get_of_a_phone() -> None:
    url = url_from("http://127.0.0.1:8080/a.htm?mac=1")
    assert request(url, "Mozilla/4.0 (compatible; snom)", keep_alive=False) == (
        b"GET /a.htm?mac=1 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:8080\r\n"
        b"User-Agent: Mozilla/4.0 (compatible; snom)\r\n"
        b"Connection: close\r\n\r\n"
    )
    assert b"keep-alive" in request(url, "x", keep_alive=True)


def test_an_answer_is_read_whole_and_byte_by_byte() -> None:
    whole = answer(ANSWER)
    reader = ResponseReader()
    parts = [reader.receive_data(ANSWER[i : i + 1]) for i in range(len(ANSWER))]
    assert parts[:-1] == [None] * (len(ANSWER) - 1)
    assert parts[-1] == whole
    assert whole is not None
    assert (whole.status, whole.content, whole.stays_open) == (200, b"12345", False)


def test_an_answer_says_whether_its_connection_stays_open() -> None:
    open_one = answer(ANSWER.replace(b"Connection: close\r\n", b""))
    assert open_one is not None
    assert open_one.stays_open
    old = answer(ANSWER.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"close", b"x"))
    assert old is not None
    assert not old.stays_open


def test_no_content_needs_no_length() -> None:
    empty = answer(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert empty is not None
    assert empty.content == b""
    unchanged = answer(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")
    assert unchanged is not None
    assert unchanged.content == b""


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (ANSWER + b"x", "1 bytes more"),
        (ANSWER.replace(b"Content-Length: 5\r\n", b""), "no Content-Length"),
        (ANSWER.replace(b"Length: 5", b"Length: five"), "not a number"),
        (ANSWER.replace(b"Length: 5", b"Length: 9999999999"), "can hold"),
        (ANSWER.replace(b"Length: 5", b"Length: 5\r\nContent-Length: 5"), "twice"),
        (ANSWER.replace(b"Length: 5", b"Length: 5\r\nTransfer-Encoding: chunked"),
         "chunks"),
        (ANSWER.replace(b"HTTP/1.1 200 OK", b"HTTP/2 200 OK"), "status line"),
        (ANSWER.replace(b"HTTP/1.1 200 OK", b"HTTP/1.1 200"), "status line"),
        (ANSWER.replace(b"Connection:", b"Connection :"), "no header"),
        (ANSWER.replace(b"close", b"clo\nse"), "no header"),
        (ANSWER.replace(b"200 OK", b"100 Continue"), "interim"),
        (b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", "yet has"),
        (b"x" * 20_000, "exceed"),
    ],
)  # fmt: skip
def test_an_answer_that_a_phone_could_not_read_is_named(
    data: bytes, complaint: str
) -> None:
    with pytest.raises(ServerFault, match=complaint):
        answer(data)


def test_what_is_missing_is_named() -> None:
    reader = ResponseReader()
    assert reader.missing() == "without an answer"
    reader.receive_data(ANSWER[:10])
    assert reader.missing() == "inside the headers of the answer"
    reader.receive_data(ANSWER[10:-1])
    assert reader.missing() == "after 4 of 5 bytes"


@pytest.mark.parametrize("piece", [1, 7, 64, 10_000])
def test_of_an_image_only_the_size_is_kept(piece: int) -> None:
    data = ANSWER.replace(b"Length: 5", b"Length: 2000").replace(b"12345", b"x" * 2000)
    reader = ImageReader()
    assert reader.missing() == "without an answer"
    found = None
    for start in range(0, len(data), piece):
        assert found is None
        found = reader.receive_data(data[start : start + piece])
    assert found is not None
    assert (found.status, found.content, reader.size) == (200, b"", 2000)
    assert reader.status == 200


def test_an_image_may_be_large_but_not_larger_than_it_says() -> None:
    head = ANSWER.removesuffix(b"12345").replace(b": 5", b": 137000000")
    reader = ImageReader()
    assert reader.receive_data(head) is None
    assert reader.receive_data(b"x" * 100) is None
    assert reader.missing() == "after 100 of 137000000 bytes"
    for data in (ANSWER + b"6", ANSWER[:-5] + b"123456"):
        with pytest.raises(ServerFault, match="1 bytes more"):
            ImageReader().receive_data(data)
    reader = ImageReader()
    reader.receive_data(ANSWER[:-2])
    with pytest.raises(ServerFault, match="1 bytes more"):
        reader.receive_data(b"456")
    with pytest.raises(ServerFault, match="more than a phone can hold"):
        ImageReader().receive_data(head.replace(b"137000000", b"9999999999"))
