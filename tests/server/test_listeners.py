"""Listeners made before fork."""

import os
import socket

import pytest

from bootwave.errors import OptionError
from bootwave.server.listeners import (
    close_listeners,
    listening_addresses,
    open_http_listeners,
)


def test_every_slot_listens_on_the_port_the_kernel_chose_for_the_first() -> None:
    by_slot = open_http_listeners(["127.0.0.1:0", "[::1]:0"], 3)
    try:
        assert len(by_slot) == 3
        wanted = listening_addresses(by_slot[0])
        assert [address.host for address in wanted] == ["127.0.0.1", "::1"]
        assert all(address.port for address in wanted)
        for listeners in by_slot:
            assert listening_addresses(listeners) == wanted
            for listener in listeners:
                assert not listener.getblocking()
                assert os.get_inheritable(listener.fileno())
                assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
                assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        v6 = by_slot[0][1]
        assert v6.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    finally:
        close_listeners(by_slot)


def test_ipv4_and_ipv6_share_a_port_number() -> None:
    first = open_http_listeners(["0.0.0.0:0"], 1)
    port = first[0][0].getsockname()[1]
    second = open_http_listeners([f"[::]:{port}"], 1)
    close_listeners(first)
    close_listeners(second)


def test_a_taken_port_is_an_error_even_if_its_owner_would_share_it() -> None:
    first = open_http_listeners(["127.0.0.1:0"], 1)
    address = f"127.0.0.1:{first[0][0].getsockname()[1]}"
    with pytest.raises(OptionError, match=f"another program listens on {address}"):
        open_http_listeners(["[::1]:0", address], 2)
    close_listeners(first)
    again = open_http_listeners([address], 2)
    close_listeners(again)


def test_a_port_that_needs_root_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(OptionError, match="port 80 needs root or CAP_NET_BIND_SERVICE"):
        open_http_listeners(["127.0.0.1:80"], 1)


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(
        OptionError, match=r"no interface of this machine has 192\.0\.2"
    ):
        open_http_listeners(["192.0.2.1:0"], 1)


def test_an_address_listed_twice_is_an_error() -> None:
    with pytest.raises(OptionError, match="listed twice"):
        open_http_listeners(["127.0.0.1:8080", "127.0.0.1:8080"], 1)


def test_without_ipv6_the_default_addresses_still_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.socket

    def without_ipv6(family: int, kind: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, kind)

    monkeypatch.setattr("socket.socket", without_ipv6)
    by_slot = open_http_listeners(["127.0.0.1:0", "[::]:0"], 2)
    assert [len(listeners) for listeners in by_slot] == [1, 1]
    close_listeners(by_slot)
    with pytest.raises(OptionError, match="has no IPv6"):
        open_http_listeners(["[::]:0"], 1)
