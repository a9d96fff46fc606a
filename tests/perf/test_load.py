"""The load programs against the limits: they take the right and notice the wrong."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf import documents
from perf.contenders import limits
from perf.contenders.process import Served
from perf.documents import Expected, checksum
from perf.programs import load, program

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("taskset")) and not os.environ.get("CI"),
    reason="gcc or taskset is not installed",
)

DOCUMENT = b"<settings>" + bytes(range(32, 127)) * 80 + b"</settings>"
PATHS = [f"/{number:012X}.xml" for number in range(16)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    served = limits.http(tmp_path, DOCUMENT)
    yield served
    served.stop()


def test_what_the_load_program_learns_is_what_was_served(
    server: Served, tmp_path: Path
) -> None:
    asked = documents.write(tmp_path / "asked", [Expected(path) for path in PATHS])
    learned = tmp_path / "learned"
    told = load("http_load", server.port, asked, 4, "once", learned)
    assert (told["answered"], told["wrong"], told["failed"]) == (16, 0, 0)
    right = Expected("", len(DOCUMENT), checksum(DOCUMENT))
    assert documents.read(learned) == [right._replace(path=path) for path in PATHS]


@pytest.mark.parametrize("mode", ["close", "keep"])
def test_right_documents_are_counted(server: Served, tmp_path: Path, mode: str) -> None:
    lines = [Expected(path, len(DOCUMENT), checksum(DOCUMENT)) for path in PATHS]
    asked = documents.write(tmp_path / "asked", lines)
    told = load("http_load", server.port, asked, 8, 0.1, mode)
    assert told["answered"] > 0
    assert (told["wrong"], told["failed"]) == (0, 0)


@pytest.mark.parametrize(
    ("length", "total"),
    [(len(DOCUMENT) - 1, checksum(DOCUMENT)), (len(DOCUMENT), checksum(DOCUMENT) ^ 1)],
)
def test_another_document_than_expected_is_wrong(
    server: Served, tmp_path: Path, length: int, total: int
) -> None:
    lines = [Expected(path, length, total) for path in PATHS]
    asked = documents.write(tmp_path / "asked", lines)
    told = load("http_load", server.port, asked, 4, "once", tmp_path / "learned")
    assert (told["answered"], told["wrong"]) == (0, 16)
    assert told["said"].startswith("/0000000000")


def test_exchanges_are_counted_when_they_are_complete(tmp_path: Path) -> None:
    served = limits.sip(tmp_path)
    try:
        told = load("sip_load", served.port, "000413200000", 100, "exchange", 16, 0.1)
    finally:
        served.stop()
    assert told["complete"] > 0
    assert told["odd"] == 0


def test_silence_is_no_complete_exchange(server: Served) -> None:
    # Nothing listens on that UDP port.
    told = load("sip_load", server.port, "000413200000", 100, "burst", 10)
    assert (told["begun"], told["complete"]) == (10, 0)


def test_a_burst_arrives_as_one_datagram_for_each_phone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        port = sock.getsockname()[1]
        told = load("sip_load", port, "000413200000", 100, "burst", 130)
        heard = []
        with contextlib.suppress(BlockingIOError):
            while True:
                heard.append(sock.recv(65536))
    assert (told["begun"], len(heard)) == (130, 130)
    assert all(data.startswith(b"SUBSCRIBE sip:MAC%3a") for data in heard)
    assert all(data.endswith(b"\r\n\r\n") for data in heard)
    assert len({data.partition(b"Call-ID:")[2] for data in heard}) == 130


def test_requests_at_a_steady_rate_are_each_waited_for(
    server: Served, tmp_path: Path
) -> None:
    lines = [Expected(path, len(DOCUMENT), checksum(DOCUMENT)) for path in PATHS]
    asked = documents.write(tmp_path / "asked", lines)
    told = load("paced_load", server.port, asked, 1000)
    assert (told["answered"], told["wrong"], told["failed"]) == (16, 0, 0)
    assert 0 < told["p50_ms"] <= told["p99_ms"] <= told["most_ms"]
    wrong = [line._replace(checksum=line.checksum ^ 1) for line in lines]
    told = load("paced_load", server.port, documents.write(asked, wrong), 1000)
    assert (told["answered"], told["wrong"]) == (0, 16)


@pytest.mark.parametrize(("size", "right"), [(0, True), (1, False)])
def test_images_are_counted_when_they_are_whole(
    server: Served, size: int, right: bool
) -> None:
    command = [str(program("load/image_load")), str(server.port), PATHS[0]]
    with subprocess.Popen(
        [*command, str(len(DOCUMENT) + size), "4"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        said = {process.stdout.readline(), process.stdout.readline()}
        assert said == {b"ready\n", b"whole\n" if right else b"wrong\n"}
        process.stdin.close()
        told = json.loads(process.stdout.read())
    assert bool(told["whole"]) is right
    assert bool(told["wrong"]) is not right
