"""What the file name of an image says: of which model and version it is.

Names as the vendor gives them (wazo-provd-plugins list them): desk phones
``snom370-8.4.35-SIP-f.bin`` and ``snomD865-10.1.175.16-SIP-r.swu``, DECT bases and
handsets ``M700_v0520_b0001.fwu``, the m9 ``m9-9.6.2-a.bin``.
"""

import re
from typing import Final, NamedTuple

from bootwave.firmware.definitions import is_handset
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.model import model_from_text

_DESK: Final = re.compile(
    r"(?P<model>snom[A-Za-z0-9]{1,12})-(?P<version>\d{1,3}(?:\.\d{1,5}){1,3})"
    r"(?=[-.]).*\.(?:bin|swu)",
    re.IGNORECASE | re.ASCII,
)
_M9: Final = re.compile(
    r"m9-(?P<version>\d{1,3}(?:\.\d{1,5}){1,3})(?=[-.]).*\.bin",
    re.IGNORECASE | re.ASCII,
)
_DECT: Final = re.compile(
    r"(?P<model>[A-Z]\d{2,3}[A-Z]{0,2})_v(?P<version>\d{3,4})_b(?P<branch>\d{1,4})\.fwu",
    re.IGNORECASE | re.ASCII,
)


class Named(NamedTuple):
    """Model and version that a name says; "" and None where it does not."""

    model: str = ""
    version: FirmwareVersion | None = None


NOTHING: Final = Named()


def named_by(file_name: str) -> Named:
    """Return what *file_name* says of its image."""
    desk = _DESK.fullmatch(file_name)
    if desk is not None:
        model = model_from_text(desk["model"])
        version = FirmwareVersion.from_text(desk["version"])
        return Named(model, version) if model else NOTHING
    if (m9 := _M9.fullmatch(file_name)) is not None:
        return Named("snomm9", FirmwareVersion.from_text(m9["version"]))
    if (dect := _DECT.fullmatch(file_name)) is not None:
        model = dect["model"].upper()
        if not is_handset(model):
            model = model_from_text(f"snom{model}")
        if model:
            return Named(model, dect_version(dect["version"], dect["branch"]))
    return NOTHING


def dect_version(software: str, branch: str) -> FirmwareVersion:
    """Return the version that a base calls 05.20.0001 of v*software* b*branch*."""
    number = int(software)
    return FirmwareVersion(number // 100, number % 100, int(branch))


def dect_numbers(version: FirmwareVersion) -> tuple[int, int]:
    """Return *version* as a base's settings have it: software 520 and branch 1."""
    return version.first * 100 + version.second, version.third
