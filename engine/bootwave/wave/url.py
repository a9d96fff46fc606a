"""The URLs a phone is given, and which ones it makes of them (domain.md 2.2)."""

import re
from typing import NamedTuple

from bootwave.errors import ServerFault
from bootwave.quoting import without_userinfo
from bootwave.wave.identity import Identity

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*)://"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-_]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][^#]*)?"
)
# What may stand in a request target without escapes, and the escapes themselves.
_TARGET = re.compile(r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=|{}]|%[0-9A-Fa-f]{2})*")
_PORTS = {"http": 80, "https": 443, "tftp": 69}
_QUOTED_CHARACTERS = 80


class Url(NamedTuple):
    """A URL in the parts a phone needs; ``target`` begins with a slash."""

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        """Return the URL as text, the port only where it is not the usual one."""
        port = "" if self.port == _PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.target}"

    @property
    def host_field(self) -> str:
        """The value of the Host header of a request for it (RFC 9110 section 7.2)."""
        usual = self.port == _PORTS[self.scheme]
        return self.host if usual else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """The host without the brackets of an IPv6 address."""
        return self.host.strip("[]")


def url_from(text: str) -> Url:
    """Return the URL that *text* is.

    Raises ServerFault for text with blanks or line ends, without scheme or host, with
    user and password, or with characters that must be escaped in a request.
    """
    told = without_userinfo(text)[:_QUOTED_CHARACTERS]
    if text != text.strip() or not text.isascii() or not text.isprintable():
        raise ServerFault(f"{told!r} is not a bare URL")
    found = _URL.fullmatch(text)
    if not found:
        raise ServerFault(f"{told!r} is not a URL with a scheme and a host")
    scheme = found["scheme"].lower()
    if scheme not in _PORTS:
        raise ServerFault(f"{told!r} is neither http, https nor tftp")
    target = found["target"] or "/"
    if target[0] == "?":
        target = "/" + target
    if not _TARGET.fullmatch(target):
        raise ServerFault(f"{told!r} holds characters that need escapes")
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 0 < port < 65536:
        raise ServerFault(f"{told!r} has a port that does not exist")
    return Url(scheme, found["host"], port, target)


def replaced(text: str, identity: Identity) -> str:
    """Return *text* with ``{mac}`` and ``{phone_type}`` as *identity* writes them."""
    if "{" not in text:
        return text
    return text.replace("{mac}", identity.mac_text).replace(
        "{phone_type}", identity.model
    )


def first_requests(text: str, identity: Identity) -> list[Url]:
    """Return what a phone requests when its setting server is *text*, in order.

    Without a file name: ``<type>.htm``, then ``<type>-<MAC>.htm``.  With ``{mac}``:
    exactly that one URL.  With a file name but no ``{mac}``: that file, then the name
    with the MAC before its extension.  Raises ServerFault as ``url_from`` does.
    """
    if "{mac}" in text:
        return [url_from(replaced(text, identity))]
    url = url_from(replaced(text, identity))
    path, mark, query = url.target.partition("?")
    folder, _slash, name = path.rpartition("/")
    if not name and not mark:
        general = f"{folder}/{identity.model}.htm"
        specific = f"{folder}/{identity.model}-{identity.mac_text}.htm"
        return [url._replace(target=general), url._replace(target=specific)]
    stem, dot, extension = name.rpartition(".")
    if not dot:
        stem, extension = name, ""
    specific = f"{folder}/{stem}-{identity.mac_text}{dot}{extension}{mark}{query}"
    return [url, url._replace(target=specific)]
