"""Addresses to bind, from the ``host:port`` of the options."""

from typing import Any, NamedTuple

from bootwave.errors import OptionError
from bootwave.http.contact import plain_address
from bootwave.options import address_from_text


class ListenAddress(NamedTuple):
    """A numeric address and a port; port 0 lets the kernel choose one."""

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
    """Return the address that *text* spells; ``:5060`` means that port of *any_host*.

    The grammar is that of ``options.address_from_text``.  Raises OptionError that
    names *option* and the bad text.
    """
    try:
        host, port = address_from_text(text)
    except ValueError as error:
        raise OptionError(f"{option}: {text!r} {error}.") from None
    return ListenAddress(host or any_host, port)


def source_of(address: tuple[Any, ...]) -> str:
    """Return the address without port that a socket *address* tells.

    Link-local addresses keep their zone: each link has its own fe80::1.
    """
    host = plain_address(address[0])
    zone = address[3] if len(address) == 4 else 0
    return f"{host}%{zone}" if zone else host
