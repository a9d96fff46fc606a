"""The small documents around the settings: lists of files."""

from collections.abc import Sequence

from bootwave.native.xml import escape_attribute, line_bytes
from bootwave.settings.dialects.pieces import PROLOGUE


def setting_files(urls: Sequence[str]) -> bytes:
    """Return the list of *urls* a phone fetches next, in order; the last one wins.

    Raises SettingError for a URL that XML cannot carry.
    """
    lines = [b' <file url="%b"/>\n' % escape_attribute(url) for url in urls]
    return b"%b<setting-files>\n%b</setting-files>\n" % (PROLOGUE, b"".join(lines))


def text_redirect(url: str) -> bytes:
    """Return what sends a phone that reads lines of text to its settings at *url*.

    As snom's own redirection service answered such phones.  Raises SettingError for a
    URL that is more than one line.
    """
    return b"<html><pre>\nsetting_server$: %b\n</pre></html>\n" % line_bytes(url)
