"""The certificates and keys that commands make for this server."""

import socket
from ipaddress import ip_address
from pathlib import Path


def own_names() -> list[str]:
    """Return what this machine is reached by: its name, localhost, its addresses."""
    from bootwave.server.interfaces import list_interfaces

    names = [socket.gethostname(), "localhost"]
    try:
        interfaces = list_interfaces()
    except OSError:
        interfaces = []
    for interface in interfaces:
        # Link-local ones need their interface, which no certificate can name.
        names += [
            each.address
            for each in interface.addresses
            if not ip_address(each.address).is_link_local
        ]
    return list(dict.fromkeys(name for name in names if name))


def self_signed_files(paths: tuple[Path, ...], at: float) -> dict[Path, bytes]:
    """Return what to write to *paths*: RSA first, then ECDSA, for this machine's names.

    Two at most, for a third would be of a kind that is there already.
    """
    from bootwave.certificates.making import Kind, self_signed

    names = own_names()
    kinds: tuple[Kind, ...] = ("rsa", "ecdsa")
    return {
        path: self_signed(names, kind, at)
        for path, kind in zip(paths, kinds, strict=False)
    }
