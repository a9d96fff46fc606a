"""The load balancers whose word on a phone's address is taken: ``http.proxy_protocol``.

From anybody else a PROXY header is bytes like others, which are no HTTP: whoever may
introduce phones could borrow the address that a window is pinned to.
"""

from collections.abc import Iterable
from ipaddress import ip_address

from bootwave.options import network_from_text


class Balancers:
    """Whether an address is in one of *networks*, as the options spell them."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Read the networks; raises ValueError for what is none."""
        self._networks = tuple(map(network_from_text, networks))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._networks)

    def __contains__(self, address: str) -> bool:
        """Whether *address*, plain and with or without a zone, is of a balancer."""
        found = ip_address(address.partition("%")[0])
        return any(found in network for network in self._networks)

    @property
    def packed(self) -> tuple[tuple[int, int, bytes], ...]:
        """For each network its version (4 or 6), its length, and its address."""
        return tuple(
            (network.version, network.prefixlen, network.network_address.packed)
            for network in self._networks
        )
