import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import FirmwareError, StoreConflict, StoreNotFound
from bootwave.options import FirmwareOptions, PairingOptions
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from bootwave.store.connection import connect, transaction
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.secrets import KeyRing
from tests.store.clock import Clock
from tests.store.listed import notes_of

NAME = "snom370-8.5.36-SIP-f.bin"


def put(tmp_path: Path, content: bytes) -> dict[str, Any]:
    taken = ImageFolder(tmp_path / "images").take(io.BytesIO(content), 10**6)
    return {"sha256": taken.sha256, "size": taken.size}


def test_an_image_is_of_what_its_name_says(
    admin: Administration, tmp_path: Path, told: list[list[Change]], clock: Clock
) -> None:
    done = admin.firmware_upload(**put(tmp_path, b"a"), name=NAME)
    assert done == {
        "name": NAME,
        "sha256": hashlib.sha256(b"a").hexdigest(),
        "size": 1,
        "model": "snom370",
        "version": "8.5.36",
        "at": clock.at.wall,
        "by": "(engine)",
    }
    assert told[-1] == [EVERYTHING]
    assert admin.firmware_images() == [{**done, "missing": False}]
    # Twice is once.
    assert admin.firmware_upload(**put(tmp_path, b"a"), name=NAME) == done
    assert len(admin.firmware_images()) == 1


def test_what_its_name_does_not_say_is_given_or_unknown(
    admin: Administration, tmp_path: Path
) -> None:
    one = admin.firmware_upload(
        **put(tmp_path, b"a"), name="from6to7.bin", model="SNOM370", version="7.3.14"
    )
    assert (one["model"], one["version"]) == ("snom370", "7.3.14")
    other = admin.firmware_upload(**put(tmp_path, b"b"), name="other.bin")
    assert (other["model"], other["version"]) == ("", "")


def test_names_and_contents_are_given_once(
    admin: Administration, tmp_path: Path
) -> None:
    admin.firmware_upload(**put(tmp_path, b"a"), name=NAME)
    with pytest.raises(StoreConflict, match=f"it is called {NAME}"):
        admin.firmware_upload(**put(tmp_path, b"a"), name="other.bin")
    with pytest.raises(StoreConflict, match="Another image is called"):
        admin.firmware_upload(**put(tmp_path, b"b"), name=NAME)


@pytest.mark.parametrize(
    "name", ["", "../x.bin", "a/b.bin", ".x.bin", "x.xml", "x.bin\n", "é.bin"]
)
def test_names_that_could_mean_something_else_are_refused(
    admin: Administration, tmp_path: Path, name: str
) -> None:
    with pytest.raises(FirmwareError, match="nor the name of an image"):
        admin.firmware_upload(**put(tmp_path, b"a"), name=name)


def test_the_file_must_be_there_and_be_what_it_is_called_after(
    admin: Administration, tmp_path: Path
) -> None:
    image = put(tmp_path, b"abc")
    (tmp_path / "images" / image["sha256"]).write_bytes(b"abd")
    with pytest.raises(FirmwareError, match="not what its checksum says"):
        admin.firmware_upload(**image, name=NAME)
    for wrong in (
        {"sha256": "ab" * 32, "size": 3},
        {**image, "size": 4},
        {"sha256": "../../etc/passwd", "size": 3},
    ):
        with pytest.raises(StoreNotFound, match="is not in"):
            admin.firmware_upload(**wrong, name=NAME)


def test_phones_can_write_while_an_image_is_read_once_more(
    admin: Administration,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A quarter of a gigabyte from a slow disk is longer than phones wait.
    other = connect(path, busy_seconds=0.0)
    digest = ImageFolder.digest
    read: list[str] = []

    def watched(folder: ImageFolder, sha256: str) -> str:
        with transaction(other):
            read.append(sha256)
        return digest(folder, sha256)

    monkeypatch.setattr(ImageFolder, "digest", watched)
    image = put(tmp_path, b"abc")
    admin.firmware_upload(**image, name=NAME)
    assert read == [image["sha256"]]
    other.close()


def test_all_images_together_are_bounded(
    path: Path, keyring: KeyRing, clock: Clock, tmp_path: Path
) -> None:
    connection = connect(path)
    admin = Administration(
        connection,
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda changes: None,
        firmware=FirmwareOptions(store_bytes=1024),
        images=tmp_path / "images",
    )
    admin.firmware_upload(**put(tmp_path, b"a" * 1000), name="a.bin")
    with pytest.raises(FirmwareError, match="store_bytes"):
        admin.firmware_upload(**put(tmp_path, b"b" * 25), name="b.bin")
    admin.firmware_upload(**put(tmp_path, b"b" * 24), name="b.bin")
    connection.close()


def test_an_image_is_removed_unless_it_is_defined(
    admin: Administration, tmp_path: Path, told: list[list[Change]]
) -> None:
    image = put(tmp_path, b"a")
    admin.firmware_upload(**image, name=NAME)
    admin.firmware_set("engine", "", "snom370", "8.5.36", step=True)
    file = tmp_path / "images" / image["sha256"]
    for name in (NAME, image["sha256"]):
        with pytest.raises(StoreConflict, match="is defined as snom370"):
            admin.firmware_remove(name)
    assert file.exists()
    admin.firmware_unset("engine", "", "snom370")
    told.clear()
    assert admin.firmware_remove(NAME)["name"] == NAME
    assert told == [[EVERYTHING]]
    assert not file.exists()
    with pytest.raises(StoreNotFound, match="There is no image"):
        admin.firmware_remove(NAME)


def test_an_image_whose_file_is_gone_is_said_to_be_missing(
    admin: Administration, tmp_path: Path
) -> None:
    image = put(tmp_path, b"a")
    admin.firmware_upload(**image, name=NAME)
    (tmp_path / "images" / image["sha256"]).unlink()
    assert admin.firmware_images()[0]["missing"]


def test_what_no_image_has_is_discarded(admin: Administration, tmp_path: Path) -> None:
    image = put(tmp_path, b"a")
    file = tmp_path / "images" / image["sha256"]
    admin.firmware_discard(image["sha256"])
    assert not file.exists()
    admin.firmware_upload(**put(tmp_path, b"a"), name=NAME)
    before = notes_of(admin)
    admin.firmware_discard(image["sha256"])
    admin.firmware_discard("../bootwave.db")
    assert file.exists()
    assert notes_of(admin) == before


def test_one_that_is_added_while_it_is_removed_has_its_file(
    admin: Administration, path: Path, keyring: KeyRing, clock: Clock, tmp_path: Path
) -> None:
    admin.firmware_upload(**put(tmp_path, b"a"), name=NAME)
    connection = connect(path)
    removing = Administration(
        connection,
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda _changes: admin.firmware_upload(
            **put(tmp_path, b"a"), name="other.bin"
        ),
        images=tmp_path / "images",
    )
    removing.firmware_remove(NAME)
    connection.close()
    (one,) = admin.firmware_images()
    assert (one["name"], one["missing"]) == ("other.bin", False)


def test_phones_write_while_the_removal_of_a_file_reaches_the_disk(
    admin: Administration, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin.firmware_upload(**put(tmp_path, b"a"), name=NAME)
    phone = connect(path, busy_seconds=0)
    synced = []

    def fsync(descriptor: int, sync: Callable[[int], None] = os.fsync) -> None:
        phone.execute("BEGIN IMMEDIATE")
        phone.execute("ROLLBACK")
        sync(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    admin.firmware_remove(NAME)
    phone.close()
    assert len(synced) == 1
    assert list((tmp_path / "images").iterdir()) == []


def test_a_file_that_outlives_its_image_as_the_store_is_busy_is_told_of(
    admin: Administration,
    path: Path,
    keyring: KeyRing,
    clock: Clock,
    tmp_path: Path,
    noted: list[str],
) -> None:
    image = put(tmp_path, b"a")
    admin.firmware_upload(**image, name=NAME)
    busy, connection = connect(path), connect(path, busy_seconds=0)
    removing = Administration(
        connection,
        keyring,
        PairingOptions(),
        now=clock,
        committed=lambda _changes: busy.execute("BEGIN IMMEDIATE"),
        images=tmp_path / "images",
    )
    assert removing.firmware_remove(NAME)["name"] == NAME
    # So of an upload that failed: there is nobody but the log to tell.
    failed = put(tmp_path, b"b")
    removing.firmware_discard(failed["sha256"])
    busy.close()
    connection.close()
    assert admin.firmware_images() == []
    for left in (image, failed):
        assert (tmp_path / "images" / left["sha256"]).exists()
    assert noted == ["store.image_left"] * 2


def test_a_file_that_cannot_be_removed_is_told_of(
    admin: Administration, tmp_path: Path, noted: list[str]
) -> None:
    image = put(tmp_path, b"a")
    admin.firmware_upload(**image, name=NAME)
    file = tmp_path / "images" / image["sha256"]
    file.unlink()
    file.mkdir()
    assert admin.firmware_remove(NAME)["name"] == NAME
    assert admin.firmware_images() == []
    assert noted == ["store.image_left"]
    file.rmdir()
    admin.firmware_discard(image["sha256"])
    assert noted == ["store.image_left"]
