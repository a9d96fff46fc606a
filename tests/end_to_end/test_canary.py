"""Secrets are where they must be and nowhere else: planted, used, and looked for.

Each is used in the ways that succeed and in those that fail; then everything that the
program wrote, printed or shows of itself is searched, in several spellings.
"""

import base64
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Program, wait_until

PHONE, OTHER = "0004132E08B4", "0004132E08B5"
ACCOUNT = f"401@{DOMAIN}"
PASSWORD = "Canary-pa55 word&<1>"
NEWER = "Canary-newer-2"
UNUSED = "Canary-unused-3"
KEY_FILES = {"bootwave.key"}


def spellings(secret: str) -> set[bytes]:
    """Return how *secret* may stand somewhere: plain, encoded, escaped, hexadecimal."""
    plain = secret.encode()
    escaped = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
        plain,
        quote(secret).encode(),
        quote(secret, safe="").encode(),
        escaped.encode(),
        plain.hex().encode(),
        base64.b64encode(plain).rstrip(b"="),
        plain.decode().encode("utf-16-le"),
    }


def shown_of(program: Program) -> Iterator[tuple[str, bytes]]:
    """Yield what everybody can see of the program's processes."""
    yield "ps", subprocess.run(["ps", "axwwe"], capture_output=True).stdout
    for pid in program.processes():
        for name in ("cmdline", "environ", "comm", "status", "maps"):
            try:
                yield f"{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes()
            except (PermissionError, ProcessLookupError, FileNotFoundError):
                continue  # all the better


def written_in(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the place; the key is the one that may hold secrets."""
    for path in directory.rglob("*"):
        if path.is_file() and path.name not in KEY_FILES:
            yield path.name, path.read_bytes()


class Told:
    """What the program's commands printed, without those that are to reveal."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.pieces: list[tuple[str, bytes]] = []

    def run(self, *words: str, stdin: str = "", fails: bool = False) -> str:
        done = self.program.run(*words, stdin=stdin)
        assert (done.returncode != 0) is fails, (words, done.stderr)
        told = done.stdout + done.stderr
        self.pieces.append((" ".join(words), told.encode()))
        return done.stdout

    def note(self, what: str, raw: bytes) -> None:
        self.pieces.append((what, raw))


def own_token(program: Program, path: str) -> str:
    found = re.search(rb"/(t[a-z2-7]{26})/\{mac\}", program.get(path).body)
    assert found is not None
    return found[1].decode()


def use_and_misuse(program: Program, told: Told, secrets: set[str]) -> None:
    """Plant the secrets and use them in every way that succeeds or fails."""
    told.run("account", "add", ACCOUNT, "--password-stdin", stdin=PASSWORD + "\n")
    told.run("account", "bind", ACCOUNT, PHONE)
    made = program.command("domain", "token", "make", DOMAIN, "--required")
    first = made["token"]
    secrets.add(first)
    # What fails names the secret to the engine, not to anybody else.
    for words in (
        ("account", "add", ACCOUNT, "--password-stdin"),
        ("account", "add", f"499@nowhere.{DOMAIN}", "--password-stdin"),
        ("account", "add", "4 9", "--password-stdin"),
        ("account", "set", f"499@{DOMAIN}", "--password-stdin"),
    ):
        told.run(*words, stdin=UNUSED + "\n", fails=True)
    rows = f"extension,password,nonsense\n1,{UNUSED},x\n"
    told.run("account", "import", "-", "--domain", DOMAIN, stdin=rows, fails=True)
    rows = f'extension,password\n"4 1",{UNUSED}\n{UNUSED},\n,{UNUSED}\n'
    rows = rows.replace(f"{UNUSED},\n", "")
    told.run("account", "import", "-", "--domain", DOMAIN, stdin=rows, fails=True)
    told.run("window", "open", ACCOUNT)
    assert PASSWORD[:6].encode() in program.get(f"/{first}/{PHONE}.xml").body
    own = own_token(program, f"/{first}/{PHONE}.xml")
    secrets.add(own)
    told.run("account", "set", ACCOUNT, "--password-stdin", stdin=NEWER + "\n")
    told.run("window", "open", ACCOUNT)
    for path in (
        f"/{own}/{PHONE}.xml",
        f"/{own}/snom370-{PHONE}.htm",
        f"/{own}/snom370-firmware.htm?mac={PHONE}",
        f"/{first}/general/snom370.xml",
    ):
        assert program.get(path).status == 200
    for path in (
        f"/{own}/{OTHER}.xml",  # of another phone
        f"/{own}",
        f"/{first}/nothing.here",
        f"/{first}/%zz",
        f"/{first}/?mac={own}",
        f"/{PHONE}.xml?t={first}&password={quote(PASSWORD)}",
    ):
        told.note(path[:0] + "an answer", program.get(path).raw)
    for data in (
        f"GET /{first}/{PHONE}.xml HTTP/9.9\r\nHost: x\r\n\r\n",
        f"GET /{first} {own} HTTP/1.1\r\nHost: x\r\n\r\n",
        f"POST /{own}/{PHONE}.xml HTTP/1.1\r\nHost: {first}:x\r\n\r\n",
        f"GET /{own}/{PHONE}.xml HTTP/1.1\r\n{first} {own}\r\n\r\n",
        f"GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {first}\r\n\r\n",
        f"HEAD /{own}/{PHONE}.xml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ):
        client = program.client()
        client.socket.sendall(data.encode())
        client.socket.shutdown(1)
        told.note("an answer", client.answer().raw)
    told.run("device", "token", "rotate", PHONE)
    newer = own_token(program, f"/{own}/{PHONE}.xml")
    secrets.add(newer)
    assert program.get(f"/{newer}/{PHONE}.xml").status == 200
    told.run("phone", "boot", "--mac", OTHER, "--url", program_url(program), fails=True)
    killed = program.workers()[0]
    os.kill(killed, signal.SIGABRT)
    wait_until(
        lambda: killed not in program.children() and len(program.workers()) == 2,
        "the worker is replaced",
    )
    program.get(f"/{newer}/{PHONE}.xml")
    told.run("store", "rekey")
    program.signal(signal.SIGHUP)
    program.get(f"/{newer}/{PHONE}.xml")


def program_url(program: Program) -> str:
    host, port = program.http
    return f"http://{host}:{port}/{{mac}}.xml"


LISTS = (
    ("account", "list", "--json"),
    ("account", "show", ACCOUNT, "--json"),
    ("device", "list", "--json"),
    ("device", "show", PHONE, "--json"),
    ("device", "show", OTHER),
    ("window", "list", "--all", "--json"),
    ("domain", "list", "--json"),
    ("audit", "list", "--json", "--limit", "1000"),
    ("status", "--all", "--json"),
    ("options", "check", "--json"),
    ("document", PHONE),
    ("document", PHONE, "--kind", "files"),
    ("document", PHONE, "--kind", "general"),
)


@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_are_found_nowhere_but_where_they_belong(
    serving: Serving, form: str, tmp_path: Path
) -> None:
    program = serving(LOG__LEVEL="debug", LOG__FORMAT=form)
    secrets = {PASSWORD, NEWER, UNUSED}
    told = Told(program)
    use_and_misuse(program, told, secrets)
    for words in LISTS:
        told.run(*words)
    everything = [
        *told.pieces,
        *shown_of(program),
        *written_in(program.directory),
        ("the log", program.errors().encode()),
    ]
    assert program.stop() == 0
    everything += written_in(program.directory)
    assert len(everything) > 40
    found = [
        (where, secret)
        for where, raw in everything
        for secret in secrets
        for spelled in spellings(secret)
        if spelled in raw
    ]
    assert found == []
    # The search finds what is there.
    assert spellings(NEWER) & {NEWER.encode()}
    shown = program.run("document", PHONE, "--reveal").stdout
    assert NEWER in shown
    assert not [path for path in tmp_path.rglob("core*") if path.is_file()]


def test_no_core_is_written_of_the_engines_processes(serving: Serving) -> None:
    program = serving(SERVER__DUMPABLE="false")
    for pid in program.processes():
        limits = Path(f"/proc/{pid}/limits").read_text()
        (core,) = re.findall(r"^Max core file size +(\S+) +(\S+)", limits, re.M)
        assert core == ("0", "0")
