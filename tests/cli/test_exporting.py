"""bootwave account export: what import reads again."""

from pathlib import Path

import pytest

from bootwave.cli import exporting
from bootwave.cli.progress import Progress
from tests.cli.conftest import Command
from tests.cli.test_main import refused


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_what_is_exported_is_imported_again(
    store: Command, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    before = store("account", "list", "--json").json
    done = store("account", "export", file, "--passwords")
    assert done.err == "Wrote 1 account to " + str(file) + ".\n"
    assert file.stat().st_mode & 0o777 == 0o600
    store("account", "remove", "401@pbx.example.com")
    assert store("account", "import", file).status == 0
    assert store("account", "list", "--json").json == before


def test_passwords_are_written_on_request_only_and_audited(store: Command) -> None:
    done = store("account", "export", "-", "--domain", "pbx.example.com")
    assert done.out.splitlines()[0] == "extension,domain,name,mac,mailbox,auth_user"
    assert done.out.splitlines()[1].startswith("401,pbx.example.com,Anna,")
    assert "accounts.exported" not in store("audit", "list").out
    done = store("account", "export", "-", "--passwords", "--format", "jsonl")
    assert '"password":' in done.out
    assert "accounts.exported" in store("audit", "list").out


def test_how_far_it_is_is_told_by_the_accounts_of_what_is_exported(
    store: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    store("domain", "add", "other.example.com")
    told: list[tuple[int, int]] = []

    class Told(Progress):
        def update(self, done: int, total: int) -> None:
            told.append((done, total))

    monkeypatch.setattr(exporting, "Progress", Told)
    store("account", "export", "-")
    store("account", "export", "-", "--domain", "PBX.example.com")
    store("account", "export", "-", "--domain", "other.example.com")
    assert told == [(1, 1), (1, 1), (0, 0)]


def test_a_file_that_is_there_is_left_as_it_is(store: Command, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("mine")
    assert "exists already" in refused(store("account", "export", file))
    assert file.read_text() == "mine"
    missing = tmp_path / "no" / "a.csv"
    assert "cannot be written" in refused(store("account", "export", missing))
    failed = tmp_path / "b.csv"
    done = store("account", "export", failed, "--domain", "no.example.com")
    assert "There is no domain" in refused(done)
    assert not failed.exists()
