"""The demo as a user runs it: a child process, stopped by Ctrl-C."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bootwave.cli.demo import LOOPBACK, PNP_PORT
from bootwave.cli.main import main
from bootwave.server.supervisor import PR_SET_PDEATHSIG


def demo(directory: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "bootwave", "demo", "--phones", "20"),
            *("--directory", str(directory), *more),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run that is killed leaves no demo serving.
        preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
    )


def processes_of(directory: Path) -> list[str]:
    """Return the command lines of processes that run on *directory*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in line and " serve" in line:
            found.append(line)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_boots_its_phones_and_serves_until_it_is_stopped(
    tmp_path: Path, number: signal.Signals
) -> None:
    directory = tmp_path / "var"
    process = demo(directory)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "window list" in line:
            break
    assert processes_of(directory)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    text = "".join(lines) + out
    assert process.returncode == 0, text + err
    assert "20 accounts of pbx.example.com are bound and open" in text
    assert "engine: ready" in text
    assert "20 booted, 0 refused, 0 silent, 0 failed." in text
    assert "Serving until Ctrl-C" in text
    assert processes_of(directory) == []


def test_the_demo_opens_its_accounts_again_at_every_run(tmp_path: Path) -> None:
    for _ in range(2):
        process = demo(tmp_path / "var", "--once")
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, out + err
        assert "20 booted" in out
    assert (tmp_path / "var" / "bootwave.key").stat().st_mode & 0o777 == 0o600


def test_the_demo_leaves_a_directory_alone_that_is_not_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "[http]\n"
    (tmp_path / "bootwave.toml").write_text(own)
    assert main(["demo", "--directory", str(tmp_path)]) == 1
    assert "is no demo's" in capsys.readouterr().err
    assert (tmp_path / "bootwave.toml").read_text() == own
    assert os.listdir(tmp_path) == ["bootwave.toml"]


def test_the_demo_moves_to_free_ports_when_its_own_are_taken(tmp_path: Path) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            udp.bind((LOOPBACK, PNP_PORT))
        except OSError:
            pass  # somebody else has it: all the better
        process = demo(tmp_path / "var", "--once")
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    assert f"pnp udp 127.0.0.1:{PNP_PORT}\n" not in out


def test_a_demo_that_runs_is_not_disturbed_by_another(tmp_path: Path) -> None:
    directory = tmp_path / "var"
    process = demo(directory)
    assert process.stdout is not None
    while "status" not in process.stdout.readline():
        assert process.poll() is None
    before = (directory / "bootwave.toml").read_text()
    second = demo(directory, "--once")
    _out, err = second.communicate(timeout=30)
    assert second.returncode == 1
    assert "An engine runs on" in err
    assert (directory / "bootwave.toml").read_text() == before
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0
