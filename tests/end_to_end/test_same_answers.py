"""Two programs on equal stores, one with the lane: the same bytes get the same bytes.

What phones send, what is nearly that, and the corpus of the recogniser; a request by
itself, several at once, and several one after the other on a connection that stays.
"""

import random
import shutil
import socket
import time
from pathlib import Path

from bootwave.control.client import ControlClient
from tests.end_to_end.program import Answer, Program
from tools.fuzz_lane import CORPUS, mutated, read_corpus, whole

PHONE = "0004132E08B4"
CONVERSATIONS = 900
# What happened to requests; connections are counted alike, too.
SAME = (
    *("http_connections", "http_requests", "http_refused", "documents"),
    *("documents_secret", "documents_refused"),
)


def answers(program: Program, pieces: list[bytes]) -> list[bytes]:
    """Return what comes for *pieces*, sent one after the other, without the times."""
    with program.client().socket as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for number, piece in enumerate(pieces):
                if number:
                    time.sleep(0.002)  # so that it is read by itself, mostly
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        except OSError:  # it has been refused already
            pass
        received = bytearray()
        try:
            while some := client.recv(1 << 16):
                received += some
        except ConnectionResetError:
            pass
    parts = bytes(received).split(b"HTTP/1.1 ")
    assert parts[0] == b""
    return [Answer(b"HTTP/1.1 " + part).timeless for part in parts[1:]]


def conversation(chance: random.Random, corpus: list[bytes]) -> list[bytes]:
    """Return the pieces of what one client says."""
    requests = []
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(corpus) if not chance.randrange(5) else whole(chance)
        requests.append(mutated(data, chance) if chance.randrange(2) else data)
    if not chance.randrange(3):
        return [b"".join(requests)]
    return requests


def counters(program: Program) -> dict[str, int]:
    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    try:
        counted: dict[str, int] = client.call("engine.status", {})["counters"]
    finally:
        client.close()
    return counted


def test_the_lane_gives_the_answers_that_h11_gives(place: Path, tmp_path: Path) -> None:
    first = tmp_path / "on"
    shutil.copytree(place, first)
    told = {"HTTP__URL": "http://pbx.example.com", "SERVER__WORKERS": "1"}
    programs = [Program(first, HTTP__LANE="on", **told)]
    programs[0].import_accounts({"401": PHONE}, minutes=60)
    # Its credentials are made by chance, so they must be there before.
    try:
        programs[0].start()
        assert programs[0].get(f"/{PHONE}.xml").status == 200
        assert programs[0].stop() == 0
    finally:
        programs[0].clean_up()
    shutil.copytree(first, tmp_path / "off")
    programs.append(Program(tmp_path / "off", HTTP__LANE="off", **told))
    chance, corpus = random.Random(0), read_corpus(CORPUS)
    given = 0
    try:
        for program in programs:
            program.start()
            assert program.get(f"/{PHONE}.xml").status == 200
        for number in range(CONVERSATIONS):
            pieces = conversation(chance, corpus)
            fast, slow = (answers(program, pieces) for program in programs)
            assert fast == slow, (number, pieces)
            given += sum(answer.startswith(b"HTTP/1.1 200 ") for answer in fast)
        counted = [counters(program) for program in programs]
    finally:
        for program in programs:
            program.clean_up()
    assert given > CONVERSATIONS // 4
    for name in SAME:
        assert counted[0][name] == counted[1][name], name
    assert counted[0]["cache_hits"] > CONVERSATIONS // 10
