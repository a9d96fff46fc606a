"""What administrators do with images: add what was uploaded, list, remove."""

from typing import Any

from bootwave.errors import FirmwareError, StoreConflict, StoreNotFound
from bootwave.firmware.definitions import (
    required_image_name,
    required_model,
    required_version,
)
from bootwave.firmware.filenames import named_by
from bootwave.store.firmware import precedence
from bootwave.store.firmware.imagefolder import ImageFolder, is_sha256
from bootwave.store.firmware.rows import IMAGES, Image
from bootwave.store.work import Work

_ADD = """
INSERT INTO firmware_images
  (sha256, size, name, model, version, uploaded_at, uploaded_by)
VALUES (:sha256, :size, :name, :model, :version, :at, :by)
"""
_REMOVE = "DELETE FROM firmware_images WHERE sha256 = :sha256"
_USES = """
SELECT scope, model, version FROM firmware_definitions WHERE location = :name
ORDER BY scope, model LIMIT 3
"""


def add(
    work: Work,
    folder: ImageFolder,
    most_bytes: int,
    *,
    digest: str,
    sha256: str,
    size: int,
    name: str,
    model: str,
    version: str,
) -> dict[str, Any]:
    """Add the image whose file was put into *folder*; model and version are optional.

    The file was read once more, and has the SHA-256 *digest*: what is stored is what it
    is called after.
    """
    name = required_image_name(name)
    named = named_by(name)
    model = required_model(model) if model.strip() else named.model
    number = required_version(version) if version.strip() else named.version
    images = _all(work)
    same = next((one for one in images if one.sha256 == sha256), None)
    if same is not None and same.name == name:
        return _shown(same)
    if same is not None:
        raise StoreConflict(f"This image is there already: it is called {same.name}.")
    if any(one.name == name for one in images):
        raise StoreConflict(
            f"Another image is called {name}: give this one another name, or remove "
            "the other with bootwave firmware remove."
        )
    if sum(one.size for one in images) + size > most_bytes:
        raise FirmwareError(
            f"All images together would have more than {most_bytes} bytes "
            "(firmware.store_bytes): remove some."
        )
    if not is_sha256(sha256) or not folder.has(sha256, size):
        raise StoreNotFound(f"The file of the image {name} is not in {folder}.")
    if digest != sha256:
        raise FirmwareError(
            f"The file of the image {name} is not what its checksum says: upload it "
            "again."
        )
    row = {
        "sha256": sha256,
        "size": size,
        "name": name,
        "model": model,
        "version": "" if number is None else str(number),
        "at": work.at.wall,
        "by": work.actor[:128],
    }
    work.connection.execute(_ADD, row)
    work.touched("all", 0)
    work.note("firmware.uploaded", name, sha256=sha256, size=size)
    return _shown(Image(sha256, size, name, model, number, work.at.wall, work.actor))


def listed(work: Work, folder: ImageFolder) -> list[dict[str, Any]]:
    """Return every image; ``missing`` when its file is not there."""
    return [
        {**_shown(one), "missing": not folder.has(one.sha256, one.size)}
        for one in _all(work)
    ]


def remove(work: Work, name: str) -> dict[str, Any]:
    """Remove an image by its name or SHA-256; raises StoreConflict while it is used."""
    found = [one for one in _all(work) if name.strip() in (one.name, one.sha256)]
    if not found:
        raise StoreNotFound(
            f"There is no image {name[:64]}: see bootwave firmware images."
        )
    image = found[0]
    uses = work.connection.execute(_USES, {"name": image.name}).fetchall()
    if uses:
        where = ", ".join(f"{model} {version}" for _scope, model, version in uses)
        raise StoreConflict(
            f"{image.name} is defined as {where}: define another, or unset it with "
            "bootwave firmware unset."
        )
    for number in precedence.rolling_out(work, image.name):
        raise StoreConflict(
            f"{image.name} is what the phones of roll-out {number} load: see bootwave "
            f"rollout show {number}, or cancel it."
        )
    work.connection.execute(_REMOVE, {"sha256": image.sha256})
    work.touched("all", 0)
    work.note("firmware.removed", image.name, sha256=image.sha256)
    return _shown(image)


def discard(work: Work, folder: ImageFolder, sha256: str) -> bool:
    """Remove the file *sha256* from *folder*, unless it is that of an image.

    Whether it was removed, which is for ``folder.sync`` then, behind the transaction.
    Whoever adds an image looks in one, too, whether its file is there.  Raises OSError.
    """
    is_nobodys = all(one.sha256 != sha256 for one in _all(work))
    return is_nobodys and folder.remove(sha256)


def _all(work: Work) -> list[Image]:
    return [Image.from_row(row) for row in work.connection.execute(IMAGES).fetchall()]


def _shown(image: Image) -> dict[str, Any]:
    return {
        "name": image.name,
        "sha256": image.sha256,
        "size": image.size,
        "model": image.model,
        "version": "" if image.version is None else str(image.version),
        "at": image.uploaded_at,
        "by": image.uploaded_by,
    }
