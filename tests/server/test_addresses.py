"""Listen addresses as administrators write them."""

from typing import Any

import pytest

from bootwave.errors import OptionError
from bootwave.server.addresses import ListenAddress, listen_address, source_of


def parsed(text: str) -> ListenAddress:
    return listen_address(text, option="pnp.listen", any_host="0.0.0.0")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:15060", "127.0.0.1", 15060),
        ("0.0.0.0:5060", "0.0.0.0", 5060),
        ("[::1]:8080", "::1", 8080),
        ("[::]:0", "::", 0),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        (":5060", "0.0.0.0", 5060),
        ("*:5060", "0.0.0.0", 5060),
        ("localhost:5060", "127.0.0.1", 5060),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
    ],
)
def test_an_address_is_a_literal_host_and_a_port(
    text: str, host: str, port: int
) -> None:
    assert parsed(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5060",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:sip",
        "127.0.0.1:-1",
        "127.0.0.1:65536",
        "127.0.0.1:٥٠٦٠",
        "127.0.0.1 :5060",
        "127.1:5060",
        "pbx.example.com:5060",
        "::1:5060",
        "[127.0.0.1]:5060",
        "[::1:5060",
        "[]:5060",
        "127.0.0.1:5060\n127.0.0.2",
    ],
)
def test_a_bad_address_is_named_together_with_its_option(text: str) -> None:
    with pytest.raises(OptionError) as refused:
        parsed(text)
    assert repr(text) in str(refused.value)
    assert str(refused.value).startswith("pnp.listen")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["127.0.0.1:5060", "[::1]:8080", "[fe80::1%lo]:1"])
def test_an_address_is_spelled_as_it_was_written(text: str) -> None:
    assert str(parsed(text)) == text
    assert parsed(text).is_ipv6 == text.startswith("[")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("2001:db8::7", 1, 0, 0), "2001:db8::7"),
        (("fe80::7", 1, 0, 2), "fe80::7%2"),
    ],
)
def test_the_source_is_an_address_and_on_a_link_its_zone(
    address: tuple[Any, ...], source: str
) -> None:
    assert source_of(address) == source
