import pytest

from bootwave.options import HttpOptions, HttpsOptions, Options, PnpOptions
from bootwave.provision.urls import (
    base_url,
    bootstrap_url,
    clear_url,
    firmware_url,
    general_url,
    pnp_url,
    settings_url,
    url_of_address,
)
from tests.provision.bench import MAC

PLAIN = Options()
TOLD = Options(http=HttpOptions(url="https://prov.example.com/p/"))


@pytest.mark.parametrize(
    ("address", "port", "secure", "url"),
    [
        ("192.168.4.1", 8080, False, "http://192.168.4.1:8080"),
        ("192.168.4.1", 80, False, "http://192.168.4.1"),
        ("192.168.4.1", 443, False, "http://192.168.4.1:443"),
        ("192.168.4.1", 443, True, "https://192.168.4.1"),
        ("192.168.4.1", 80, True, "https://192.168.4.1:80"),
        ("fd00::1", 8080, False, "http://[fd00::1]:8080"),
        ("fe80::1%eth0", 80, False, "http://[fe80::1]"),
        ("::ffff:192.168.4.1", 80, False, "http://192.168.4.1"),
    ],
)
def test_an_address_becomes_a_url_that_others_can_use(
    address: str, port: int, secure: bool, url: str
) -> None:
    assert url_of_address(address, port, secure) == url


def test_the_base_url_is_the_options_or_the_address_reached() -> None:
    local = ("192.168.4.1", 8080)
    assert base_url(PLAIN, local, secure=False) == "http://192.168.4.1:8080"
    assert base_url(TOLD, local, secure=False) == "https://prov.example.com/p"


def test_a_notify_leaves_the_mac_to_the_phone() -> None:
    heard = ("192.168.4.1", 8080)
    assert pnp_url(PLAIN, *heard) == "http://192.168.4.1:8080/{mac}.xml"
    assert pnp_url(TOLD, *heard) == "https://prov.example.com/p/{mac}.xml"
    own = Options(pnp=PnpOptions(url="https://x.example.com/a"))
    assert pnp_url(own, *heard) == "https://x.example.com/a"


@pytest.mark.parametrize(
    ("options", "port", "https_port", "url"),
    [
        (PLAIN, 8080, 8443, "https://192.168.4.1:8443/{mac}.xml"),
        (PLAIN, 0, 443, "https://192.168.4.1/{mac}.xml"),
        (PLAIN, 8080, 0, "http://192.168.4.1:8080/{mac}.xml"),
        (PLAIN, 0, 0, None),
        (TOLD, 8080, 8443, "https://prov.example.com/p/{mac}.xml"),
        (
            Options(http=HttpOptions(url="http://a.example.com:8080/p")),
            8080,
            8443,
            "https://a.example.com:8443/p/{mac}.xml",
        ),
        (
            Options(https=HttpsOptions(url="https://b.example.com/")),
            0,
            0,
            "https://b.example.com/{mac}.xml",
        ),
        (
            Options(pnp=PnpOptions(url="http://x.example.com/a")),
            8080,
            8443,
            "http://x.example.com/a",
        ),
    ],
)
def test_an_owner_of_a_certificate_is_told_where_https_is(
    options: Options, port: int, https_port: int, url: str | None
) -> None:
    told = pnp_url(options, "192.168.4.1", port, certified=True, https_port=https_port)
    assert told == url


def test_documents_stand_below_the_base_url() -> None:
    base = "http://192.168.4.1"
    assert settings_url(base, MAC) == f"{base}/0004132E08B4.xml"
    assert general_url(base, "") == f"{base}/general.xml"
    assert general_url(base, "snom370") == f"{base}/general/snom370.xml"
    assert general_url(base, "a/../b") == f"{base}/general/a%2F..%2Fb.xml"


def test_without_a_listener_to_send_it_to_a_phone_is_told_nothing() -> None:
    assert pnp_url(PLAIN, "192.168.4.1", 0) is None
    assert pnp_url(TOLD, "192.168.4.1", 0) == "https://prov.example.com/p/{mac}.xml"


def test_who_came_over_tls_is_not_sent_back_to_clear_http() -> None:
    local = ("192.168.4.1", 8443)
    assert base_url(PLAIN, local, secure=True) == "https://192.168.4.1:8443"
    assert base_url(TOLD, local, secure=True) == "https://prov.example.com/p"
    clear = HttpOptions(url="http://prov.example.com:8080/")
    assert base_url(Options(http=clear), local, secure=True) == (
        "https://192.168.4.1:8443"
    )
    both = Options(http=clear, https=HttpsOptions(url="https://tls.example.com/"))
    assert base_url(both, local, secure=True) == "https://tls.example.com"
    assert base_url(both, local, secure=False) == "http://prov.example.com:8080"


@pytest.mark.parametrize(
    ("base", "port", "url"),
    [
        ("http://192.168.4.1:8080", 8443, "https://192.168.4.1:8443"),
        ("http://192.168.4.1", 443, "https://192.168.4.1"),
        ("http://[fd00::1]:8080", 8443, "https://[fd00::1]:8443"),
        ("http://[fd00::1]", 8443, "https://[fd00::1]:8443"),
        ("http://prov.example.com/p", 8443, "https://prov.example.com:8443/p"),
        ("https://prov.example.com/p", 8443, "https://prov.example.com/p"),
        ("http://192.168.4.1:8080", 0, "http://192.168.4.1:8080"),
    ],
)
def test_the_bootstrap_leads_to_the_same_host(base: str, port: int, url: str) -> None:
    on = Options(https=HttpsOptions(bootstrap=True))
    assert bootstrap_url(on, base, port) == url
    assert bootstrap_url(PLAIN, base, port) == base


def test_the_bootstrap_leads_where_the_options_say() -> None:
    https = HttpsOptions(bootstrap=True, url="https://tls.example.com/p/")
    options = Options(https=https)
    assert bootstrap_url(options, "http://192.168.4.1:8080", 0) == (
        "https://tls.example.com/p"
    )


def test_who_cannot_fetch_over_tls_is_sent_to_clear_http_of_the_same_host() -> None:
    for base, url in (
        ("https://10.0.0.1:8443", "http://10.0.0.1:8080"),
        ("https://pbx.example.com/prov", "http://pbx.example.com:8080"),
        ("https://[2001:db8::1]:8443", "http://[2001:db8::1]:8080"),
        ("https://[2001:db8::1]", "http://[2001:db8::1]:8080"),
    ):
        assert clear_url(Options(), base, 8080) == url
    assert clear_url(Options(), "https://10.0.0.1:8443", 80) == "http://10.0.0.1"
    assert clear_url(Options(), "https://10.0.0.1:8443", 0) == ""
    named = Options(http=HttpOptions(url="http://pbx.example.com/prov/"))
    assert clear_url(named, "https://10.0.0.1", 0) == "http://pbx.example.com/prov"


def test_a_phone_asks_for_its_firmware_by_its_scope() -> None:
    assert firmware_url("http://h/p", "snom370", "abc") == (
        "http://h/p/snom370/snom370-firmware.htm?mac={mac}&scope=abc"
    )
