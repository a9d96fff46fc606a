import pytest

from bootwave.http.contact import Identity
from bootwave.http.target import DocumentKind
from bootwave.options import Options
from bootwave.provision.asked import asked_from, phone_detail
from tests.provision.bench import AGENT, MAC, contact, request

DECT = "Mozilla/4.0 (compatible; Snom M900 05.20.0001 000413b60680)"


@pytest.mark.parametrize(
    ("path", "kind", "mac", "model", "own"),
    [
        ("/0004132E08B4.xml", DocumentKind.SETTINGS, MAC, "snom370", True),
        ("/snom710-0004132E08B4.htm", DocumentKind.FILES, MAC, "", True),
        ("/x?mac=0004132e08b4", DocumentKind.SETTINGS, MAC, "snom370", True),
        ("/snom710.htm", DocumentKind.GENERAL_FILES, 0, "snom710", False),
        ("/SNOM710.htm", DocumentKind.GENERAL_FILES, 0, "snom710", False),
        ("/snominvented.htm", DocumentKind.GENERAL_FILES, 0, "snom370", False),
        ("/general.xml", DocumentKind.GENERAL_SETTINGS, 0, "snom370", False),
        ("/snom370-firmware.htm", DocumentKind.FIRMWARE, 0, "", False),
    ],
)
def test_a_request_asks_for_one_document(
    path: str, kind: DocumentKind, mac: int, model: str, own: bool
) -> None:
    asked = asked_from(request(path), contact(), Options())
    assert asked is not None
    assert asked.key == (kind, "http://192.168.4.1:8080", model, "8.4.35")
    assert asked.mac == mac
    assert asked.is_own is own
    assert asked.detail == "snom370 8.4.35"


def test_a_url_that_names_nothing_asks_for_nothing() -> None:
    assert asked_from(request("/favicon.ico"), contact(), Options()) is None


def test_the_mac_that_a_phone_mentions_is_noted_where_it_gives_nothing() -> None:
    asked = asked_from(request("/snomM900.htm", agent=DECT), contact(), Options())
    assert asked is not None
    assert asked.mac == 0x000413B60680
    own = asked_from(request(agent=DECT), contact(), Options())
    assert own is not None
    assert own.mac == MAC


def test_the_model_to_remember_is_the_phones_own_word() -> None:
    asked = asked_from(request("/snom710-0004132E08B4.xml"), contact(), Options())
    assert asked is not None
    assert asked.key.model == "snom710"
    assert asked.agent_model == "snom370"


def test_something_that_is_no_phone_has_no_detail() -> None:
    assert phone_detail(request(agent="curl/8.0")) == ""
    assert phone_detail(request(agent=AGENT)) == "snom370 8.4.35"


def test_of_which_mac_another_certificate_is_stands_in_the_detail() -> None:
    def detail(path: str, mac: int) -> str:
        identity = Identity(mac=mac)
        asked = asked_from(request(path), contact(identity=identity), Options())
        assert asked is not None
        return asked.detail

    own, other = "/0004132E08B4.xml", "/000413B60680.xml"
    assert detail(own, MAC) == "snom370 8.4.35"
    assert detail(other, MAC) == "snom370 8.4.35; its certificate is of 0004132E08B4"
    assert detail("/snom370.htm", MAC) == "snom370 8.4.35"
    assert detail(other, 0) == "snom370 8.4.35"


TOKEN = "tabcdefghijklmnopqrstuvwxyz"


def test_a_token_in_the_url_is_no_part_of_what_is_asked_for() -> None:
    plain = asked_from(request("/0004132E08B4.xml"), contact(), Options())
    asked = asked_from(request(f"/p/{TOKEN}/0004132E08B4.xml"), contact(), Options())
    assert plain is not None
    assert asked is not None
    assert (plain.token, asked.token) == ("", TOKEN)
    assert asked.key == plain.key
    assert TOKEN not in repr(asked)


def test_a_general_document_is_one_of_its_token() -> None:
    asked = asked_from(request(f"/{TOKEN}/general.xml"), contact(), Options())
    assert asked is not None
    assert asked.key.base_url == f"http://192.168.4.1:8080/{TOKEN}"
    assert TOKEN not in repr(asked)
