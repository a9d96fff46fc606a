"""Files with certificates and keys that commands make."""

import os
import socket
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

from bootwave.errors import OptionError


def write_new(path: Path, content: bytes, undo: ExitStack, mode: int = 0o600) -> None:
    """Make *path* with *content*; *undo* learns how to take it away again.

    It has its mode from the beginning, so that nobody reads a key in between.  Raises
    OptionError where it exists or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        raise OptionError(
            f"{path} exists already: nothing was made; move it away first."
        ) from None
    except OSError as error:
        raise OptionError(f"{path} cannot be made: {error.strerror}.") from None
    undo.callback(path.unlink, missing_ok=True)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}.") from None


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
