import hashlib
from pathlib import Path
from typing import Any

import pytest

from bootwave.store.firmware.imagefolder import ImageFolder, Taken
from tests.cli.conftest import Command
from tests.cli.test_main import refused

NAME = "snom370-8.5.36-SIP-f.bin"
CONTENT = b"image"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / NAME
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def folder(options_file: Path) -> Path:
    """Where images go."""
    return options_file.parent / "images"


def test_an_image_is_uploaded_defined_and_removed(
    store: Command, image: Path, folder: Path
) -> None:
    done = store("firmware", "upload", image, "--sha256", SHA256.upper())
    assert done.out == f"Added {NAME}, 5 bytes.\n"
    assert "bootwave firmware set snom370 8.5.36" in done.err
    assert (folder / SHA256).read_bytes() == CONTENT
    assert store("firmware", "set", "snom370", "8.5.36").status == 0
    (one,) = store("firmware", "images", "--json").json
    assert (one["sha256"], one["model"], one["missing"]) == (SHA256, "snom370", False)
    done = store("firmware", "remove", NAME)
    assert "is defined as snom370 8.5.36" in refused(done)
    store("firmware", "unset", "snom370")
    assert store("firmware", "remove", NAME).out == f"Removed {NAME}.\n"
    assert list(folder.iterdir()) == []
    assert "No image was uploaded" in store("firmware", "images").err


def test_it_goes_through_a_running_engine(
    engine: list[object], run: Command, image: Path, folder: Path
) -> None:
    done = run("firmware", "upload", image, "--json")
    assert done.json["sha256"] == SHA256
    assert (folder / SHA256).exists()
    assert run("firmware", "images").out.splitlines()[1].startswith(NAME)
    assert len(engine) == 1


def test_what_is_refused_leaves_no_file(
    store: Command, image: Path, folder: Path
) -> None:
    for arguments, sentence in (
        (("--sha256", "ab" * 32), f"has the SHA-256 {SHA256}"),
        (("--sha256", "short"), "must be 64 hex digits"),
        (("--name", "../x.bin"), "nor the name of an image"),
        (("--model", "yealink"), "no phone model"),
    ):
        done = store("firmware", "upload", image, *arguments)
        assert done.status == 1
        assert sentence in done.err
        assert not folder.exists() or list(folder.iterdir()) == []
    assert store("firmware", "upload", image.with_name("none.bin")).status == 1


def test_what_is_refused_leaves_what_was_there(
    store: Command, image: Path, folder: Path
) -> None:
    store("firmware", "upload", image)
    assert store("firmware", "upload", image, "--name", "other.bin").status == 1
    assert (folder / SHA256).exists()


@pytest.mark.parametrize("live", [False, True])
def test_one_that_fails_leaves_the_file_to_another_of_the_same_content(
    store: Command,
    bootwave: Command,
    image: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    live: bool,
) -> None:
    if live:
        request.getfixturevalue("engine")
    take = ImageFolder.take

    def taken_beside_another(*args: Any) -> Taken:
        taken = take(*args)
        other = bootwave("firmware", "upload", image, "--name", "other.bin")
        assert other.status == 0, other.err
        return taken

    monkeypatch.setattr(ImageFolder, "take", taken_beside_another)
    done = store("firmware", "upload", image)
    assert "it is called other.bin" in refused(done)
    (one,) = store("firmware", "images", "--json").json
    assert (one["name"], one["missing"]) == ("other.bin", False)


def test_what_a_running_engine_refuses_leaves_no_file(
    engine: list[object], run: Command, image: Path, folder: Path
) -> None:
    assert run("firmware", "upload", image, "--model", "yealink").status == 1
    assert list(folder.iterdir()) == []


def test_an_image_is_bounded(
    store: Command, image: Path, options_file: Path, folder: Path
) -> None:
    options_file.write_text("[firmware]\nimage_bytes = 1024\n")
    image.write_bytes(bytes(1025))
    done = store("firmware", "upload", image)
    assert done.status == 1
    assert "firmware.image_bytes" in done.err
    assert list(folder.iterdir()) == []
