"""The small documents around the settings: lists of files and "no new firmware"."""

from collections.abc import Sequence

from bootwave.native.xml import escape_attribute
from bootwave.settings.dialects.pieces import PROLOGUE


def setting_files(urls: Sequence[str]) -> bytes:
    """Return the list of *urls* a phone fetches next, in order; the last one wins.

    Raises SettingError for a URL that XML cannot carry.
    """
    lines = [b' <file url="%b"/>\n' % escape_attribute(url) for url in urls]
    return b"%b<setting-files>\n%b</setting-files>\n" % (PROLOGUE, b"".join(lines))


def no_firmware() -> bytes:
    """Return the answer to a phone that asks for firmware when it shall keep its own.

    Well-formed and without a ``<firmware>``: a phone finds nothing to do, where a
    missing file makes some firmwares stop and wait for a key to be pressed.
    """
    return PROLOGUE + b"<firmware-settings>\n</firmware-settings>\n"
