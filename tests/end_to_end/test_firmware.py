"""Firmware by the installed program: a version changed in the document, and images."""

import hashlib
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, PATIENCE, Program, wait_until

OLD, NEW = "snom370-8.4.35-SIP-f.bin", "snom370-8.5.36-SIP-f.bin"
PHONES = {"401": "0004132E08B4", "402": "0004132E08B5", "403": "0004132E08B6"}
CONTENT = os.urandom(1_000_003)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
AGENT = "User-Agent: Mozilla/4.0 (compatible; {}-SIP {} 1.1.3-u)"
ASKING = "/{0}/{0}-firmware.htm"


@pytest.fixture
def program(serving: Serving, tmp_path: Path) -> Program:
    """Two workers, three phones with open accounts, and both images of the snom370."""
    program = serving()
    program.import_accounts(PHONES, minutes=10)
    for name, content in ((OLD, b"old"), (NEW, CONTENT)):
        file = tmp_path / name
        file.write_bytes(content)
        program.command("firmware", "upload", str(file))
    program.command("firmware", "set", "snom370", "8.4.35")
    return program


def booted(program: Program, mac: str, model: str, firmware: str) -> list[str]:
    """Return what the phone did after its settings were there."""
    url = "http://{}:{}/{{mac}}.xml".format(*program.http)
    verdict: Any = program.boot(
        *("--url", url, "--mac", mac, "--model", model, "--firmware", firmware)
    )
    assert verdict["outcome"] == "booted", verdict
    return [step["what"] for step in verdict["steps"] if "irmware" in step["what"]][1:]


def told(program: Program, model: str, version: str, scope: str = "") -> bytes:
    path = ASKING.format(model) + (f"?scope={scope}" if scope else "")
    client = program.client()
    client.ask(path, AGENT.format(model, version))
    answer = client.answer()
    assert answer.status == 200
    return answer.body


def edit(program: Program, tmp_path: Path, old: str, new: str) -> Any:
    """Change *old* to *new* in the document, with the editor that commands start."""
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "file = pathlib.Path(sys.argv[1])\n"
        "text = file.read_text()\n"
        f"assert {old!r} in text\n"
        f"file.write_text(text.replace({old!r}, {new!r}))\n"
    )
    previous = os.environ.get("EDITOR")
    os.environ["EDITOR"] = f"'{sys.executable}' '{script}'"
    try:
        return program.command("firmware", "edit", "--yes")
    finally:
        os.environ.pop("EDITOR")
        if previous is not None:
            os.environ["EDITOR"] = previous


def test_a_version_changed_in_the_document_reaches_phones_of_that_model_once(
    program: Program, tmp_path: Path
) -> None:
    first, second, third = PHONES.values()
    assert booted(program, first, "snom370", "8.4.35") == []
    change = edit(program, tmp_path, "8.4.35", "8.5.36")
    assert [one["version"] for one in change["added"]] == ["8.5.36"]
    assert [one["version"] for one in change["removed"]] == ["8.4.35"]
    # Of that model: told, and the image comes whole.
    offered, fetched = booted(program, first, "snom370", "8.4.35")
    url = "http://{}:{}/firmware/{}/{}".format(*program.http, SHA256, NEW)
    assert offered == f"firmware is offered at {url}"
    assert f"GET {url}: 200, {len(CONTENT)} bytes" in fetched
    # Once: it is there then.  Others: nothing.
    assert booted(program, first, "snom370", "8.5.36") == []
    assert booted(program, second, "snom370", "8.5.36") == []
    assert booted(program, third, "snom320", "8.4.35") == []
    wait_until(
        lambda: "FIRMWARE_TOLD" in program.reasons(first), "that it was told is seen"
    )
    # A missing image: nothing.
    (program.directory / "images" / SHA256).unlink()
    assert booted(program, first, "snom370", "8.4.35") == []
    counters = program.command("status")["counters"]
    assert counters["firmware_told"] == 1
    assert counters["images"] == 1


def test_every_worker_tells_what_was_said_last(program: Program) -> None:
    for _ in range(2):
        program.command("firmware", "set", "snom370", "8.5.36")
        for _ in range(8):
            assert SHA256.encode() in told(program, "snom370", "8.4.35")
        program.command("firmware", "forbid", "snom370", "8.5.36")
        for _ in range(8):
            assert b"<firmware " not in told(program, "snom370", "8.4.35")
        program.command("firmware", "permit", "snom370", "8.5.36")


def test_what_is_said_for_some_is_told_by_a_url_of_their_own(program: Program) -> None:
    first, second, _ = PHONES.values()
    program.command("firmware", "set", "snom370", "8.5.36", "--device", first)
    texts = {}
    for mac in (first, second):
        client = program.client()
        client.ask(f"/{mac}.xml", AGENT.format("snom370", "8.4.18"))
        texts[mac] = client.answer().body.decode()
    assert "scope=" not in texts[second]
    scope = texts[first].partition("&amp;scope=")[2].partition("<")[0]
    assert len(scope) == 26
    assert SHA256.encode() in told(program, "snom370", "8.4.35", scope)
    # Who is not told the handle is told what everybody is, with a MAC or without.
    everybody = told(program, "snom370", "8.4.35")
    assert b"<firmware " not in everybody
    for other in (f"x&mac={first}", f"&mac={first}", "a" * 26):
        assert told(program, "snom370", "8.4.35", other) == everybody
    program.command("firmware", "pin", "keep", "--model", "snom370", "--domain", DOMAIN)
    assert told(program, "snom370", "8.4.35", scope) == everybody


def test_an_image_is_fetched_whole_or_in_parts(program: Program) -> None:
    path = f"/firmware/{SHA256}/{NEW}"
    client = program.client()
    client.ask_and_stay(path)
    whole = client.answer()  # it closes, whatever was asked for
    assert whole.body == CONTENT
    assert whole.etag == f'"{SHA256}"'
    client = program.client()
    client.ask(path, "Range: bytes=999990-", f"If-Range: {whole.etag}")
    part = client.answer()
    assert (part.status, part.body) == (206, CONTENT[999_990:])
    assert b"\r\nContent-Range: bytes 999990-1000002/1000003\r\n" in part.raw
    client = program.client()
    client.ask(path, "Range: bytes=1000003-")
    assert client.answer().status == 416
    client = program.client()
    client.ask(path, f"If-None-Match: {whole.etag}")
    assert client.answer().status == 304
    client = program.client()
    client.socket.sendall(
        f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n"
        f"GET /firmware/{'ab' * 32}/{NEW} HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    head, _, rest = client.answer().raw.partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: 1000003\r\n" in head + b"\r\n"
    assert rest.startswith(b"HTTP/1.1 404 ")


def test_an_image_is_fetched_over_tls(program: Program) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    program.command("firmware", "set", "snom370", "8.5.36")
    with socket.create_connection(program.https, PATIENCE) as sock:
        with context.wrap_socket(sock) as client:
            agent = AGENT.format("snom370", "8.4.35")
            asking = ASKING.format("snom370")
            client.sendall(f"GET {asking} HTTP/1.0\r\n{agent}\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
    url = "https://{}:{}/firmware/{}/{}".format(*program.https, SHA256, NEW)
    assert url.encode() in answer
    for field, expected in (
        ("X: y", CONTENT),
        ("Range: bytes=999000-999999", CONTENT[999_000:1_000_000]),
    ):
        with socket.create_connection(program.https, PATIENCE) as sock:
            with context.wrap_socket(sock) as client:
                path = f"/firmware/{SHA256}/{NEW}"
                head = f"GET {path} HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n"
                client.sendall(head.encode())
                # An end without close_notify would raise.
                answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.partition(b"\r\n\r\n")[2] == expected


def test_when_too_many_fetch_settings_do_not_wait_for_them(serving: Serving) -> None:
    # So slow that nobody is ever done, and nobody is cut off for not reading.
    program = serving(FIRMWARE__DOWNLOADS="4", FIRMWARE__BYTES_PER_SECOND="10000")
    program.import_accounts(PHONES, minutes=10)
    image = program.directory / NEW
    image.write_bytes(CONTENT)
    program.command("firmware", "upload", str(image))
    fetching = []
    while True:
        client = program.client()
        client.ask(f"/firmware/{SHA256}/{NEW}")
        if client.socket.recv(12, socket.MSG_PEEK).endswith(b"503"):
            break
        fetching.append(client)
        assert len(fetching) <= 4
    assert b"\r\nRetry-After: 60\r\n" in client.answer().raw
    assert len(fetching) >= 2  # of two workers each has its share
    for mac in PHONES.values():
        assert program.get(f"/{mac}.xml").status == 200
    assert b"<firmware-settings>" in told(program, "snom370", "8.4.35")


def test_an_image_that_is_fetched_outlives_new_workers(serving: Serving) -> None:
    # Of a worker's half it takes twice as long as one that stops would wait.
    program = serving(FIRMWARE__BYTES_PER_SECOND="180000")
    image = program.directory / NEW
    image.write_bytes(CONTENT)
    program.command("firmware", "upload", str(image))
    client = program.client()
    client.ask(f"/firmware/{SHA256}/{NEW}")
    assert client.socket.recv(12, socket.MSG_PEEK).endswith(b"200")
    before = program.children()
    program.signal(signal.SIGHUP)
    wait_until(lambda: len(program.children() - before) == 3, "the next ones are there")
    assert before & program.children()
    assert client.answer().body == CONTENT
    wait_until(lambda: not before & program.children(), "the last one is gone")
    assert program.stop() == 0


def test_without_time_to_finish_an_image_is_cut_off(serving: Serving) -> None:
    program = serving(FIRMWARE__BYTES_PER_SECOND="10000", FIRMWARE__FINISH_SECONDS="0")
    image = program.directory / NEW
    image.write_bytes(CONTENT)
    program.command("firmware", "upload", str(image))
    client = program.client()
    client.ask(f"/firmware/{SHA256}/{NEW}")
    assert client.socket.recv(12, socket.MSG_PEEK).endswith(b"200")
    program.signal(signal.SIGHUP)
    with pytest.raises(ConnectionResetError):
        client.answer()
