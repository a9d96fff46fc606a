"""Which store a command works on, with and without an engine."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import place
from bootwave.cli.progress import Progress
from bootwave.store.changelog import Change
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_a_running_engine_makes_the_change_and_knows_of_it(
    engine: list[Any], run: Command
) -> None:
    assert run("domain", "add", "pbx.example.com").status == 0
    assert engine == [[Change("domain", 1)]]
    assert run("domain", "list", "--json").json[0]["name"] == "pbx.example.com"


def test_its_refusal_is_the_same_sentence(engine: list[Any], run: Command) -> None:
    run("domain", "add", "pbx.example.com")
    assert refused(run("domain", "add", "pbx.example.com")) == (
        "The domain pbx.example.com exists already: change it with bootwave domain set."
    )


def test_an_import_travels_through_the_socket(engine: list[Any], run: Command) -> None:
    run("domain", "add", "pbx.example.com")
    text = "extension,domain,password\n" + "".join(
        f"{number},pbx.example.com,p\n" for number in range(2000)
    )
    done = run("account", "import", "-", stdin=text)
    assert done.out == "Stored: 2,000 added, 0 updated, 0 unchanged, 0 bound.\n"


@pytest.mark.parametrize("text", ["[http\n", "[http]\nlisten = 7\n", "[htp]\n"])
def test_a_running_engine_is_reached_in_spite_of_a_broken_options_file(
    engine: list[Any], store: Command, options_file: Path, text: str
) -> None:
    store("window", "open", "401@pbx.example.com")
    options_file.write_text(text)
    closed = store("window", "close", "401@pbx.example.com")
    assert (closed.status, closed.out) == (0, "Closed 401@pbx.example.com.\n")
    (warning,) = closed.err.splitlines()
    assert warning.startswith("bootwave: warning: ")
    assert str(options_file) in warning
    assert "control.sock is asked all the same." in warning
    status = store("status")
    assert status.out.startswith("The engine is running.\n")
    assert "asked all the same" in status.err


def test_broken_options_are_an_error_without_an_engine(
    options_file: Path, run: Command
) -> None:
    options_file.write_text("[http\n")
    for words in (("status",), ("domain", "list")):
        assert "is not TOML" in refused(run(*words))


def test_an_options_file_that_is_not_there_reaches_no_engine(
    engine: list[Any], options_file: Path, run: Command
) -> None:
    missing = options_file.with_name("other.toml")
    sentence = refused(run("-o", missing, "window", "list"))
    assert sentence.startswith(f"There is no options file {missing}")


def test_the_last_file_named_counts() -> None:
    place.choose(Path("a"))
    place.choose(None)
    assert place.chosen() == Path("a")
    place.choose(Path("b"))
    assert place.chosen() == Path("b")


def test_a_missing_database_names_the_file_that_names_it(
    options_file: Path, run: Command
) -> None:
    (options_file.parent / "bootwave.db").unlink()
    sentence = refused(run("domain", "list"))
    assert sentence.startswith(
        f"There is no database at {options_file.parent / 'bootwave.db'}"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_told_who_may(store: Command, options_file: Path) -> None:
    directory = options_file.parent
    for parent in directory.parents:
        if parent.stat().st_uid == 0:
            parent.chmod(parent.stat().st_mode & 0o7777 | 0o055)

    def said(*words: str) -> str:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setresuid(4711, 4711, 4711)
            os.write(writing, store(*words).err.encode())
            os._exit(0)
        os.close(writing)
        os.waitpid(pid, 0)
        with os.fdopen(reading) as told:
            return told.read()

    who = "by this user: run the command as root or as the user the engine runs as.\n"
    directory.chmod(0o700)
    for words in (("status",), ("window", "list"), ("audit", "verify")):
        told = f"bootwave: The options file {options_file} may not be read {who}"
        assert said(*words) == told
    directory.chmod(0o755)
    for words in (("window", "list"), ("audit", "verify"), ("store", "rekey")):
        told = (
            f"bootwave: The database {directory / 'bootwave.db'} may not be used {who}"
        )
        assert said(*words) == told


def test_a_file_that_cannot_be_looked_for_is_one_sentence(run: Command) -> None:
    assert "File name too long" in refused(run("-o", "x" * 300, "status"))
    assert "options file" in refused(run("-o", "x" * 300, "status"))


def test_a_call_that_lasts_shows_so_once(
    store: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = []

    class Noted(Progress):
        def __init__(self, label: str) -> None:
            labels.append(label)
            super().__init__(label)

    monkeypatch.setattr(place, "Progress", Noted)
    with place.session() as session:
        session.call("domain.list")
        session.call("domain.list", progress=lambda done, total: None)
        assert labels == ["Working"]
        with Progress("Listing"):
            session.call("domain.list")
    assert labels == ["Working"]


def test_a_call_of_an_engine_that_is_busy_shows_that_it_waits(
    engine: list[Any], run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = []

    def noted(label: str) -> AbstractContextManager[object]:
        entered.append(label)
        return nullcontext()

    monkeypatch.setattr(place, "waiting", noted)
    assert run("domain", "list").status == 0
    assert entered == ["Waiting for the engine"]
