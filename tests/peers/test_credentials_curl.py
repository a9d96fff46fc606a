"""curl proves itself to the real program, with Digest and with Basic."""

from collections.abc import Callable
from subprocess import run

import pytest

from tests.end_to_end.program import Program
from tests.peers.conftest import MAC
from tests.peers.peer import require

SNOM = "Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-s)"
PAIR = "401:secret-401"


@pytest.fixture(scope="module")
def program(one_account: Callable[..., Program]) -> Program:
    return one_account(HTTP__BASIC="true")


def curl(program: Program, *arguments: str, mac: str = MAC) -> tuple[int, str]:
    host, port = program.http
    command = [require("curl"), "-sS", "--max-time", "10", "--noproxy", "*"]
    url = f"http://{host}:{port}/{mac}.xml"
    command += ["-w", "\n%{http_code}", *arguments, url]
    done = run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    text, _, status = done.stdout.decode().rpartition("\n")
    return int(status), text


@pytest.mark.parametrize("scheme", ["--digest", "--basic", "--anyauth"])
@pytest.mark.parametrize("agent", ["curl", SNOM])
def test_right_credentials_are_right(program: Program, scheme: str, agent: str) -> None:
    status, text = curl(program, scheme, "-A", agent, "-u", PAIR)
    # A snom is asked for Basic here, so curl has nothing to answer with Digest.
    if scheme == "--digest" and agent == SNOM:
        assert status == 401
        return
    assert status == 200
    assert "<user_pass" in text


@pytest.mark.parametrize("scheme", ["--digest", "--basic", "--anyauth"])
def test_wrong_ones_are_wrong(program: Program, scheme: str) -> None:
    assert curl(program, scheme, "-u", "401:secret-402")[0] == 401
    assert curl(program, scheme, "-u", PAIR, mac="0004132E08B5")[0] == 401


def test_head_and_several_files_on_one_connection(program: Program) -> None:
    assert curl(program, "--digest", "-u", PAIR, "--head")[0] == 200
    host, port = program.http
    files = f"http://{host}:{port}/snom370-{MAC}.htm"
    status, text = curl(program, "--digest", "-u", PAIR, files)
    assert status == 200
    assert "<setting-files>" in text
    assert "401" not in text.splitlines()


def test_a_query_is_part_of_what_is_proved(program: Program) -> None:
    host, port = program.http
    url = f"http://{host}:{port}/prov/settings.xml?mac={MAC}&x=%7Ba%7D"
    command = [require("curl"), "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    done = run([*command, "--digest", "-u", PAIR, url], capture_output=True, check=True)
    assert done.stdout == b"200"
