from pathlib import Path

import pytest

from bootwave.cli.tlsfiles import own_names, self_signed_files
from bootwave.server import interfaces
from tests.certificates.authorities import NOW


def test_the_names_are_those_this_machine_is_reached_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = own_names()
    assert "localhost" in names
    assert "127.0.0.1" in names
    assert not any(name.startswith("fe80") for name in names)
    assert len(names) == len(set(names))

    def sandboxed() -> list[interfaces.Interface]:
        raise OSError

    monkeypatch.setattr(interfaces, "list_interfaces", sandboxed)
    assert "localhost" in own_names()


def test_one_file_of_each_kind_is_made(tmp_path: Path) -> None:
    paths = tuple(tmp_path / name for name in ("a", "b", "c"))
    made = self_signed_files(paths, NOW)
    assert list(made) == list(paths[:2])
    assert len(made[paths[0]]) > len(made[paths[1]])  # RSA's are longer
