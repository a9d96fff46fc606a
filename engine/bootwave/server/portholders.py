"""Who holds a UDP port on this machine: for one good sentence when it is taken."""

import os
import socket
import sys
from pathlib import Path
from typing import NamedTuple


class PortHolder(NamedTuple):
    """One socket bound to a port.

    ``address`` is the local address in text, ``pid`` is 0 and ``program`` empty when
    the owner is hidden: another user's process, or one in another container.
    """

    address: str
    pid: int
    program: str

    def __str__(self) -> str:
        """Name the holder in the middle of a sentence."""
        if not self.pid:
            return "a program whose name only root can see"
        return f"{self.program} (process {self.pid})"


def udp_port_holders(port: int, *, proc: Path = Path("/proc")) -> list[PortHolder]:
    """Return who is bound to UDP *port*, on IPv4 or on IPv6's any address.

    An IPv6 socket counts when it takes IPv4 too, which only the any address can do
    (and may not: the kernel does not show IPV6_V6ONLY).  Never raises OSError: what
    cannot be read is left out.
    """
    inodes: dict[str, str] = {}
    for name in ("udp", "udp6"):
        try:
            rows = (proc / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            address, _, digits = fields[1].rpartition(":")
            if int(digits, 16) != port:
                continue
            if name == "udp":
                inodes[fields[9]] = _ipv4_from_hex(address)
            elif not int(address, 16):
                inodes[fields[9]] = "::"
    owners = _owners(set(inodes), proc) if inodes else {}
    return [
        PortHolder(address, *owners.get(inode, (0, "")))
        for inode, address in inodes.items()
    ]


def _ipv4_from_hex(text: str) -> str:
    # One 32-bit word, printed as a number of this machine's byte order.
    return socket.inet_ntoa(int(text, 16).to_bytes(4, sys.byteorder))


def _owners(inodes: set[str], proc: Path) -> dict[str, tuple[int, str]]:
    """Return (pid, program) of the process that has each socket open."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, tuple[int, str]] = {}
    for directory in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        for link in _links(directory / "fd"):
            try:
                inode = wanted.get(os.readlink(link))
                if inode is not None and inode not in found:
                    program = (directory / "comm").read_text().strip()
                    found[inode] = (int(directory.name), program)
            except OSError:
                continue  # closed meanwhile
    return found


def _links(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []  # another user's, or ended meanwhile
