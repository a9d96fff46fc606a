"""The sockets of plug and play: where they are bound and what stands in their way."""

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from bootwave.errors import OptionError
from bootwave.options import PnpOptions
from bootwave.server.pnpsockets import (
    RECEIVE_BUFFER_BYTES,
    datagrams_dropped,
    open_pnp_sockets,
)
from tests.namespaces import in_namespace, ip

GROUP = "224.0.1.75"


def options(
    listen: str = "127.0.0.1:0",
    *,
    bind: Literal["any", "group"] = "any",
    group: str = GROUP,
    interfaces: tuple[str, ...] = ("127.0.0.1",),
) -> PnpOptions:
    return PnpOptions(listen=listen, bind=bind, group=group, interfaces=interfaces)


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )
        yield made


def heard(by: socket.socket) -> bytes | None:
    """Return the next datagram; loopback delivers before sendto returns."""
    try:
        return by.recv(100)
    except BlockingIOError:
        return None


def refusal(wrong: PnpOptions) -> str:
    with pytest.raises(OptionError) as refused:
        open_pnp_sockets(wrong).close()
    text = str(refused.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def test_one_socket_on_all_addresses_hears_multicast_and_unicast(
    phone: socket.socket,
) -> None:
    with closing(open_pnp_sockets(options("0.0.0.0:0"))) as sockets:
        assert sockets.distinct == (sockets.group,)
        assert sockets.port == sockets.group_port != 0
        for address in (GROUP, "127.0.0.1", "127.3.2.1"):
            phone.sendto(address.encode(), (address, sockets.port))
            assert heard(sockets.unicast) == address.encode()


def test_a_listen_address_gets_its_own_socket_on_the_same_port(
    phone: socket.socket,
) -> None:
    with closing(open_pnp_sockets(options("127.0.0.1:0", interfaces=()))) as sockets:
        assert sockets.distinct == (sockets.group, sockets.unicast)
        assert sockets.port == sockets.group_port != 0
        phone.sendto(b"all", (GROUP, sockets.port))
        phone.sendto(b"one", ("127.0.0.1", sockets.port))
        phone.sendto(b"not here", ("127.0.0.2", sockets.port))
        assert [heard(sockets.group), heard(sockets.group)] == [b"all", None]
        assert [heard(sockets.unicast), heard(sockets.unicast)] == [b"one", None]


def test_bound_to_the_group_the_port_stays_free_on_unicast_addresses(
    phone: socket.socket,
) -> None:
    with closing(open_pnp_sockets(options("0.0.0.0:0", bind="group"))) as sockets:
        assert sockets.port != sockets.group_port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
            pbx.bind(("127.0.0.1", sockets.group_port))
            pbx.setblocking(False)
            phone.sendto(b"all", (GROUP, sockets.group_port))
            phone.sendto(b"call", ("127.0.0.1", sockets.group_port))
            phone.sendto(b"ours", ("127.0.0.1", sockets.port))
            assert [heard(sockets.group), heard(sockets.group)] == [b"all", None]
            assert heard(pbx) == b"call"
            assert heard(sockets.unicast) == b"ours"


@pytest.mark.parametrize("pbx_first", [True, False])
def test_bound_to_the_group_a_pbx_that_shares_may_have_all_addresses(
    phone: socket.socket, pbx_first: bool
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = 0
        if pbx_first:
            pbx.bind(("0.0.0.0", 0))
            port = pbx.getsockname()[1]
        opened = open_pnp_sockets(options(f"0.0.0.0:{port}", bind="group"))
        with closing(opened) as sockets:
            if not pbx_first:
                pbx.bind(("0.0.0.0", sockets.group_port))
            pbx.setblocking(False)
            phone.sendto(b"all", (GROUP, sockets.group_port))
            phone.sendto(b"call", ("127.0.0.1", sockets.group_port))
            assert [heard(sockets.group), heard(sockets.group)] == [b"all", None]
            assert b"call" in (heard(pbx), heard(pbx))


def test_a_membership_of_another_program_is_not_heard(phone: socket.socket) -> None:
    with closing(open_pnp_sockets(options("0.0.0.0:0"))) as sockets:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            request = socket.inet_aton("224.0.1.99") + socket.inet_aton("127.0.0.1")
            other.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            phone.sendto(b"elsewhere", ("224.0.1.99", sockets.port))
        assert heard(sockets.group) is None


def test_the_sockets_do_not_block_survive_fork_and_close_on_exec() -> None:
    with closing(open_pnp_sockets(options())) as sockets:
        for each in sockets.distinct:
            assert not each.getblocking()
            assert not each.get_inheritable()
        pid = os.fork()
        if pid == 0:
            os._exit(sockets.unicast.getsockname()[1] != sockets.port)
        assert os.waitpid(pid, 0)[1] == 0


def test_closing_twice_is_harmless() -> None:
    sockets = open_pnp_sockets(options())
    sockets.close()
    sockets.close()
    assert [each.fileno() for each in sockets.distinct] == [-1, -1]


def me() -> str:
    return f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"


@pytest.mark.parametrize("held_at", ["0.0.0.0", "127.0.0.1"])
@pytest.mark.parametrize("listen", ["0.0.0.0", "127.0.0.1"])
def test_a_port_that_a_pbx_holds_is_refused_with_its_name_and_what_to_do(
    held_at: str, listen: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        # Even one that would share: both would get half of the phones.
        pbx.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        pbx.bind((held_at, 0))
        port = pbx.getsockname()[1]
        text = refusal(options(f"{listen}:{port}"))
    assert f"UDP port {port} is held by {me()}: stop it" in text
    assert 'pnp.bind = "group"' in text
    assert "another address or port by pnp.listen" in text


def test_a_second_engine_on_the_port_is_refused() -> None:
    with closing(open_pnp_sockets(options("0.0.0.0:0"))) as first:
        assert me() in refusal(options(f"0.0.0.0:{first.port}"))
        assert me() in refusal(options(f"127.0.0.1:{first.port}"))


def test_a_second_server_on_the_group_is_refused() -> None:
    with closing(open_pnp_sockets(options("0.0.0.0:0", bind="group"))) as first:
        text = refusal(options(f"0.0.0.0:{first.group_port}", bind="group"))
    assert me() in text
    assert "listens to the phones' multicast group already" in text


def test_a_pbx_that_does_not_share_leaves_no_room_for_the_group() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("0.0.0.0", 0))
        port = pbx.getsockname()[1]
        text = refusal(options(f"0.0.0.0:{port}", bind="group"))
    assert f"UDP port {port} is held by {me()} on all addresses" in text
    assert "listen on one address" in text
    assert "another port by pnp.listen" in text


def test_a_refusal_leaves_no_descriptor_open() -> None:
    gc.collect()  # what tests before left open would be closed meanwhile
    with closing(open_pnp_sockets(options("127.0.0.1:0"))) as first:
        before = os.listdir("/proc/self/fd")
        refusal(options(f"127.0.0.1:{first.port}"))
        refusal(options(f"0.0.0.0:{first.port}", bind="group"))
        assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (options("192.0.2.201:0"), "192.0.2.201 is not an address of this machine"),
        (options("192.0.2.201:0"), "which has 127.0.0.1"),
        (options(interfaces=("nope0",)), "pnp.interfaces names 'nope0'"),
    ],
)
def test_a_wrong_option_is_named(wrong: PnpOptions, expected: str) -> None:
    assert expected in refusal(wrong)


def _without_privileges() -> None:
    os.setuid(65534)
    text = refusal(options("127.0.0.1:1023"))
    assert "only root may open UDP port 1023" in text
    assert "CAP_NET_BIND_SERVICE" in text
    with closing(open_pnp_sockets(options())) as sockets:
        (warning,) = sockets.warnings
        assert f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}`" in warning
        taken = refusal(options(f"127.0.0.1:{sockets.port}"))
    assert me() in taken


def test_without_privileges_the_missing_ones_are_named() -> None:
    in_namespace(_without_privileges)


def _forced() -> None:
    with closing(open_pnp_sockets(options())) as sockets:
        assert sockets.warnings == []
        granted = sockets.group.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        assert granted == 2 * RECEIVE_BUFFER_BYTES


def test_with_privileges_the_buffer_holds_a_wave() -> None:
    in_namespace(_forced)


def _no_interface() -> None:
    ip("link add idle type bridge")
    with closing(open_pnp_sockets(options("0.0.0.0:0", interfaces=()))) as sockets:
        assert [text for text in sockets.warnings if text.startswith("No interface")]
        assert sockets.memberships.joined == {}


def test_no_interface_yet_is_a_warning_not_an_error() -> None:
    in_namespace(_no_interface)


def test_drops_are_counted_by_the_socket(phone: socket.socket) -> None:
    with closing(open_pnp_sockets(options("0.0.0.0:0"))) as sockets:
        sockets.unicast.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert datagrams_dropped(sockets.unicast) == 0
        for _ in range(100):
            phone.sendto(b"wave", ("127.0.0.1", sockets.port))
        dropped = datagrams_dropped(sockets.unicast)
        assert 0 < dropped < 100
        assert (
            sum(iter(lambda: heard(sockets.unicast) is not None, False)) + dropped
            == 100
        )
