import pytest

from bootwave.errors import OperatorError, SettingError
from bootwave.store.names import (
    checked_host,
    checked_member,
    checked_minutes,
    checked_name,
    checked_password,
    checked_subnet,
    required_account,
    required_domain,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("pbx.example.com", "pbx.example.com"),
        (" PBX.Example.COM ", "pbx.example.com"),
        ("localhost", "localhost"),
        ("192.168.1.10", "192.168.1.10"),
        ("a" * 63 + ".de", "a" * 63 + ".de"),
    ],
)
def test_domain_names_are_kept_in_small_letters(text: str, name: str) -> None:
    assert required_domain(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "-a.de",
        "a-.de",
        "a b.de",
        "ä.de",
        "a_b.de",
        "a" * 64 + ".de",
        "a.de.",
        "x." * 127 + "x",
        "a.de\n",
        "a.de/x",
        "[::1]",
    ],
)
def test_other_text_is_no_domain_name(text: str) -> None:
    if text == "a.de\n":
        assert required_domain(text) == "a.de"  # blanks around it go
        return
    with pytest.raises(SettingError, match="is not a domain name"):
        required_domain(text)


def test_an_account_is_number_at_domain() -> None:
    assert str(required_account("401@PBX.example.com")) == "401@pbx.example.com"
    assert required_account("Anna.B_1+2-3@a.de").number == "Anna.B_1+2-3"
    assert str(required_account("401", "a.de")) == "401@a.de"
    assert str(required_account("401@b.de", "a.de")) == "401@b.de"


@pytest.mark.parametrize(
    "text",
    ["401", "@a.de", "4 01@a.de", "a@b@a.de", "4<@a.de", ".@a.de", "..@a.de"],
)
def test_other_text_is_no_account(text: str) -> None:
    with pytest.raises(SettingError):
        required_account(text)


def test_no_name_is_another_place_in_a_url() -> None:
    for name in (".", " .. "):
        with pytest.raises(SettingError, match="take another one"):
            checked_member(name, "profile")
    assert required_account("...@a.de").number == "..."
    assert checked_member("...", "profile") == "..."


def test_a_number_has_at_most_32_characters() -> None:
    assert required_account("1" * 32 + "@a.de")
    with pytest.raises(SettingError, match="32"):
        required_account("1" * 33 + "@a.de")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pbx.example.com",
        "pbx:5061",
        "10.0.0.1:5060",
        "pbx:5061;transport=tls",
        "[2001:db8::1]",
        "[2001:db8::1]:5060",
        "pbx;transport=TCP",
    ],
)
def test_hosts_are_kept_as_written(text: str) -> None:
    assert checked_host(text, "a registrar") == text


@pytest.mark.parametrize(
    "text",
    [
        "pbx:",
        "pbx:0",
        "pbx:65536",
        "pbx:x",
        "a b",
        "sip:pbx",
        "pbx;transport=sctp",
        "pbx;",
        "2001:db8::1",
        "[10.0.0.1]",
        "[2001:db8::1",
        "[2001:db8::1]x",
        "::1]",
        "[fe80::1%eth0]",
        "pbx:\u0661",
        "pbx;transport=tls;x",
    ],
)
def test_other_text_is_no_host(text: str) -> None:
    with pytest.raises(SettingError, match="is not a registrar"):
        checked_host(text, "a registrar")


@pytest.mark.parametrize(
    "text",
    [
        "user:s3cret@pbx",
        "https://s3cret@pbx",
        "http://user:my s3cret@pbx",
        "pbx;transport=s3cret@pbx",
        f"sip:user:s3cret{'x' * 60}@pbx",
    ],
)
def test_a_password_beside_a_host_is_not_quoted(text: str) -> None:
    with pytest.raises(SettingError, match=r"'\*+@pbx' is not a registrar"):
        checked_host(text, "a registrar")


def test_subnets_have_one_spelling() -> None:
    assert checked_subnet("") == ""
    assert checked_subnet(" 10.1.2.3/8 ") == "10.0.0.0/8"
    assert checked_subnet("10.0.0.1") == "10.0.0.1/32"
    assert checked_subnet("2001:DB8::/32") == "2001:db8::/32"
    with pytest.raises(SettingError, match="is not a subnet"):
        checked_subnet("10.0.0.0/33")


def test_a_name_is_one_line_that_xml_can_carry() -> None:
    assert checked_name(" Änna & <B> 🙂 ", "The name") == "Änna & <B> 🙂"
    for wrong in ("a\nb", "a\x00b", "a" * 129, "a\u2028b"):
        with pytest.raises(SettingError, match="The name"):
            checked_name(wrong, "The name")


@pytest.mark.parametrize("secret", ["hunter2\x00", "hunter2\nx", "hunter2" * 20])
def test_a_refused_password_is_not_quoted(secret: str) -> None:
    with pytest.raises(SettingError) as raised:
        checked_password(secret)
    assert "hunter2" not in str(raised.value)


def test_a_password_keeps_its_blanks() -> None:
    assert checked_password(" a b ") == " a b "
    with pytest.raises(SettingError, match="needs its SIP password"):
        checked_password("")


def test_minutes_are_at_most_a_day() -> None:
    assert checked_minutes(1440) == 1440
    for wrong in (0, -1, 1441, float("nan"), float("inf")):
        with pytest.raises(OperatorError):
            checked_minutes(wrong)


def test_errors_quote_long_text_in_part_only() -> None:
    with pytest.raises(SettingError) as raised:
        required_domain("!" * 10_000)
    assert len(str(raised.value)) < 200
