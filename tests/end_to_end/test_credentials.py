"""A phone without a certificate, over clear HTTP, from its first document on."""

import base64
import json
import re
import stat
import threading
import time
from pathlib import Path

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Answer, Program
from tests.provision.client import digest

MAC = "0004132E08B4"
ACCOUNT = f"401@{DOMAIN}"
PATH = f"/{MAC}.xml"
AGENT = "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)"
ELSEWHERE = "127.0.0.2"


def ask(program: Program, *fields: str, source: str = "", head: bool = False) -> Answer:
    client = program.client(source)
    if head:
        lines = [f"HEAD {PATH} HTTP/1.1", "Host: x", "Connection: close", *fields]
        client.socket.sendall("\r\n".join([*lines, "", ""]).encode())
    else:
        client.ask(PATH, AGENT, *fields)
    return client.answer()


def prove(
    program: Program,
    pair: tuple[str, str],
    *fields: str,
    source: str = ELSEWHERE,
    method: str = "GET",
) -> Answer:
    """Return the answer to the second request, which answers the challenge."""
    challenge = ask(program, source=source)
    assert challenge.status == 401
    found = re.search(rb'nonce="([^"]+)"', challenge.raw)
    assert found is not None
    shown = digest(*pair, PATH, found[1].decode(), method=method).decode()
    proof = f"Authorization: {shown}"
    return ask(program, proof, *fields, source=source, head=method == "HEAD")


def pair_in(answer: Answer) -> tuple[str, str]:
    found = re.findall(rb"<http_client_(user|pass) perm=\"R\">([^<]+)<", answer.body)
    assert [name for name, _ in found] == [b"user", b"pass"]
    user, password = (value.decode() for _, value in found)
    return user, password


def boot(program: Program, memory: Path, source: str) -> str:
    host, port = program.http
    url = f"http://{host}:{port}/{{mac}}.xml"
    done = program.boot(
        *("--mac", MAC, "--url", url, "--source", source, "--memory", str(memory))
    )
    outcome: str = done["outcome"]
    return outcome


def test_a_phone_goes_on_by_itself_after_its_window_closed_and_its_address_changed(
    programs: Serving, tmp_path: Path
) -> None:
    program = programs()
    memory = tmp_path / "flash.json"
    program.import_accounts({"401": MAC})
    program.start()
    assert boot(program, memory, "127.0.0.1") == "refused"
    program.command("window", "open", ACCOUNT)
    assert boot(program, memory, "127.0.0.1") == "booted"
    assert stat.S_IMODE(memory.stat().st_mode) == 0o600
    first = json.loads(memory.read_text())[MAC]
    program.command("window", "close", ACCOUNT)
    assert boot(program, tmp_path / "blank.json", ELSEWHERE) == "refused"
    for source in (ELSEWHERE, "127.0.0.3", "127.0.0.1"):
        assert boot(program, memory, source) == "booted"
    assert json.loads(memory.read_text())[MAC] == first
    # A restart of the engine changes nothing.
    assert program.stop() == 0
    program.start()
    assert boot(program, memory, ELSEWHERE) == "booted"
    # Rotated, it learns the new pair by the old one.
    program.command("device", "credentials", "rotate", MAC)
    assert boot(program, memory, ELSEWHERE) == "booted"
    second = json.loads(memory.read_text())[MAC]
    assert second != first
    old = tmp_path / "old.json"
    old.write_text(json.dumps({MAC: first}))
    assert boot(program, memory, ELSEWHERE) == "booted"
    assert boot(program, old, "127.0.0.3") == "refused"
    shown = program.command("device", "show", MAC)
    assert shown["provisioned"]
    assert shown["credentials"]["used_at"] is not None
    assert not shown["credentials"]["previous"]
    assert program.run("device", "credentials", "revoke", MAC).returncode == 0
    assert boot(program, memory, ELSEWHERE) == "refused"
    for secret in (*first, *second):
        assert secret not in program.errors()
        assert secret not in json.dumps(shown)


def test_a_tag_and_a_head_are_answered_by_who_proves_itself(
    programs: Serving,
) -> None:
    program = programs()
    program.import_accounts({"401": MAC}, minutes=10)
    program.start()
    given = ask(program)
    pair = pair_in(given)
    program.command("window", "close", ACCOUNT)
    current = prove(program, pair, f"If-None-Match: {given.etag}")
    assert (current.status, current.etag) == (304, given.etag)
    assert ask(program, f"If-None-Match: {given.etag}").status == 401
    head = prove(program, pair, method="HEAD")
    assert (head.status, head.body, head.etag) == (200, b"", given.etag)
    program.command("device", "credentials", "rotate", MAC)
    changed = prove(program, pair, f"If-None-Match: {given.etag}")
    assert changed.status == 200
    assert pair_in(changed) != pair


def test_revoked_credentials_are_over_in_every_worker_when_the_command_returns(
    programs: Serving,
) -> None:
    program = programs(HTTP__BASIC="true")
    program.import_accounts({"401": MAC}, minutes=10)
    program.start()
    pair = pair_in(ask(program))
    program.command("window", "close", ACCOUNT)
    proof = base64.b64encode(":".join(pair).encode()).decode()
    revoked = threading.Event()
    seen: list[tuple[bool, int]] = []
    failed: list[BaseException] = []

    def hammer(number: int) -> None:
        try:
            while len(seen) < 20_000:
                over = revoked.is_set()
                source = f"127.0.0.{2 + number}"
                answer = ask(program, f"Authorization: Basic {proof}", source=source)
                seen.append((over, answer.status))
                if over and sum(after for after, _ in list(seen)) > 200:
                    return
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=hammer, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(seen) < 200 and not failed and time.monotonic() < deadline:
        time.sleep(0.01)
    program.command("device", "credentials", "revoke", MAC)
    revoked.set()
    for thread in threads:
        thread.join(60)
    assert failed == []
    before = [status for over, status in seen if not over]
    assert before.count(200) >= 200
    assert {status for over, status in seen if over} == {401}


def test_a_wave_behind_one_address_proves_itself_and_is_not_slowed(
    programs: Serving, tmp_path: Path
) -> None:
    # Far more than misses are allowed, and done with long before any would be counted.
    phones, memory = 100, tmp_path / "flash.json"
    program = programs(LIMITS__MISSES="20", LIMITS__RUN_MISSES="20")
    first = int(MAC, 16)
    macs = {str(1000 + n): f"{first + n:012X}" for n in range(phones)}
    program.import_accounts(macs, minutes=10)
    program.start()
    host, port = program.http
    wave = ["--mac", MAC, "--url", f"http://{host}:{port}/{{mac}}.xml"]
    wave += ["--count", str(phones), "--memory", str(memory)]
    assert program.boot(*wave, "--source", "127.0.0.1")["booted"] == phones
    program.command("window", "close", "--domain", DOMAIN)
    for _ in range(2):
        report = program.boot(*wave, "--source", ELSEWHERE)
        assert report["booted"] == phones, report["reasons"]
    time.sleep(11)  # the time in which a phone may prove itself
    assert ask(program, source=ELSEWHERE).status == 401
    counters = program.command("status", "--all")["counters"]
    assert counters["misses"] == 0
    assert counters["misses_slowed"] == counters["misses_shed"] == 0
    assert counters["enumerations"] == 0
