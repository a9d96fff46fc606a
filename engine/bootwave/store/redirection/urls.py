"""Where phones are redirected to, and what is kept of URLs, which may hold tokens."""

import hashlib
from urllib.parse import urlsplit

from bootwave.phone.models import document_dialect, model_of_mac
from bootwave.settings.layers import setting_server


def digest_of(url: str) -> str:
    """Return what stands for *url* in the store, "" for none."""
    return hashlib.sha256(url.encode()).hexdigest()[:32] if url else ""


def origin_of(url: str) -> str:
    """Return scheme and host of *url* (a stranger's): what may be shown of it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "something that is no URL"
    if not parts.scheme or not host:
        return "something that is no URL"
    return f"{parts.scheme}://{host}{port}"[:160]


def url_for(base: str, token: str, model: str, mac: int) -> str:
    """Return where the phone *mac* is redirected to, ``{mac}`` as it is.

    *base* is the engine's base URL and *token* that of its domain, "" for none.
    """
    start = base.rstrip("/") + (f"/{token}" if token else "")
    name = model or model_of_mac(mac)
    return setting_server(start, document_dialect(name, ""), name)
