"""Where a request comes from: the pin of a window, and which networks are private.

Addresses are those the kernel reports for a connection, so a text that is no address is
a mistake of the caller and raises ValueError.
"""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Loopback (RFC 1122, RFC 4291), private (RFC 1918), link-local (RFC 3927, RFC 4291),
# unique local (RFC 4193), shared address space of carriers (RFC 6598).  Not the
# standard library's is_private, which counts documentation and benchmark networks too.
PRIVATE_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
    )
)

# As numbers, by version: network and mask.
_PRIVATE = {
    version: tuple(
        (int(network.network_address), int(network.netmask))
        for network in PRIVATE_NETWORKS
        if network.version == version
    )
    for version in (4, 6)
}

# Phones of one wave come back within seconds; more would be memory that peers fill.
_REMEMBERED = 4096


@lru_cache(_REMEMBERED)
def address_from_text(text: str) -> Address:
    """Return the address in *text*, an IPv4-mapped IPv6 address as the IPv4 one.

    Raises ValueError when *text* is no address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(_REMEMBERED)
def source_key(address: str) -> str:
    """Return what a window used from *address* is pinned to.

    An IPv4 address stands for itself.  An IPv6 address stands for its /64, written
    ``2001:db8:1:2::/64``, because the lower half changes with privacy extensions
    (RFC 8981).  A link-local or loopback address stands for itself, with its zone:
    every neighbour shares fe80::/64, so a pin to it would be none.
    """
    found = address_from_text(address)
    if isinstance(found, IPv4Address) or found.is_link_local or found.is_loopback:
        return str(found)
    return str(IPv6Network((int(found) >> 64 << 64, 64)))


@lru_cache(_REMEMBERED)
def is_private_source(address: str) -> bool:
    """Whether *address* is of this machine, its links or a private network."""
    found = address_from_text(address)
    number = int(found)
    return any(number & mask == network for network, mask in _PRIVATE[found.version])


def subnet_specificity(subnet: str, address: str) -> int | None:
    """Return how specifically *subnet* contains *address*, or None when it does not.

    "" contains every address and is the least specific (0); a network counts its prefix
    length plus one.  A *subnet* that is not one contains nothing: a mistake there must
    not open a domain to every network.
    """
    if not subnet:
        return 0
    try:
        network = ip_network(subnet, strict=False)
    except ValueError:
        return None
    return network.prefixlen + 1 if address_from_text(address) in network else None
