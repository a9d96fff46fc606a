import pytest

from bootwave.errors import ServerFault
from bootwave.wave.identity import Identity
from bootwave.wave.url import first_requests, replaced, url_from

PHONE = Identity(0x0004132E08B4)


@pytest.mark.parametrize(
    ("server", "targets"),
    [
        ("http://192.168.137.1", ["/snom370.htm", "/snom370-0004132E08B4.htm"]),
        ("http://pbx/prov/", ["/prov/snom370.htm", "/prov/snom370-0004132E08B4.htm"]),
        ("http://pbx/prov/{mac}.xml", ["/prov/0004132E08B4.xml"]),
        ("http://pbx/p.php?mac={mac}", ["/p.php?mac=0004132E08B4"]),
        ("http://pbx/?mac={mac}", ["/?mac=0004132E08B4"]),
        ("http://pbx/a/b.htm", ["/a/b.htm", "/a/b-0004132E08B4.htm"]),
        ("http://pbx/a/b", ["/a/b", "/a/b-0004132E08B4"]),
        ("http://pbx/b.php?x=1", ["/b.php?x=1", "/b-0004132E08B4.php?x=1"]),
        ("http://pbx/{phone_type}.htm", ["/snom370.htm", "/snom370-0004132E08B4.htm"]),
    ],
)
def test_a_setting_server_becomes_the_requests_a_phone_makes(
    server: str, targets: list[str]
) -> None:
    assert [url.target for url in first_requests(server, PHONE)] == targets


def test_the_mac_is_put_in_with_upper_case_digits() -> None:
    assert replaced("http://pbx/{mac}", PHONE) == "http://pbx/0004132E08B4"


def test_a_url_has_scheme_host_port_and_target() -> None:
    assert tuple(url_from("HTTP://pbx:8080/a?b")) == ("http", "pbx", 8080, "/a?b")
    assert tuple(url_from("https://pbx?b")) == ("https", "pbx", 443, "/?b")
    assert url_from("http://[::1]:81/").address == "::1"


def test_the_host_field_names_the_port_unless_it_is_80() -> None:
    assert url_from("http://pbx:80/").host_field == "pbx"
    assert url_from("http://pbx:8080/").host_field == "pbx:8080"
    assert str(url_from("http://pbx:80/a")) == "http://pbx/a"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pbx.example.com",
        "http://",
        "http://pbx/\r\n",
        " http://pbx/",
        "http://pbx/a b",
        "http://pbx/ä",
        "http://user:pass@pbx/",
        "ftp://pbx/",
        "http://pbx:0/",
        "http://pbx:65536/",
        "http://pbx/#a",
        "http://pbx/%zz",
        "http://pbx/<mac>",
    ],
)
def test_what_is_no_bare_url_is_refused(text: str) -> None:
    with pytest.raises(ServerFault):
        url_from(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://user:s3cret@pbx/",
        "http://user:my s3cret@pbx/",
        "ftp://user:s3cret@pbx/",
        "http://user:80/s3cret@pbx/%zz",
        f"http://user:s3cret{'x' * 80}@pbx/",
    ],
)
def test_a_password_in_a_url_that_is_refused_is_not_repeated(text: str) -> None:
    with pytest.raises(ServerFault, match=r"\*@pbx") as refused:
        url_from(text)
    assert "s3cret" not in str(refused.value)
