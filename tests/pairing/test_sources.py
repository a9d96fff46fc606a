import pytest

from bootwave.pairing.sources import (
    is_private_source,
    source_key,
    subnet_specificity,
)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("fd00:1:2:3::9", "fd00:1:2:3::/64"),
        ("::1", "::1"),
    ],
)
def test_a_pin_is_an_ipv4_address_or_an_ipv6_64(address: str, key: str) -> None:
    assert source_key(address) == key


def test_neighbours_on_a_link_do_not_share_a_pin() -> None:
    assert source_key("fe80::1%eth0") == "fe80::1%eth0"
    assert source_key("fe80::1%eth0") != source_key("fe80::2%eth0")
    assert source_key("fe80::1%eth0") != source_key("fe80::1%eth1")


def test_a_text_that_is_no_address_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="phone"):
        source_key("phone")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.1.9",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.254",
        "192.168.4.4",
        "169.254.7.7",
        "100.64.0.1",
        "100.127.255.254",
        "::1",
        "fe80::1%eth0",
        "fd12::1",
        "::ffff:10.0.0.1",
    ],
)
def test_the_networks_of_a_site_are_private(address: str) -> None:
    assert is_private_source(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "2001:db8::1",
        "::ffff:8.8.8.8",
        "ff02::1",
        "0.0.0.0",
    ],
)
def test_everything_else_is_public(address: str) -> None:
    assert not is_private_source(address)


def test_the_longer_prefix_is_the_more_specific() -> None:
    found = [
        subnet_specificity(subnet, "192.168.4.4")
        for subnet in ("", "0.0.0.0/0", "192.168.0.0/16", "192.168.4.4/32")
    ]
    assert found == sorted(found, key=lambda value: -1 if value is None else value)
    assert found == [0, 1, 17, 33]


@pytest.mark.parametrize("subnet", ["10.0.0.0/8", "fd00::/8", "office", "10.0.0.0/99"])
def test_a_subnet_elsewhere_or_misspelt_contains_nothing(subnet: str) -> None:
    assert subnet_specificity(subnet, "192.168.4.4") is None


def test_a_mapped_address_is_in_its_ipv4_subnet() -> None:
    assert subnet_specificity("192.168.0.0/16", "::ffff:192.168.4.4") == 17
