"""bootwave init: a new place, and never a changed one."""

import os
import stat
from pathlib import Path
from typing import IO

import pytest

from bootwave.certificates.server import load_server_certificate
from bootwave.store import keysources
from tests.cli.conftest import Command
from tests.cli.test_main import refused


def test_a_place_is_made_with_files_only_its_owner_may_read(
    run: Command, tmp_path: Path
) -> None:
    done = run("init", tmp_path / "a" / "b")
    assert done.status == 0
    place = tmp_path / "a" / "b"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for name in (
        *("bootwave.db", "bootwave.key"),
        *("bootwave-server.pem", "bootwave-server-ecdsa.pem"),
    ):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600
    assert f"bootwave -o {place}/bootwave.toml domain add" in done.out
    assert run("-o", place / "bootwave.toml", "domain", "list").status == 0
    assert run("-o", place / "bootwave.toml", "options", "check").status == 0


@pytest.mark.parametrize(
    "name",
    [
        *("bootwave.toml", "bootwave.db", "bootwave.key", "sightings.db"),
        *("bootwave-server.pem", "bootwave-server-ecdsa.pem"),
    ],
)
def test_nothing_is_overwritten_and_nothing_left_behind(
    run: Command, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("precious")
    sentence = refused(run("init", tmp_path))
    assert sentence == (
        f"{tmp_path / name} exists already: nothing was made; name another directory."
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_link_that_leads_nowhere_is_not_followed(
    run: Command, tmp_path: Path
) -> None:
    (tmp_path / "bootwave.db").symlink_to(tmp_path / "elsewhere")
    assert "exists already" in refused(run("init", tmp_path))
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_cannot_be_made_is_one_sentence(
    run: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert "is not a directory" in refused(run("init", tmp_path / "file"))
    assert "cannot be made" in refused(run("init", tmp_path / "file" / "below"))


def test_what_variables_say_holds_already(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTWAVE_STORE__DATABASE", "other.db")
    made = run("init", tmp_path / "x", "--json").json
    assert made["database"] == str(tmp_path / "x" / "other.db")
    assert sorted(os.listdir(tmp_path / "x")) == [
        *("bootwave-server-ecdsa.pem", "bootwave-server.pem"),
        *("bootwave.key", "bootwave.toml", "other.db"),
    ]


def test_the_server_has_certificates_at_once(run: Command, tmp_path: Path) -> None:
    made = run("init", tmp_path, "--json").json
    rsa, ecdsa = map(Path, made["certificates"])
    assert load_server_certificate(rsa).kind == "RSA 2048"
    assert load_server_certificate(ecdsa).kind == "EC P-256"
    assert "localhost" in load_server_certificate(rsa).names


def test_certificates_that_somebody_named_are_not_made(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTWAVE_HTTPS__CERTIFICATES", "/etc/ssl/mine.pem")
    assert run("init", tmp_path, "--json").json["certificates"] == []
    assert not list(tmp_path.glob("*.pem"))


def test_a_wrong_variable_makes_nothing(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOTWAVE_SERVER__WORKERS", "many")
    assert "server.workers" in refused(run("init", tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_a_full_disk_leaves_nothing_behind(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(descriptor: int, mode: str) -> IO[str]:
        os.close(descriptor)
        return Path("/dev/full").open(mode)

    monkeypatch.setattr("bootwave.cli.init.os.fdopen", on_a_full_disk)
    sentence = refused(run("init", tmp_path / "x"))
    assert sentence.endswith("No space left on device.")
    assert not (tmp_path / "x").exists()


def test_a_key_that_is_elsewhere_was_not_made(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = run("store", "rekey", "--new-key").out
    monkeypatch.setattr(keysources, "_from_environment", {"BOOTWAVE_KEY": line})
    monkeypatch.setenv("BOOTWAVE_STORE__KEY", "env:BOOTWAVE_KEY")
    place = tmp_path / "new"
    lines = run("init", place).out.splitlines()
    assert lines[0] == f"Made {place / 'bootwave.toml'} and bootwave.db."
    assert lines[2].startswith("The key in env:BOOTWAVE_KEY opens every stored")


def test_a_set_up_link_is_printed_where_there_is_an_api(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("init", tmp_path / "one")
    assert "\n  http://127.0.0.1:8095/setup#bwl_" in done.out
    assert "admin add NAME\n" in done.out
    monkeypatch.setenv("BOOTWAVE_CONTROL__LISTEN", "")
    done = run("init", tmp_path / "two", "--json")
    assert done.json["setup"] is None
