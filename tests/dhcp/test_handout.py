"""What phones are told by DHCP, to the byte."""

import pytest

from bootwave.dhcp.handout import Kind, handouts, kind_of
from bootwave.errors import OptionError
from bootwave.phone.models import known_models, model_data

BASE = "http://10.1.2.3:8080"


def test_desk_phones_are_told_a_server_and_a_file_below_it() -> None:
    assert handouts(BASE)[Kind.DESK].texts == ((66, BASE), (67, "{mac}.xml"))
    below = handouts("https://pbx.example.com/p/token/")[Kind.DESK].texts
    assert below == ((66, "https://pbx.example.com"), (67, "p/token/{mac}.xml"))


def test_option_43_holds_the_same_with_lengths_and_nuls() -> None:
    # The bytes that snom's wiki shows, of another URL.
    told = handouts("http://test", 114, 5)[Kind.DESK].encapsulated
    assert told == (
        bytes.fromhex("42 0c 68 74 74 70 3a 2f 2f 74 65 73 74 00")
        + b"\x43\x0a{mac}.xml\0"
        + bytes.fromhex("84 04 31 31 34 00")
        + bytes.fromhex("85 02 35 00")
    )
    assert handouts("http://test", 114, 5)[Kind.DESK].texts[2:] == (
        (132, "114"),
        (133, "5"),
    )


def test_the_others_are_told_one_url_and_no_vlan() -> None:
    told = handouts(f"{BASE}/token", 114, 5)
    assert told[Kind.DECT].texts == ((66, f"{BASE}/token/"),)
    assert told[Kind.M3].texts == ((66, f"{BASE}/token/"),)
    assert told[Kind.M9].texts == ((66, f"{BASE}/token/snomm9-{{mac}}.htm"),)
    for kind in (Kind.DECT, Kind.M3, Kind.M9):
        assert told[kind].encapsulated == b""


@pytest.mark.parametrize(
    ("vendor_class", "host_name", "kind"),
    [
        ("snom370", "", Kind.DESK),
        ("snomD785", "snomD785-000413922D24", Kind.DESK),
        ("snomMP", "", Kind.DESK),
        ("snomM700", "", Kind.DECT),
        ("snomM900-SIP", "", Kind.DECT),
        ("snom-m3-SIP", "", Kind.M3),
        ("", "snom-m9", Kind.M9),
        ("udhcp 1.2", "snom-m9-3c", Kind.M9),
        ("", "", None),
        ("yealink", "", None),
        ("xsnom370", "", None),
    ],
)
def test_a_phone_is_of_the_kind_that_it_sends(
    vendor_class: str, host_name: str, kind: Kind | None
) -> None:
    assert kind_of(vendor_class, host_name) is kind


def test_every_model_is_of_the_kind_that_its_documents_say() -> None:
    kinds = {"xml": Kind.DESK, "m9": Kind.M9, "dect": Kind.DECT, "m3": Kind.M3}
    for name in known_models():
        model = model_data(name)
        assert kind_of(model.vendor_class, model.host_name) is kinds[model.dialect]


@pytest.mark.parametrize(
    "base",
    [
        "",
        "10.1.2.3",
        "tftp://10.1.2.3",
        "ftp://10.1.2.3/x",
        "http://",
        "http://user:secret@10.1.2.3",
        "http://10.1.2.3/?mac={mac}",
        "http://10.1.2.3/?a=b",
        "http://10.1.2.3/#a",
        "http://10.1.2.3:port",
        "http://[::1",
        'http://10.1.2.3/"',
        "http://10.1.2.3/\\",
        "http://10.1.2.3/a,b",
        "http://10.1.2.3/a b",
        "http://10.1.2.3/\n",
        "http://10.1.2.3/é",
        "http://10.1.2.3/" + "x" * 255,
    ],
)
def test_a_url_that_dhcp_cannot_tell_is_refused(base: str) -> None:
    with pytest.raises(OptionError, match="is no URL that DHCP can tell phones"):
        handouts(base)


def test_no_secret_of_a_refused_url_is_longer_than_a_line() -> None:
    with pytest.raises(OptionError) as refused:
        handouts("x" * 10_000)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize(
    "base",
    [
        "http://user:s3cret@pbx",
        "http://user:s3/cret@pbx",
        "user:s3cret@pbx",
        f"http://user:s3cret{'x' * 255}@pbx",
    ],
)
def test_a_password_in_a_url_that_is_refused_is_not_repeated(base: str) -> None:
    with pytest.raises(OptionError, match=r"'\*+@pbx' is no URL"):
        handouts(base)


def test_what_does_not_fit_into_an_option_is_refused() -> None:
    # The longest is the m9's: base, "/snomm9-{mac}.htm".
    fits = "http://" + "h" * 50 + "/" + "p" * 180
    assert len(handouts(fits)[Kind.M9].texts[0][1]) == 255
    with pytest.raises(OptionError, match="its options would take 256 bytes"):
        handouts(fits + "p")
    # With a VLAN it is option 43.
    assert len(handouts(fits[:-4], 114)[Kind.DESK].encapsulated) == 255
    with pytest.raises(OptionError, match="its options would take 256 bytes"):
        handouts(fits[:-3], 114)


@pytest.mark.parametrize(
    ("vlan", "priority", "what"),
    [
        (0, None, "There is no VLAN 0"),
        (4095, None, "There is no VLAN 4095"),
        (-1, None, "There is no VLAN -1"),
        (None, 5, "needs its VLAN"),
        (5, 8, "There is no VLAN priority 8"),
        (5, -1, "There is no VLAN priority -1"),
    ],
)
def test_a_vlan_that_is_none_is_refused(
    vlan: int | None, priority: int | None, what: str
) -> None:
    with pytest.raises(OptionError, match=what):
        handouts(BASE, vlan, priority)
