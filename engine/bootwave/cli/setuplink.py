"""Where a set-up token leads to."""

from bootwave.control.api.installed import missing
from bootwave.options import ControlOptions

PAGE = "/setup"


def setup_link(control: ControlOptions, token: str) -> str:
    """Return the link that makes the first administrator, "" where there is no API.

    There is none without an address, nor without the libraries of it.  The token stands
    behind "#", which is sent to nobody: the page that the link opens reads it.
    """
    if not control.listen or missing():
        return ""
    scheme = "https" if control.certificates else "http"
    return f"{scheme}://{control.listen}{PAGE}#{token}"
