"""The ends of a connection."""

import pytest

from bootwave.http.contact import Contact, plain_address


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::FFFF:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("fe80::7%eth0", "fe80::7%eth0"),
        ("::1", "::1"),
    ],
)
def test_one_phone_is_one_address_whichever_socket_heard_it(
    address: str, plain: str
) -> None:
    assert plain_address(address) == plain


def test_a_contact_is_in_the_clear_unless_told_otherwise() -> None:
    assert not Contact("192.0.2.7", ("192.0.2.1", 80)).secure
