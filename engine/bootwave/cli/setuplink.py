"""Where a set-up token leads to."""

from bootwave.control.api.installed import missing
from bootwave.options import ControlOptions

PAGE = "/setup"
_ALL_ADDRESSES = frozenset({"0.0.0.0", "[::]"})


def setup_link(control: ControlOptions, token: str) -> str:
    """Return the link that makes the first administrator, "" where there is no API.

    There is none without an address, nor without the libraries of it.  Of an API that
    listens on all addresses it names this machine.  The token stands
    behind "#", which is sent to nobody: the page that the link opens reads it.
    """
    if not control.listen or missing():
        return ""
    scheme = "https" if control.certificates else "http"
    host, _, port = control.listen.rpartition(":")
    if host in _ALL_ADDRESSES:
        host = "localhost"
    return f"{scheme}://{host}:{port}{PAGE}#{token}"
