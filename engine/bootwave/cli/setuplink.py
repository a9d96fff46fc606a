"""Where a set-up token is sent to."""

from bootwave.control.api.installed import missing
from bootwave.options import ControlOptions

SETUP_PATH = "/api/v1/setup"


def setup_url(control: ControlOptions) -> str:
    """Return the URL that takes a set-up token, "" where there is no API.

    There is none without an address, nor without the libraries of it.
    """
    if not control.listen or missing():
        return ""
    scheme = "https" if control.certificates else "http"
    return f"{scheme}://{control.listen}{SETUP_PATH}"
