"""One definition: a model, a version, and where phones of the model find its image.

Where is either a URL, whose host the operator has allowed, or the name of an image
that was uploaded to the engine.
"""

import re
from collections.abc import Collection
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from bootwave.errors import FirmwareError, SettingError
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.model import required_model as required_phone_model
from bootwave.quoting import shortened, without_userinfo

MAX_LOCATION_CHARACTERS: Final = 255  # snom phones cut longer URLs
MAX_IMAGE_NAME_CHARACTERS: Final = 100

Part = Literal["", "rootfs", "linux"]
PARTS: Final[tuple[Part, ...]] = ("", "rootfs", "linux")

# A DECT handset is updated by its base, and has no name of its own in a User-Agent.
_HANDSET: Final = re.compile(r"[MAD]\d{2}[A-Z]{0,2}")
_MODEL: Final = re.compile(r"snom-?[A-Za-z0-9]{1,27}")
# The first character and the end keep names out of the way of everything else that a
# URL may name here (http.target), and hidden files out of folders they are exported to.
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(?:bin|swu|fwu)")
_URL: Final = re.compile(r"(https?)://([^/?#]*)([/?][^#]*)?", re.IGNORECASE)
_AUTHORITY: Final = re.compile(
    r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::([0-9]{1,5}))?"
)
_BEHIND_HOST: Final = re.compile(r"[/?#;&].*", re.DOTALL)
_UNFIT: Final = re.compile(r"[^!-~]|[\"<>\\^`{|}]")


class Definition(NamedTuple):
    """What phones of ``model`` load to run ``version``.

    ``location`` is a URL or the name of an uploaded image.  A ``step`` is only loaded
    on the way to another version.  ``part`` is "" for the firmware; phones of version 6
    have a root file system ("rootfs") and a Linux apart from it, which the way to
    version 7 wants in certain versions (``path``).
    """

    model: str
    version: FirmwareVersion
    location: str
    step: bool = False
    part: Part = ""

    def __str__(self) -> str:
        """Return what it is of, in words: ``snom370 8.5.36``."""
        part = f" {self.part}" if self.part else ""
        return f"{self.model}{part} {self.version}"


def required_model(text: str) -> str:
    """Return the model *text* as phones spell it; raises FirmwareError.

    That is a phone type (snom370, snomM700, as ``phone.model`` reads it) or a DECT
    handset (M85).
    """
    name = text.strip()
    if _HANDSET.fullmatch(name.upper()):
        return name.upper()
    with suppress(SettingError):
        known = required_phone_model(name)
        if _MODEL.fullmatch(known):
            return known
    raise FirmwareError(
        f"{shortened(text)} is no phone model: write one such as snom370, or M85 "
        "for a handset."
    )


def is_handset(model: str) -> bool:
    """Whether *model* is a DECT handset, which its base updates."""
    return _HANDSET.fullmatch(model) is not None


def required_version(text: str) -> FirmwareVersion:
    """Return the version that *text* spells; raises FirmwareError."""
    version = FirmwareVersion.from_text(text)
    if version is None:
        raise FirmwareError(
            f"{shortened(text)} is no firmware version: write one to four numbers "
            "such as 8.7.5.35."
        )
    return version


def is_url(location: str) -> bool:
    """Whether *location* is a URL, not the name of an image."""
    return "://" in location


def host_of(location: str) -> str:
    """Return the host of the URL *location* in small letters, "" of an image's name."""
    found = _URL.fullmatch(location)
    authority = None if found is None else _AUTHORITY.fullmatch(found[2])
    return "" if authority is None else authority[1].lower()


def required_location(text: str) -> str:
    """Return the location *text*, of which nothing is fetched; raises FirmwareError."""
    location = text.strip()
    if not is_url(location):
        return required_image_name(location)
    found = _URL.fullmatch(location)
    authority = None if found is None else _AUTHORITY.fullmatch(found[2])
    if (
        authority is None
        or (authority[2] is not None and not 0 < int(authority[2]) < 65_536)
        or _UNFIT.search(location)
        or len(location) > MAX_LOCATION_CHARACTERS
    ):
        raise FirmwareError(
            # Not quoted: of what is none, nobody can say where its password ends.
            "This is no URL of an image: write http:// or https://, a host and a path, "
            f"{MAX_LOCATION_CHARACTERS} plain characters at most, without user name "
            "and password."
        )
    return location


def required_image_name(text: str) -> str:
    """Return the name of an image *text*; raises FirmwareError."""
    if len(text) > MAX_IMAGE_NAME_CHARACTERS or not _IMAGE_NAME.fullmatch(text):
        # A URL without its scheme may have a token in its path or behind it.
        told = _BEHIND_HOST.sub("/...", without_userinfo(text), count=1)
        raise FirmwareError(
            f"{shortened(told)} is neither a URL nor the name of "
            "an image: names are letters, digits, '.', '_' and '-', "
            f"{MAX_IMAGE_NAME_CHARACTERS} at most, and end in .bin, .swu or .fwu."
        )
    return text


def check_host(location: str, allowed: Collection[str]) -> None:
    """Return when phones may be sent to *location*; raises FirmwareError.

    *allowed* are hosts in small letters.
    """
    if is_url(location) and host_of(location) not in allowed:
        raise FirmwareError(
            f"The host {host_of(location) or '?'} is not one of firmware.hosts: add it "
            "there, or upload the image."
        )
