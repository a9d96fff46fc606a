"""Names as operators write them."""

import pytest
from cryptography import x509

from bootwave.certificates.names import name_from_text
from tests.certificates.factory import WORLD


def test_both_spellings_are_the_same_name() -> None:
    slashes = name_from_text("/C=DE/O=factory of tests/CN=Phone 1 SHA-256")
    commas = name_from_text("CN=Phone 1 SHA-256,O=factory of tests,C=DE")
    issuing = x509.load_der_x509_certificate(WORLD.issuing.der)
    assert slashes == commas == issuing.subject
    assert hash(slashes) == hash(issuing.subject)


def test_addresses_and_escaped_slashes_can_be_written() -> None:
    name = name_from_text("/O=a\\/b/emailAddress=security@snom.com")
    assert [each.value for each in name] == ["a/b", "security@snom.com"]
    assert name == name_from_text("emailAddress=security@snom.com,O=a/b")
    assert name == name_from_text("E=security@snom.com,O=a/b")


def test_letter_case_and_spaces_matter() -> None:
    name = name_from_text("/CN=Phone 1")
    assert name != name_from_text("/CN=phone 1")
    assert name != name_from_text("/CN=Phone  1")


@pytest.mark.parametrize(
    "text", ["", "/", "Phone 1", "/Phone 1", "/CN=", "/XX=1", "CN", "/C=Germany", "=x"]
)
def test_what_is_no_name_says_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="must be names of CAs, such as"):
        name_from_text(text)


def test_a_name_is_bounded() -> None:
    with pytest.raises(ValueError, match="must be names"):
        name_from_text("/CN=" + "a" * 2000)
