import hashlib
import io
import os
import stat
import time
from pathlib import Path

import pytest

from bootwave.errors import FirmwareError, StoreUnavailable
from bootwave.store.firmware.imagefolder import ImageFolder, Taken, is_sha256

CONTENT = b"firmware " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def folder(place: Path) -> ImageFolder:
    return ImageFolder(place)


def take(folder: ImageFolder, content: bytes = CONTENT, most: int = 10**6) -> Taken:
    return folder.take(io.BytesIO(content), most)


def test_a_file_is_named_by_its_content(folder: ImageFolder, place: Path) -> None:
    assert take(folder) == Taken(SHA256, len(CONTENT), True)
    assert [path.name for path in place.iterdir()] == [SHA256]
    assert (place / SHA256).read_bytes() == CONTENT
    assert stat.S_IMODE((place / SHA256).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert take(folder) == Taken(SHA256, len(CONTENT), False)
    assert folder.digest(SHA256) == SHA256


def test_what_is_too_large_or_empty_leaves_nothing(
    folder: ImageFolder, place: Path
) -> None:
    with pytest.raises(FirmwareError, match="image_bytes"):
        take(folder, most=len(CONTENT) - 1)
    with pytest.raises(FirmwareError, match="empty"):
        take(folder, b"")
    assert list(place.iterdir()) == []


def test_one_that_fails_halfway_leaves_nothing(
    folder: ImageFolder, place: Path
) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(4)

    with pytest.raises(StoreUnavailable, match="Input/output"):
        folder.take(Broken(CONTENT), 10**6)
    assert list(place.iterdir()) == []


def test_it_tells_how_far_it_is(folder: ImageFolder) -> None:
    told: list[int] = []
    size = 3 * 1024 * 1024 + 1
    folder.take(io.BytesIO(bytes(size)), size, told.append)
    assert told == [1 << 20, 2 << 20, 3 << 20, size]


def test_a_file_is_there_only_with_all_of_its_bytes(
    folder: ImageFolder, place: Path
) -> None:
    assert not folder.has(SHA256, len(CONTENT))
    take(folder)
    assert folder.has(SHA256, len(CONTENT))
    os.truncate(place / SHA256, 7)
    assert not folder.has(SHA256, len(CONTENT))
    assert folder.digest(SHA256) != SHA256


def test_links_and_other_names_are_not_opened(folder: ImageFolder, place: Path) -> None:
    take(folder)
    descriptor = folder.open(SHA256)
    assert os.read(descriptor, 9) == b"firmware "
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    secret = place.parent / "secret"
    secret.write_bytes(CONTENT)
    other = "ab" * 32
    (place / other).symlink_to(secret)
    os.mkfifo(place / ("cd" * 32))
    (place / ("ef" * 32)).mkdir()
    for name in (
        *(other, "cd" * 32, "ef" * 32),
        *("../secret", "/etc/passwd", "", ".", SHA256.upper(), "00" * 32),
    ):
        with pytest.raises(OSError):  # noqa: PT011  whichever
            folder.open(name)
        assert not folder.has(name, len(CONTENT))
        assert folder.digest(name) == ""


def test_a_removed_file_is_gone_but_for_whoever_has_it_open(
    folder: ImageFolder, place: Path
) -> None:
    take(folder)
    descriptor = folder.open(SHA256)
    assert folder.remove(SHA256)
    assert not folder.remove(SHA256)
    assert not folder.remove("../secret")
    folder.sync()
    assert list(place.iterdir()) == []
    assert os.read(descriptor, 9) == b"firmware "
    os.close(descriptor)


def test_what_killed_uploads_left_goes_after_a_day(
    folder: ImageFolder, place: Path
) -> None:
    place.mkdir()
    old, new = place / ".unfinished-1-a", place / ".unfinished-2-b"
    for path in (old, new):
        path.write_bytes(b"half")
    day_before = time.time() - 2 * 86_400
    os.utime(old, (day_before, day_before))
    take(folder)
    assert sorted(path.name for path in place.iterdir()) == [new.name, SHA256]


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        take(ImageFolder(tmp_path / "file" / "images"))
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        take(ImageFolder(tmp_path / "file"))


@pytest.mark.parametrize("text", ["", "ab" * 31, "AB" * 32, "ab" * 32 + "\n", "g" * 64])
def test_other_text_is_no_name_of_a_file(text: str) -> None:
    assert is_sha256("ab" * 32)
    assert not is_sha256(text)
