"""curl as an independent client of the settings server, over loopback."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest
import uvloop

from bootwave.http.challenge import challenge
from bootwave.http.conditional import is_current
from bootwave.http.contact import Contact
from bootwave.http.request import Request
from bootwave.http.response import Response, plain_response
from bootwave.http.target import DocumentKind, target_from
from bootwave.metrics import CounterPage
from bootwave.options import HttpOptions
from bootwave.server.listeners import close_listeners, open_http_listeners
from bootwave.server.tcp import HttpServer
from tests.peers.peer import require

XML = b'<?xml version="1.0" encoding="utf-8"?>\n<settings/>\n'
ETAG = b'"1"'


async def respond(request: Request, contact: Contact) -> Response:
    """General documents for everybody, a challenge for whoever names a MAC."""
    target = target_from(request.path, request.query)
    if target is None:
        return plain_response(404)
    if target.kind is DocumentKind.SETTINGS and request.authorization is None:
        return challenge(
            0,
            b"secret of the test",
            source=contact.source,
            mac=target.mac,
            offers=("Digest SHA-256", "Digest MD5"),
        )
    if is_current(request.if_none_match, ETAG):
        return Response(304, XML, etag=ETAG)
    return Response(200, XML, etag=ETAG)


@pytest.fixture(scope="module")
def urls() -> Iterator[list[str]]:
    """The base URLs of a server that runs in a thread, IPv4 and IPv6."""
    by_slot = open_http_listeners(["127.0.0.1:0", "[::1]:0"], 1)
    ready, stop = threading.Event(), asyncio.Event()
    loop = uvloop.new_event_loop()

    async def main() -> None:
        server = HttpServer(
            by_slot[0],
            respond,
            lambda sighting: None,
            CounterPage(1).row(0),
            HttpOptions(),
        )
        await server.start()
        ready.set()
        await stop.wait()
        await server.stop(1)

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    ready.wait(10)
    ports = [listener.getsockname()[1] for listener in by_slot[0]]
    yield [f"http://127.0.0.1:{ports[0]}", f"http://[::1]:{ports[1]}"]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()
    close_listeners(by_slot)


def curl(*arguments: str) -> str:
    """What curl prints; it must exit with 0, so it found no fault in the answer."""
    command = [require("curl"), "-sS", "--max-time", "10", "--noproxy", "*", *arguments]
    done = run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize("number", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
def test_curl_fetches_a_document(urls: list[str], number: int, version: str) -> None:
    got = curl(
        version, "-w", "%{http_code} %{content_type}", urls[number] + "/snom370.htm"
    )
    assert got == XML.decode() + "200 application/xml"


def test_curl_sees_the_same_head_for_head(urls: list[str]) -> None:
    url = urls[0] + "/snom370.htm"
    head = curl("-I", url)
    whole = curl("-i", url)
    assert f"Content-Length: {len(XML)}\r\n" in head
    undated = [
        [
            line
            for line in text.split("\r\n\r\n")[0].split("\r\n")
            if "Date:" not in line
        ]
        for text in (head, whole)
    ]
    assert undated[0] == undated[1]


def test_curl_uses_one_connection_for_several_documents(urls: list[str]) -> None:
    url = urls[0] + "/snom370.htm"
    out = ("-o", "/dev/null")
    got = curl("-w", "%{num_connects} ", *out, url, *out, url, *out, url)
    assert got == "1 0 0 "


def test_curl_keeps_an_http_1_0_connection_it_asked_for(urls: list[str]) -> None:
    url = urls[0] + "/snom370.htm"
    got = curl(
        *("--http1.0", "-H", "Connection: keep-alive", "-w", "%{num_connects} "),
        *("-o", "/dev/null", url, "-o", "/dev/null", url),
    )
    assert got == "1 0 "


def test_curl_is_told_that_it_has_the_document(urls: list[str], tmp_path: Path) -> None:
    url = urls[0] + "/snom370.htm"
    tags = str(tmp_path / "etag")
    curl("--etag-save", tags, url)
    assert curl("--etag-compare", tags, "-w", "%{http_code}", url) == "304"


def test_curl_posts_in_vain_and_still_reads_why(urls: list[str]) -> None:
    body = "x" * 10_000
    assert curl("-d", body, "-w", "%{http_code}", urls[0] + "/").endswith("405")


def test_curl_understands_the_challenge(urls: list[str]) -> None:
    # It answers with a Digest made from the nonce: the challenge parses.
    url = urls[0] + "/0004132E08B4.xml"
    assert curl("-o", "/dev/null", "-w", "%{http_code}", url) == "401"
    got = curl("--digest", "-u", "a:b", "-o", "/dev/null", "-w", "%{http_code}", url)
    assert got == "200"


def test_curl_reaches_a_path_with_dots_and_a_placeholder(urls: list[str]) -> None:
    plain = ("-g", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}")
    assert curl(*plain, urls[0] + "/a/../../etc/passwd") == "404"
    assert curl(*plain, urls[0] + "/prov/snom370-{mac}.htm") == "200"


def test_curl_as_through_a_proxy_is_served(urls: list[str]) -> None:
    command = ("-x", urls[0], "--noproxy", "", "-o", "/dev/null", "-w", "%{http_code}")
    assert curl(*command, "http://pbx.example/snom370.htm") == "200"
