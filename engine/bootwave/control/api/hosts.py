"""By which names the API is asked: no page of somebody else's name is let near it.

A page whose name is made to lead to this machine (DNS rebinding) sends requests as one
of this server's own, past what keeps browsers from reading others' answers; its name
stays in ``Host``.  Addresses and localhost are nobody else's: for them nobody is asked.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from bootwave.control.api.problems import Problem

_OWN = "localhost"


class Hosts:
    """The names by which the API is asked: *names*, addresses, and this machine.

    A name ``*.example.com``, as certificates have them, stands for one label more.
    """

    def __init__(self, names: Iterable[str]) -> None:
        """Keep the names."""
        self._names = frozenset(name.lower().removesuffix(".") for name in names)

    def require(self, field_value: str | None) -> None:
        """Raise Problem 421 where ``Host`` names somebody else.

        Without the field, which HTTP/1.0 does not need, no browser asks.
        """
        if field_value is not None and not self.is_ours(field_value):
            raise Problem(
                "misdirected",
                "This server does not go by that name: ask by its address, or by a "
                "name in control.hosts or in its certificate.",
            )

    def is_ours(self, field_value: str) -> bool:
        """Whether *field_value*, a host perhaps with a port, is this server."""
        host = field_value.strip().lower()
        if host.startswith("["):
            address, bracket, port = host[1:].partition("]")
            return bool(bracket) and port[:1] in ("", ":") and _is_address(address)
        host = host.partition(":")[0].removesuffix(".")
        if _is_address(host) or host == _OWN or host.endswith(f".{_OWN}"):
            return True
        return host in self._names or f"*.{host.partition('.')[2]}" in self._names


def _is_address(text: str) -> bool:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
