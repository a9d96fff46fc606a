"""The command, run as a program or in this process, and a store it works on."""

import asyncio
import gc
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import place
from bootwave.cli.main import main
from bootwave.control.server import ControlServer
from bootwave.optionsfile import load
from bootwave.store.administration import Administration
from bootwave.store.boot import instant
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.end_to_end.program import made_place


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Done]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Run each command as if it were the first of its process, in an empty place."""
    for name in [name for name in os.environ if name.startswith("BOOTWAVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "1")
    monkeypatch.setattr(place, "_chosen", None)
    monkeypatch.chdir(tmp_path)
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)


@pytest.fixture
def bootwave(tmp_path: Path) -> Command:
    """Run the command as a program of its own; with *script* the installed one."""

    def run(
        *arguments: str | Path,
        stdin: str = "",
        script: bool = False,
        **environ: str,
    ) -> Done:
        installed = Path(sys.executable).with_name("bootwave")
        program = [str(installed)] if script else [sys.executable, "-m", "bootwave"]
        done = subprocess.run(
            [*program, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            env={**os.environ, **environ},
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process, which is faster."""

    def in_process(*arguments: str | Path, stdin: str | bytes = "") -> Done:
        data = stdin if isinstance(stdin, bytes) else stdin.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        monkeypatch.setattr(place, "_chosen", None)
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(status, out, err)

    return in_process


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place that ``bootwave init`` made."""
    directory = tmp_path_factory.mktemp("made") / "place"
    return made_place(directory).directory


@pytest.fixture
def options_file(
    made_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The options file of a fresh store, which commands find by BOOTWAVE_OPTIONS."""
    directory = tmp_path / "place"
    shutil.copytree(made_once, directory)
    monkeypatch.setenv("BOOTWAVE_OPTIONS", str(directory / "bootwave.toml"))
    return directory / "bootwave.toml"


@pytest.fixture
def store(options_file: Path, run: Command) -> Command:
    """Run commands on a store with the domain pbx.example.com and account 401 in it."""
    assert run("domain", "add", "pbx.example.com").status == 0
    added = run(
        *("account", "add", "401@pbx.example.com", "--name", "Anna"),
        *("--password", "s3cret", "--mac", "0004132E08B4"),
    )
    assert added.status == 0, added.err
    return run


@pytest.fixture
def engine(options_file: Path) -> Iterator[list[Any]]:
    """A control process in a thread; the list fills with what it committed."""
    options = load(options_file, {}).options
    committed: list[Any] = []
    keyring = KeyRing.load(options.store.key)
    administration = Administration(
        connect(options.store.database),
        keyring,
        options.pairing,
        now=instant,
        committed=committed.append,
        sightings=SightingLog(options.store.sightings, options.sightings),
        images=options.store.images,
    )
    server = ControlServer(options.store.control_socket, administration)
    server.register(
        "engine.status",
        lambda args: {
            "workers": 2,
            "listeners": ["udp 127.0.0.1:5060"],
            "keys": keyring.names,
            "processes": [{"name": "worker 1", "pid": 5}],
            "counters": {"http_requests": 41, "sip_datagrams": 0},
        },
    )
    text = "# HELP bootwave_x one\nbootwave_x 1\n"
    server.register("engine.metrics", lambda _args: {"text": text})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    yield committed
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
