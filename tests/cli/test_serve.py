"""bootwave serve: what it does before the supervisor has its turn."""

from pathlib import Path
from typing import Any

import pytest

from bootwave.server import serve as serve_module
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_the_engine_gets_the_options_and_says_the_status(
    options_file: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def serve(options: Any, *, reread: Any) -> int:
        given.extend((options, reread))
        return 7

    monkeypatch.setattr(serve_module, "serve", serve)
    monkeypatch.setenv("BOOTWAVE_HTTPS__BOOTSTRAP", "on")
    monkeypatch.setenv("BOOTWAVE_HTTPS__LISTEN", "")
    done = run("serve", "-o", options_file)
    assert done.status == 7
    assert done.err == (
        "bootwave: https.bootstrap is on, but https.listen is empty: nobody is sent "
        "there.\n"
    )
    options, reread = given
    assert options.store.database == options_file.parent / "bootwave.db"
    options_file.write_text("[server]\nworkers = 5\n")
    assert reread().server.workers == 5


def test_wrong_options_are_one_sentence(run: Command, options_file: Path) -> None:
    options_file.write_text("[server]\nworkers = -1\n")
    assert "server.workers = -1" in refused(run("serve"))
