"""Addresses to listen on, as administrators write them: ``host:port``."""

from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from bootwave.errors import OptionError


class ListenAddress(NamedTuple):
    """A literal IP address and a port; port 0 lets the kernel choose one."""

    host: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    def __str__(self) -> str:
        """Spell the address as the options file does."""
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return f"{host}:{self.port}"


def listen_address(text: str, *, option: str, any_host: str) -> ListenAddress:
    """Return the address that *text* spells.

    ``127.0.0.1:5060``, ``[::1]:8080``, ``[fe80::1%eth0]:8080``, ``localhost:8080``
    (which is 127.0.0.1: nothing is resolved) and ``:8080`` or ``*:8080``, which
    stand for *any_host*.  Raises OptionError that names *option* and the bad text.
    """
    host, colon, digits = text.strip().rpartition(":")
    if not colon:
        raise OptionError(f"{option}: {text!r} has no port: write {text.strip()}:PORT.")
    # isascii too: isdigit alone accepts digits of every script.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5) or (
        int(digits) > 65535
    ):
        raise OptionError(
            f"{option}: {text!r} does not end in a port between 0 and 65535."
        )
    port = int(digits)
    if host in ("", "*"):
        return ListenAddress(any_host, port)
    if host == "localhost":
        return ListenAddress("127.0.0.1", port)
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        raise OptionError(
            f"{option}: {text!r} does not begin with an IP address."
        ) from None
    if isinstance(address, IPv6Address) != bracketed:
        raise OptionError(
            f"{option}: {text!r} must have brackets around an IPv6 address, as in "
            "[::1]:8080, and none around an IPv4 one."
        )
    return ListenAddress(str(address), port)
