"""The demo as a user runs it: a child process, stopped by Ctrl-C."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import demo as demo_module
from bootwave.cli.demo import LOOPBACK, PNP_PORT
from bootwave.cli.main import main
from bootwave.optionsfile import load
from bootwave.server.supervisor import PR_SET_PDEATHSIG

# A machine that is busy with other tests takes its time; a demo that hangs is ended.
PATIENCE = 120


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
    out, err = process.communicate(timeout=PATIENCE)
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
        out, err = process.communicate(timeout=PATIENCE)
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
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out + err
    assert f"pnp udp 127.0.0.1:{PNP_PORT}\n" not in out


@pytest.mark.parametrize("stays", [True, False], ids=["stays", "goes"])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_the_demo_moves_when_ports_are_taken_in_that_very_moment(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: socket.SocketKind,
    *,
    stays: bool,
) -> None:
    """As two demos do to each other that begin at once, each on a port of its own."""
    rivals: list[socket.socket] = []
    find, start = demo_module._free_port, demo_module._started

    def find_and_lose(wanted_kind: socket.SocketKind, wanted: int) -> int:
        # The other port is not the demo's own either.
        port = find(wanted_kind, wanted if wanted_kind == kind else 0)
        if wanted_kind == kind and len(rivals) < (2 if stays else 1):
            rival = socket.socket(type=kind)
            rivals.append(rival)
            with contextlib.suppress(OSError):  # somebody else was faster still
                if kind == socket.SOCK_STREAM:
                    rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                rival.bind((LOOPBACK, port))
                if kind == socket.SOCK_STREAM:
                    rival.listen()
        return port

    def start_and_see_it_go(*where: Any) -> Any:
        try:
            return start(*where)
        finally:
            if not stays:
                rivals[0].close()

    monkeypatch.setattr(demo_module, "_free_port", find_and_lose)
    monkeypatch.setattr(demo_module, "_started", start_and_see_it_go)
    try:
        words = ["demo", "--phones", "5", "--once", "--directory", str(tmp_path)]
        assert main(words) == 0
    finally:
        for rival in rivals:
            rival.close()
    assert len(rivals) == (2 if stays else 1)


def test_an_engine_that_fails_elsewhere_too_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOTWAVE_PNP__GROUP", "224.0.1.300")
    monkeypatch.setattr(demo_module, "_loaded", lambda file: load(file, {}))
    words = ["demo", "--phones", "5", "--once", "--directory", str(tmp_path)]
    assert main(words) == 1
    assert capfd.readouterr().err.count("224.0.1.300") == 2


def test_a_demo_that_runs_is_not_disturbed_by_another(tmp_path: Path) -> None:
    directory = tmp_path / "var"
    process = demo(directory)
    assert process.stdout is not None
    while "status" not in process.stdout.readline():
        assert process.poll() is None
    before = (directory / "bootwave.toml").read_text()
    second = demo(directory, "--once")
    _out, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert "An engine runs on" in err
    assert (directory / "bootwave.toml").read_text() == before
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
