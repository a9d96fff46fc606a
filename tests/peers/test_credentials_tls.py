"""curl proves itself over TLS, with Basic and with Digest, and so does a snom."""

from collections.abc import Callable
from subprocess import run

import pytest

from tests.end_to_end.program import Program
from tests.peers.conftest import MAC
from tests.peers.peer import require

SNOM = "Mozilla/4.0 (compatible; snomD785-SIP 10.1.39.11)"
PAIR = "401:secret-401"


@pytest.fixture(scope="module")
def program(one_account: Callable[..., Program]) -> Program:
    return one_account(HTTPS__LISTEN="127.0.0.1:0")


def curl(program: Program, *arguments: str, mac: str = MAC) -> tuple[int, str, str]:
    """Return status, head and content of the answer over TLS."""
    (line,) = (line for line in program.lines if line.startswith("https "))
    command = [require("curl"), "-sS", "-k", "--max-time", "10", "--noproxy", "*"]
    url = f"https://{line.removeprefix('https ')}/{mac}.xml"
    done = run([*command, "-i", *arguments, url], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    head, _, content = done.stdout.decode().rpartition("\r\n\r\n")
    return int(head.rpartition("HTTP/1.1 ")[2][:3]), head, content


@pytest.mark.parametrize("scheme", ["--basic", "--digest", "--anyauth"])
def test_right_credentials_are_right_and_wrong_ones_wrong(
    program: Program, scheme: str
) -> None:
    status, _, content = curl(program, scheme, "-u", PAIR)
    assert status == 200
    assert "<http_client_pass" in content
    assert curl(program, scheme, "-u", "401:secret-402")[0] == 401
    assert curl(program, scheme, "-u", PAIR, mac="0004132E08B5")[0] == 401


def test_a_snom_is_asked_for_basic_and_nothing_else(program: Program) -> None:
    status, head, _ = curl(program, "-A", SNOM)
    assert status == 401
    assert head.count("WWW-Authenticate:") == 1
    assert 'WWW-Authenticate: Basic realm="bootwave"' in head
    assert curl(program, "-A", SNOM, "--anyauth", "-u", PAIR)[0] == 200


def test_what_was_right_over_tls_is_not_taken_in_clear(program: Program) -> None:
    for _ in range(3):
        assert curl(program, "--basic", "-u", PAIR)[0] == 200
    host, port = program.http
    command = [require("curl"), "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    done = run(
        [*command, "--basic", "-u", PAIR, f"http://{host}:{port}/{MAC}.xml"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"401"
