"""The command as a program: statuses, one sentence for what fails, quiet endings."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bootwave import __version__
from bootwave.cli import main as main_module
from tests.cli.conftest import Command, Done


def refused(done: Done, status: int = 1) -> str:
    """Return the one sentence a command failed with."""
    assert done.status == status, done
    assert done.out == ""
    assert done.err.startswith("bootwave: ")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    return done.err.removeprefix("bootwave: ").rstrip("\n")


def test_the_installed_command_and_the_module_are_the_same(bootwave: Command) -> None:
    for script in (False, True):
        done = bootwave("--version", script=script)
        assert (done.status, done.out) == (0, f"bootwave {__version__}\n")


def test_without_a_command_the_help_is_printed(bootwave: Command) -> None:
    done = bootwave()
    assert done.status == 0
    assert done.out == bootwave("--help").out == bootwave("-h").out
    assert "account" in done.out


def test_a_wrong_call_is_one_sentence_and_status_2(run: Command) -> None:
    assert refused(run("wndow", "list"), 2) == (
        "No such command 'wndow': did you mean 'window'?"
    )
    assert "--lnguage" in refused(run("domain", "add", "x", "--lnguage", "de"), 2)
    assert "see bootwave domain add --help" in refused(run("domain", "add"), 2)
    wrong = run("window", "open", "1@a.b", "--minutes", "x")
    assert "--minutes is" in refused(wrong, 2)
    assert "Value error" not in refused(run("document", "m", "--kind", "x"), 2)
    # As -o may: but what only one command takes may not.
    for words in (("--json", "domain", "list"), ("domain", "--json", "list")):
        assert "stand behind its name" in refused(run(*words), 2)
    assert "behind its name" not in refused(run("domain", "list", "--jsn"), 2)


def test_an_error_is_one_sentence_and_status_1(bootwave: Command) -> None:
    sentence = refused(bootwave("domain", "list"))
    assert "There is no database at" in sentence
    assert "name one with -o FILE, or make one with bootwave init DIR" in sentence


@pytest.mark.parametrize("where", ["before", "between", "after", "variable"])
def test_the_options_file_may_be_named_anywhere(
    run: Command, options_file: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {
        "before": ["-o", options_file, "domain", "list"],
        "between": ["domain", "--options", options_file, "list"],
        "after": ["domain", "list", "-o", options_file],
        "variable": ["domain", "list"],
    }[where]
    if where != "variable":
        monkeypatch.delenv("BOOTWAVE_OPTIONS")
    done = run(*words)
    assert done.status == 0
    assert "There are no domains" in done.err


def test_the_options_file_of_the_current_directory_is_found(
    run: Command, options_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOTWAVE_OPTIONS")
    monkeypatch.chdir(options_file.parent)
    assert run("domain", "list").status == 0


def test_a_fault_of_the_program_is_one_sentence_too(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("boom\nbang")

    monkeypatch.setattr("bootwave.cli.place.loaded", broken)
    assert refused(run("status")) == (
        "This is a fault of the program (RuntimeError: boom bang); "
        "BOOTWAVE_TRACEBACK=1 shows where."
    )
    monkeypatch.setenv("BOOTWAVE_TRACEBACK", "1")
    assert "Traceback" in run("status").err


def test_the_variable_for_tracebacks_is_no_wrong_option(
    options_file: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTWAVE_TRACEBACK", "0")
    assert run("domain", "list").status == 0


def test_an_interrupt_is_quiet(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bootwave.cli.place.loaded", interrupted)
    assert run("status") == Done(130, "", "")


def test_ctrl_c_while_a_command_waits_is_quiet(store: Command) -> None:
    # Only one thing in it waits: the password on standard input.
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "bootwave"),
            *("account", "set", "401@pbx.example.com", "--password-stdin"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        wait_until_reading(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, b"", b"")


def wait_until_reading(pid: int) -> None:
    """Return when the process sleeps in a read of its standard input."""
    for _ in range(100_000):
        words = Path(f"/proc/{pid}/syscall").read_text().split()
        if words[:2] == ["0", "0x0"]:  # read(0, …) on x86-64 and aarch64's 63
            return
        if words[:2] == ["63", "0x0"]:
            return
        os.sched_yield()
    raise AssertionError("it never read its standard input")


@pytest.mark.parametrize("what", ["--help", "options check", "options check --json"])
def test_a_closed_pipe_is_quiet(
    what: str, options_file: Path, bootwave: Command
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "bootwave", *what.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode in (0, 1)


def test_completion_knows_the_commands(bootwave: Command) -> None:
    def completed(words: str, position: int) -> list[str]:
        return bootwave(
            script=True,
            _BOOTWAVE_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(position),
        ).out.split()

    assert completed("bootwave do", 1) == ["domain", "document"]
    assert completed("bootwave account ", 2)[:2] == ["add", "import"]
    assert "--outbound-proxy" in completed("bootwave domain add --", 3)


def test_completion_is_shown_for_the_shell_that_asks() -> None:
    """The shell is the nearest one above the program, whatever runs the tests."""
    installed = Path(sys.executable).with_name("bootwave")
    done = subprocess.run(
        # More than one command, or bash would become the program.
        ["bash", "-c", '"$0" --show-completion; exit $?', str(installed)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "_BOOTWAVE_COMPLETE" in done.stdout


def test_a_command_imports_only_what_it_needs() -> None:
    heavy = "rich sqlalchemy alembic structlog uvloop asyncio cryptography h11".split()
    code = (
        "import sys; from bootwave.cli.main import main; status = main(sys.argv[1:]);"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr);"
        "sys.exit(status)"
    )
    for words in ("--help", "version", "options check", "domain --help"):
        done = subprocess.run(
            [sys.executable, "-c", code, *words.split()],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == "[]\n", words


def test_listing_from_the_store_imports_only_what_it_needs(
    options_file: Path,
) -> None:
    heavy = "rich sqlalchemy alembic structlog uvloop asyncio cryptography h11".split()
    code = (
        "import sys; from bootwave.cli.main import main; main(['device', 'list']);"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_status_of_a_command_is_that_of_the_process() -> None:
    assert main_module.main(["version", "--nonsense"]) == 2
    assert main_module.main(["--version"]) == 0


def test_a_full_disk_under_the_output_is_one_sentence(
    store: Command, options_file: Path
) -> None:
    many = "extension,password\n" + "".join(f"{n},p\n" for n in range(600, 1_200))
    words = ("account", "import", "-", "--domain", "pbx.example.com")
    assert store(*words, stdin=many).status == 0
    for command in ("domain list", "account list", "account list --json"):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "bootwave", *command.split()],
                stdout=full,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                timeout=30,
                check=False,
            )
        assert (done.returncode, done.stderr) == (
            1,
            "bootwave: The output cannot be written: No space left on device.\n",
        )


def test_what_the_system_refuses_is_no_fault_of_the_program(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing() -> None:
        raise OSError(errno.EIO, "Input/output error", "some.db")

    monkeypatch.setattr("bootwave.cli.place.loaded", refusing)
    assert refused(run("status")) == (
        "The system refused what was asked of it: some.db: Input/output error."
    )


def test_arguments_that_are_not_utf_8_are_one_sentence(run: Command) -> None:
    for words in (["domain", "list", "a\udcff"], ["a\udcffb"], ["-o", "\udcff"]):
        assert refused(run(*words), 2) == (
            f"Argument {len(words)} is not UTF-8: write it, and name files, in UTF-8."
        )


def test_arguments_of_the_process_are_looked_at_too(options_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bootwave", "account", "list", "--domain", b"\xff"],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert "Argument 4 is not UTF-8" in refused(
        Done(done.returncode, done.stdout, done.stderr), 2
    )
