"""What a phone of version 6 boots from, as its User-Agent tells.

``Mozilla/4.0 (compatible; snom320-SIP 6.5.20; snom320 jffs2 v3.36; snom320 linux
3.38)``; before it was converted, a phone has a ``ramdisk`` in the place of ``jffs2``
(wazo-provd-plugins, GS3).
"""

import re
from typing import Final, NamedTuple

from bootwave.phone.firmware import FirmwareVersion

_FILE_SYSTEM: Final = re.compile(r"\b(jffs2|ramdisk) v?(\d[0-9.]{0,10})", re.ASCII)
_LINUX: Final = re.compile(r"\blinux v?(\d[0-9.]{0,10})", re.ASCII)
_MAX_CHARACTERS: Final = 512


class Loader(NamedTuple):
    """Root file system ("jffs2", "ramdisk" or "") and versions, None where not told."""

    rootfs: str = ""
    rootfs_version: FirmwareVersion | None = None
    linux: FirmwareVersion | None = None


NO_LOADER: Final = Loader()


def loader_from_user_agent(text: str) -> Loader:
    """Return what the User-Agent *text* says of the phone's loader."""
    text = text[:_MAX_CHARACTERS]
    system, linux = _FILE_SYSTEM.search(text), _LINUX.search(text)
    if system is None and linux is None:
        return NO_LOADER
    return Loader(
        "" if system is None else system[1],
        None if system is None else FirmwareVersion.from_text(system[2].strip(".")),
        None if linux is None else FirmwareVersion.from_text(linux[1].strip(".")),
    )
