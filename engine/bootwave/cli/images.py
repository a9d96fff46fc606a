"""``bootwave firmware images``, ``upload`` and ``remove``: hosted images."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, hint, moment, print_json, print_line, print_table
from bootwave.cli.progress import Progress
from bootwave.errors import BootwaveError, FirmwareError, OptionError


def images(json: Json = False) -> None:
    """List the images that were uploaded."""
    with place.session() as session:
        found = session.call("firmware.images")
    if json:
        print_json(found)
        return
    print_table(
        ("image", "model", "version", "bytes", "since", "file"),
        [
            (
                *(one["name"], one["model"], one["version"], one["size"]),
                *(moment(one["at"]), "missing" if one["missing"] else ""),
            )
            for one in found
        ],
        empty="No image was uploaded: bootwave firmware upload adds one.",
    )


def upload(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    sha256: Annotated[
        str,
        typer.Option(metavar="HEX", help="What it must have: else nothing is added."),
    ] = "",
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Its name; else that of the file.")
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Of which; else what the name says.")
    ] = "",
    version: Annotated[
        str, typer.Option(metavar="VERSION", help="Which; else what the name says.")
    ] = "",
    json: Json = False,
) -> None:
    """Add an image for phones to fetch from here; which phones do, set says."""
    from bootwave.firmware.definitions import required_image_name
    from bootwave.store.firmware.imagefolder import ImageFolder, is_sha256

    wanted = sha256.strip().lower()
    if wanted and not is_sha256(wanted):
        raise OptionError("--sha256 must be 64 hex digits, as sha256sum prints them.")
    called = required_image_name(name or file.name)
    options = place.loaded().options
    folder = ImageFolder(options.store.images)
    try:
        source = file.open("rb")
        size = os.fstat(source.fileno()).st_size
    except OSError as error:
        raise OptionError(f"{file} cannot be read: {error.strerror}.") from None
    # A session first: where there is no store, no file shall be left behind.
    with source, place.session() as session, Progress("Uploading") as progress:
        taken = folder.take(
            source,
            options.firmware.image_bytes,
            lambda done: progress.update(done, size),
        )
        try:
            if wanted and wanted != taken.sha256:
                raise FirmwareError(
                    f"{file} has the SHA-256 {taken.sha256}, not {wanted}: fetch it "
                    "again."
                )
            done = session.call(
                "firmware.upload",
                sha256=taken.sha256,
                size=taken.size,
                name=called,
                model=model,
                version=version,
            )
        except BaseException:
            if taken.fresh:
                # What was interrupted may have been done, or be done by another one.
                with suppress(BootwaveError):
                    session.take_back()
                    session.call("firmware.discard", sha256=taken.sha256)
            raise
    if json:
        print_json(done)
        return
    print_line(f"Added {done['name']}, {done['size']} bytes.")
    if done["model"] and done["version"]:
        hint(
            f"Tell phones with: bootwave firmware set {done['model']} {done['version']}"
        )


def remove(
    name: Annotated[str, typer.Argument(metavar="IMAGE", show_default=False)],
    json: Json = False,
) -> None:
    """Remove an image, by its name or SHA-256, that is not defined any more."""
    with place.session() as session:
        done = session.call("firmware.remove", name=name)
    if json:
        print_json(done)
    else:
        print_line(f"Removed {done['name']}.")
