"""The table of options: what its values may be."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bootwave.limits import MAX_PROXY_NETWORKS
from bootwave.options import (
    Address,
    ControlOptions,
    HttpOptions,
    Options,
    PnpOptions,
    RedirectionOptions,
    StoreOptions,
    address_from_text,
    keys,
    network_from_text,
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8080", Address("0.0.0.0", 8080)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::]:443", Address("::", 443)),
        ("[fe80::1%eth0]:5060", Address("fe80::1%eth0", 5060)),
        (":8080", Address("", 8080)),
        ("*:8080", Address("", 8080)),
        ("localhost:8080", Address("127.0.0.1", 8080)),
    ],
)
def test_an_address_is_split_into_host_and_port(text: str, address: Address) -> None:
    assert address_from_text(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "8080", "0.0.0.0", "::1:80", "example.com:80", "[::1]"),
        *("1.2.3.4:65536", "[1.2.3.4]:80", "1.2.3.4:-1", "1.2.3.4:²", "1.2.3.4:8 "),
        *("1.2.3:80", "[]:80", "[*]:80"),
    ],
)
def test_what_is_no_numeric_address_with_a_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a numeric address and a port"):
        address_from_text(text)


@pytest.mark.parametrize(
    "values",
    [
        {"listen": "[::]:5060"},
        {"group": "192.168.0.1"},
        {"group": "ff02::1"},
        {"url": "ftp://10.0.0.1/"},
        {"url": "http://10.0.0.1/ x"},
        {"url": "http://10.0.0.1/\r\nEvil: yes"},
        {"url": "http:///nowhere"},
        {"url": "http://10.0.0.1/" + "x" * 255},
        {"interfaces": ["eth0", ""]},
    ],
)
def test_a_value_that_cannot_work_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PnpOptions.model_validate(values)


@pytest.mark.parametrize(
    "text",
    ["192.0.2.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0", "::1", "fd00::/8", "fe80::/10"],
)
def test_load_balancers_are_named_by_address_or_subnet(text: str) -> None:
    assert HttpOptions(proxy_protocol=(text,)).proxy_protocol == (text,)
    assert network_from_text(text).prefixlen > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be addresses or subnets"),
        ("lb.example.com", "must be addresses or subnets"),
        ("10.0.0.1/8", "no bit set behind the length"),
        ("10.0.0.1:80", "must be addresses or subnets"),
        ("10.0.0.0/33", "must be addresses or subnets"),
        ("fe80::1%eth0", "must be addresses or subnets"),
        ("::ffff:10.0.0.1", "without ::ffff:"),
        ("::ffff:0:0/96", "without ::ffff:"),
        ("0.0.0.0/0", "must not be everybody"),
        ("::/0", "must not be everybody"),
    ],
)
def test_a_load_balancer_that_cannot_be_one_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        HttpOptions(proxy_protocol=("192.0.2.1", text))


def test_load_balancers_are_bounded() -> None:
    many = tuple(f"192.0.2.{number}" for number in range(MAX_PROXY_NETWORKS + 1))
    assert HttpOptions(proxy_protocol=many[:-1]).proxy_protocol == many[:-1]
    with pytest.raises(ValidationError, match="at most 64 addresses"):
        HttpOptions(proxy_protocol=many)


def test_the_url_may_carry_the_placeholder_of_the_mac() -> None:
    url = "https://prov.example.com/p/{mac}.xml"
    assert PnpOptions(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://user:secret@10.0.0.1/{mac}.xml",
        "http://secret@pbx/{mac}.xml",
        "http://user:s3/cret@pbx/{mac}.xml",
        "http://user:/secret@pbx/",
        "http://user:s3?cret@pbx/",
        "http://user:s3#cret@pbx/",
        "http://user:s3/cret",
        "http://s3?cret@pbx/",
        "http://[::1]@pbx/",
        "http://[::1]:s3/cret@pbx/",
        "http://[user:s3/cret@pbx/",
        "http://::1/",
        # Of these nobody can say whether 80/cret is a password, or port and path.
        "http://user:80/cret@pbx/",
        "http://pbx.example.com:8080/{mac}.xml?mail=a@example.com",
    ],
)
def test_a_url_with_what_may_be_user_and_password_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="without user and password") as refused:
        PnpOptions(url=url)
    rule = "no @ behind a port, nor behind a host that no path follows"
    assert rule in str(refused.value)
    with pytest.raises(ValidationError, match="without user and password"):
        RedirectionOptions(service=url.replace("http:", "https:"))


@pytest.mark.parametrize(
    "url",
    [
        "http://pbx:8080/a:b/{mac}.xml?x=1:2",
        "http://pbx?mac={mac}:x",
        "http://pbx:/",
        "http://[fd00::1]/a@b/{mac}.xml",
        "https://[fd00::1]:8443/{mac}.xml?mail=a@b",
        "http://{mac}.example.com/",
        # Without a port an @ behind a slash is one of path or query.
        "http://pbx/a@b/{mac}.xml?mail=a:b@c",
    ],
)
def test_a_url_with_a_port_or_an_at_that_is_no_password_is_right(url: str) -> None:
    assert PnpOptions(url=url).url == url


def test_two_stores_in_one_file_are_refused() -> None:
    with pytest.raises(ValidationError, match="are the same file"):
        Options(store=StoreOptions(database=Path("a"), sightings=Path("a")))


def test_options_cannot_be_changed_after_they_were_made() -> None:
    with pytest.raises(ValidationError):
        Options().server.workers = 3  # type: ignore[misc]


def test_every_option_has_a_default_and_a_sentence_of_help() -> None:
    for key in keys():
        assert key.help.endswith("."), key.name
        assert key.default is not None, key.name


def test_a_key_says_in_words_what_its_value_may_be() -> None:
    kinds = {key.name: key.kind for key in keys()}
    assert kinds["server.workers"] == "a whole number from 0 to 64"
    assert kinds["pairing.window_minutes"] == "a number above 0, at most 1440"
    assert kinds["pnp.enabled"] == "true or false"
    assert kinds["pnp.bind"] == "one of any, group"
    assert kinds["http.listen"] == "a list of texts"
    assert kinds["http.proxy_protocol"] == "a list of texts"
    assert kinds["store.key"] == "a path"


@pytest.mark.parametrize(
    ("listen", "is_private"),
    [
        ("127.0.0.1:8095", True),
        ("127.9.9.9:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        (":1", False),
        ("*:1", False),
        ("192.0.2.1:1", False),
        ("[fe80::1%eth0]:1", False),
    ],
)
def test_an_api_that_others_reach_has_a_certificate(
    listen: str, is_private: bool
) -> None:
    if is_private:
        assert ControlOptions(listen=listen).listen == listen
    else:
        with pytest.raises(ValidationError, match=r"control\.certificates"):
            ControlOptions(listen=listen)
    ControlOptions(listen=listen, certificates=(Path("api.pem"),))
