"""What is legal and still worth a sentence."""

from bootwave.cli.notices import notices
from bootwave.options import (
    HttpOptions,
    HttpsOptions,
    Options,
    PnpOptions,
)


def test_the_defaults_need_no_notice() -> None:
    assert list(notices(Options())) == []


def test_options_that_serve_nobody_are_told() -> None:
    silent, https = PnpOptions(enabled=False), HttpsOptions(listen=())
    options = Options(pnp=silent, http=HttpOptions(listen=()), https=https)
    assert "no phone can be provisioned" in next(notices(options))
    url = PnpOptions(url="http://10.0.0.1/settings.xml")
    assert "{mac}" in next(notices(Options(pnp=url)))
    for right in ("http://a/{mac}.xml", "http://a/{MAC}"):
        assert not list(notices(Options(pnp=PnpOptions(url=right))))


def test_plug_and_play_without_anywhere_to_send_phones_is_told() -> None:
    only_ipv6 = HttpOptions(listen=("[::]:8080",))
    (notice,) = notices(Options(http=only_ipv6))
    assert "pnp.url" in notice
    url = PnpOptions(url="http://a/{mac}.xml")
    assert not list(notices(Options(http=only_ipv6, pnp=url)))


def test_multicast_that_sends_phones_where_no_secret_leaves_is_told() -> None:
    never = HttpOptions(secrets="never")
    (notice,) = notices(Options(http=never))
    assert notice.startswith("http.secrets is never")
    clear = PnpOptions(url="http://a/{mac}.xml")
    assert len(list(notices(Options(http=never, pnp=clear)))) == 1
    secure = PnpOptions(url="https://a/{mac}.xml")
    assert not list(notices(Options(http=never, pnp=secure)))
    assert not list(notices(Options(http=never, pnp=PnpOptions(enabled=False))))
    url = HttpOptions(secrets="never", url="https://a")
    assert not list(notices(Options(http=url)))


def test_a_bootstrap_to_nowhere_is_told() -> None:
    nowhere = HttpsOptions(listen=(), bootstrap=True)
    (notice,) = notices(Options(https=nowhere))
    assert notice.startswith("https.bootstrap is on")
    assert not list(notices(Options(https=HttpsOptions(bootstrap=True))))
