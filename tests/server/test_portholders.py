"""Who holds a UDP port, read from /proc."""

import os
import socket
from pathlib import Path

from bootwave.server.portholders import PortHolder, udp_port_holders


def program() -> str:
    return Path("/proc/self/comm").read_text().strip()


def test_a_holder_is_named_with_its_address_process_and_program() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.9", 0))
        holders = udp_port_holders(held.getsockname()[1])
    assert holders == [PortHolder("127.0.0.9", os.getpid(), program())]
    assert str(holders[0]) == f"{program()} (process {os.getpid()})"


def test_an_ipv6_socket_on_all_addresses_holds_the_port_too() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as held:
        held.bind(("::", 0))
        holders = udp_port_holders(held.getsockname()[1])
    assert holders == [PortHolder("::", os.getpid(), program())]


def test_an_ipv6_socket_on_one_address_does_not() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as held:
        held.bind(("::1", 0))
        assert udp_port_holders(held.getsockname()[1]) == []


def test_a_free_port_has_no_holder() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as once:
        once.bind(("127.0.0.1", 0))
        port = once.getsockname()[1]
    assert udp_port_holders(port) == []


def test_a_hidden_process_is_still_a_holder(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.9", 0))
        (tmp_path / "net" / "udp").write_text(Path("/proc/net/udp").read_text())
        holders = udp_port_holders(held.getsockname()[1], proc=tmp_path)
    assert holders == [PortHolder("127.0.0.9", 0, "")]
    assert "root" in str(holders[0])


def test_nothing_readable_is_no_holder(tmp_path: Path) -> None:
    assert udp_port_holders(5060, proc=tmp_path) == []
