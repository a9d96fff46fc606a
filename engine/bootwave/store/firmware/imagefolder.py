"""The directory of firmware images: each file is named by the SHA-256 of its content.

No name from the wire or from an administrator ever is a file's name here.  Files appear
under their name when they are complete and on the disk, and are never written again.
The directory is 0700 and each file 0600, of whoever owns the directory, so that what
root uploads the engine's user can read.
"""

import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from bootwave.errors import FirmwareError, StoreUnavailable

_CHUNK: Final = 1024 * 1024
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
# What a killed upload left is removed by a later one.
_UNFINISHED: Final = ".unfinished-"
_ABANDONED_SECONDS: Final = 86_400.0


class Taken(NamedTuple):
    """A file that was taken in; ``fresh`` when its content was not there before."""

    sha256: str
    size: int
    fresh: bool


def is_sha256(text: str) -> bool:
    """Whether *text* is a SHA-256 as files are named here: 64 small hex digits."""
    return _SHA256.fullmatch(text) is not None


class ImageFolder:
    """The files of images below *path*, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        """Open nothing."""
        self._path = path

    def __str__(self) -> str:
        """Return where it is."""
        return str(self._path)

    def open(self, sha256: str) -> int:
        """Return a descriptor to read the image *sha256* by; raises OSError.

        A link in the place of the file is not followed.
        """
        if not is_sha256(sha256):
            raise FileNotFoundError(sha256)
        with self._directory() as directory:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(sha256, flags, dir_fd=directory)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(sha256)
        return descriptor

    def has(self, sha256: str, size: int) -> bool:
        """Whether the image *sha256* is there with all of its *size* bytes."""
        if not is_sha256(sha256):
            return False
        try:
            with self._directory() as directory:
                found = os.stat(sha256, dir_fd=directory, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def take(
        self,
        source: BinaryIO,
        most: int,
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> Taken:
        """Return what was made of all of *source*, at most *most* bytes.

        *progress* is told how many bytes there are so far.  Raises FirmwareError, and
        StoreUnavailable when it cannot be written.
        """
        try:
            self._make()
            with self._directory() as directory:
                self._clean(directory)
                return self._take(directory, source, most, progress)
        except OSError as error:
            raise StoreUnavailable(
                f"The image cannot be written to {self._path}: {error.strerror}."
            ) from error

    def digest(self, sha256: str) -> str:
        """Return the SHA-256 that the file *sha256* really has, "" without a file."""
        try:
            descriptor = self.open(sha256)
        except OSError:
            return ""
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def remove(self, sha256: str) -> bool:
        """Remove the file of an image; whether it was there.  Raises OSError.

        Who is fetching it still gets the rest.  It does not come back after a loss of
        power once ``sync`` was called.
        """
        if not is_sha256(sha256):
            return False
        try:
            with self._directory() as directory:
                os.unlink(sha256, dir_fd=directory)
        except FileNotFoundError:
            return False
        return True

    def sync(self) -> None:
        """Wait until what was removed is so on the disk, too; raises OSError."""
        with self._directory() as directory:
            os.fsync(directory)

    @contextlib.contextmanager
    def _directory(self) -> Iterator[int]:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _make(self) -> None:
        try:
            os.mkdir(self._path, 0o700)
        except FileExistsError:
            return
        _give_away(self._path, os.stat(self._path.parent))

    def _clean(self, directory: int) -> None:
        """Remove what uploads that were killed have left."""
        for name in os.listdir(directory):
            if name.startswith(_UNFINISHED):
                with contextlib.suppress(OSError):
                    made = os.stat(name, dir_fd=directory, follow_symlinks=False)
                    if made.st_mtime < time.time() - _ABANDONED_SECONDS:
                        os.unlink(name, dir_fd=directory)

    def _take(
        self,
        directory: int,
        source: BinaryIO,
        most: int,
        progress: Callable[[int], None],
    ) -> Taken:
        name = f"{_UNFINISHED}{os.getpid()}-{os.urandom(8).hex()}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=directory)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                sha256, size = _copy(source, file, most, progress)
                _give_away(file.fileno(), os.fstat(directory))
                os.fsync(file.fileno())
            if self.has(sha256, size):
                return Taken(sha256, size, False)
            os.rename(name, sha256, src_dir_fd=directory, dst_dir_fd=directory)
            os.fsync(directory)
            return Taken(sha256, size, True)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)


def _copy(
    source: BinaryIO, file: BinaryIO, most: int, progress: Callable[[int], None]
) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise FirmwareError(
                f"The image has more than {most} bytes: firmware.image_bytes says how "
                "many it may have."
            )
        digest.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[file.write(view) :]
        progress(size)
    if not size:
        raise FirmwareError("The image is empty: give a file with something in it.")
    return digest.hexdigest(), size


def _give_away(file: "int | Path", owner: os.stat_result) -> None:
    """Let what root made belong to *owner*, as whom the engine runs."""
    if os.geteuid() == 0:
        os.chown(file, owner.st_uid, owner.st_gid)
