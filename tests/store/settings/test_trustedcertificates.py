from collections.abc import Callable

import pytest

from bootwave.errors import SettingError, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.serving.reader import Reader
from bootwave.store.settings.trustedcertificates import MAX_CERTIFICATES
from tests.store.authority import certificate, digest, encoded

DOMAIN = "a.example.com"
MAC = 0x0004132E08B4


@pytest.fixture(autouse=True)
def domain(add: Callable[..., None]) -> None:
    add(f"401@{DOMAIN}", mac=f"{MAC:012X}")


def test_a_ca_is_told_until_it_is_removed(
    admin: Administration, reader: Reader
) -> None:
    der = certificate()
    done = admin.trust_add(DOMAIN, [encoded(der), encoded(der)])
    assert done["added"][0]["subject"] == "CN=Example CA"
    (listed,) = admin.trust_list(DOMAIN)
    assert listed["digest"] == digest(der)
    device = reader.devices([MAC])[MAC]
    assert device.domain is not None
    assert device.domain.extras.certificates == (encoded(der),)
    admin.trust_remove(DOMAIN, digest(der)[:8].upper())
    assert admin.trust_list(DOMAIN) == []
    with pytest.raises(StoreNotFound, match="trust list"):
        admin.trust_remove(DOMAIN, digest(der))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not base64!", "no certificate"),
        (encoded(b"0" * 100), "no certificate"),
        (encoded(certificate("pbx", is_ca=False)), "CN=pbx is not the certificate of"),
        (encoded(certificate("Old", years=1)), "CN=Old has expired"),
    ],
)
def test_what_phones_cannot_trust_is_refused(
    admin: Administration, text: str, said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        admin.trust_add(DOMAIN, [encoded(certificate()), text])
    assert admin.trust_list(DOMAIN) == []


def test_a_few_are_enough(admin: Administration) -> None:
    with pytest.raises(SettingError, match="no certificate to be trusted"):
        admin.trust_add(DOMAIN, [])
    many = [encoded(certificate(f"CA {n}")) for n in range(MAX_CERTIFICATES + 1)]
    with pytest.raises(SettingError, match="at most"):
        admin.trust_add(DOMAIN, many)


@pytest.mark.parametrize("digits", ["", "abc", "%" * 8, "x" * 8, "0" * 65])
def test_only_digits_of_a_digest_name_a_certificate(
    admin: Administration, digits: str
) -> None:
    with pytest.raises(SettingError, match="SHA-256"):
        admin.trust_remove(DOMAIN, digits)
