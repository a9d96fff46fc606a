"""The small documents around the settings: lists of files."""

from collections.abc import Sequence

from bootwave.native.xml import escape_attribute
from bootwave.settings.dialects.pieces import PROLOGUE


def setting_files(urls: Sequence[str]) -> bytes:
    """Return the list of *urls* a phone fetches next, in order; the last one wins.

    Raises SettingError for a URL that XML cannot carry.
    """
    lines = [b' <file url="%b"/>\n' % escape_attribute(url) for url in urls]
    return b"%b<setting-files>\n%b</setting-files>\n" % (PROLOGUE, b"".join(lines))
