"""URLs of phones and the documents they name."""

import pytest

from bootwave.http.target import (
    DocumentKind,
    Target,
    is_token,
    target_from,
    token_from,
)

MAC = 0x0004132E08B4
SPELLINGS = [
    "0004132E08B4",
    "0004132e08b4",
    "00:04:13:2E:08:B4",
    "00-04-13-2e-08-b4",
    "0004.132e.08b4",
]


def target(url: str) -> Target | None:
    path, _, query = url.partition("?")
    return target_from(path, query)


def settings(model: str = "") -> Target:
    return Target(DocumentKind.SETTINGS, MAC, model)


@pytest.mark.parametrize("prefix", ["/", "/prov/", "/provisioning/snom/", "//", "/../"])
@pytest.mark.parametrize("mac", SPELLINGS)
@pytest.mark.parametrize("extension", ["", ".htm", ".html", ".xml", ".cfg", ".XML"])
def test_a_mac_is_its_settings_under_any_prefix(
    prefix: str, mac: str, extension: str
) -> None:
    assert target(f"{prefix}{mac}{extension}") == settings()


@pytest.mark.parametrize("mac", SPELLINGS)
def test_a_type_and_a_mac_are_the_files_of_that_phone(mac: str) -> None:
    assert target(f"/prov/snom370-{mac}.htm") == Target(
        DocumentKind.FILES, MAC, "snom370"
    )
    assert target(f"/snomM700-{mac}.xml") == settings("snomM700")
    assert target(f"/snom-m9-{mac}.cfg") == settings("snom-m9")


@pytest.mark.parametrize(
    "query",
    [
        "mac=0004132E08B4",
        "mac=00:04:13:2e:08:b4",
        "mac=00%3A04%3A13%3A2E%3A08%3AB4",
        "a=1&mac=0004132E08B4&b=2",
        "MAC=0004132E08B4",
        "mac=0004132E08B4&mac=000413000000",
        "&&mac=0004132E08B4",
        "m%61c=0004132E08B4",
    ],
)
@pytest.mark.parametrize("path", ["/", "/settings.php", "/prov/a", "/general.xml", ""])
def test_the_first_mac_in_the_query_names_settings(path: str, query: str) -> None:
    assert target_from(path, query) == settings()


def test_the_query_beats_the_path_and_keeps_its_model() -> None:
    assert target("/snom370.htm?mac=0004132E08B4") == settings("snom370")
    assert target("/000413000001.xml?mac=0004132E08B4") == settings()


@pytest.mark.parametrize(
    "model",
    [
        "snom370",
        "snomD785",
        "snomM700",
        "snomPA1",
        "snomMP",
        "snom-m9",
        "snom-m3",
        "SNOM8",
    ],
)
def test_a_type_alone_is_the_general_list(model: str) -> None:
    expected = Target(DocumentKind.GENERAL_FILES, 0, model)
    assert target(f"/{model}.htm") == expected
    assert target(f"/prov/{model}.HTML") == expected


@pytest.mark.parametrize("prefix", ["", "/prov"])
def test_general_settings(prefix: str) -> None:
    assert target(f"{prefix}/general.xml") == Target(DocumentKind.GENERAL_SETTINGS)
    assert target(f"{prefix}/general/snom370.xml") == Target(
        DocumentKind.GENERAL_SETTINGS, 0, "snom370"
    )
    assert target(f"{prefix}/snom370.xml") == Target(
        DocumentKind.GENERAL_SETTINGS, 0, "snom370"
    )
    assert target(f"{prefix}/General/snomD785.XML") == Target(
        DocumentKind.GENERAL_SETTINGS, 0, "snomD785"
    )


def test_a_phone_book_is_named_by_its_mac() -> None:
    book = Target(DocumentKind.PHONE_BOOK, 0x0004132E08B4)
    assert target("/0004132E08B4-phonebook.xml") == book
    assert target("/prov/00-04-13-2e-08-b4-PHONEBOOK.XML") == book
    for other in ("/-phonebook.xml", "/x-phonebook.xml", "/0004132E08B4-phonebook"):
        assert target(other) is None


def test_firmware_with_and_without_a_mac() -> None:
    firmware = Target(DocumentKind.FIRMWARE, 0, "snom370")
    assert target("/snom370/snom370-firmware.htm") == firmware
    assert target("/prov/snom370/snom370-FIRMWARE.htm") == firmware
    assert target("/snom370/snom370-firmware.htm?mac={mac}") == firmware
    assert target("/snom370/snom370-firmware.htm?mac=0004132E08B4") == Target(
        DocumentKind.FIRMWARE, MAC, "snom370"
    )


def test_the_query_of_firmware_may_say_whose_rules_apply() -> None:
    path = "/snom370/snom370-firmware.htm"
    assert target(f"{path}?mac={MAC:012X}&scope=ab%63") == Target(
        DocumentKind.FIRMWARE, MAC, "snom370", "abc"
    )
    found = target(f"{path}?scope={'a' * 99}&scope=b")
    assert found is not None
    assert found.scope == "a" * 32
    assert target("/snom370.htm?scope=abc") == Target(
        DocumentKind.GENERAL_FILES, 0, "snom370"
    )


@pytest.mark.parametrize("placeholder", ["{mac}", "{MAC}", "<mac>"])
def test_an_unreplaced_placeholder_names_the_general_document(placeholder: str) -> None:
    general = DocumentKind.GENERAL_SETTINGS
    assert target(f"/prov/{placeholder}.xml") == Target(general)
    assert target(f"/{placeholder}") == Target(general)
    assert target(f"/a.php?mac={placeholder}") == Target(general)
    assert target(f"/snom370-{placeholder}.xml") == Target(general, 0, "snom370")
    assert target(f"/snom370-{placeholder}.htm") == Target(
        DocumentKind.GENERAL_FILES, 0, "snom370"
    )


def test_an_escaped_placeholder_in_the_query_is_one_too() -> None:
    assert target("/a?mac=%7Bmac%7D") == Target(DocumentKind.GENERAL_SETTINGS)


def test_an_address_no_phone_can_have_is_still_somebodys_settings() -> None:
    # It must get the refusal of an unknown MAC, not another answer.
    assert target("/000000000000.xml") == Target(DocumentKind.SETTINGS, 0)
    assert target("/ffffffffffff.xml") == Target(DocumentKind.SETTINGS, 2**48 - 1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "/index.html",
        "/favicon.ico",
        "/0004132E08B.xml",
        "/0004132E08B4G.xml",
        "/0004132E08B4.xml.bak",
        "/0004132E08B4.php",
        "/0004132E08B4/",
        "/snom.htm",
        "/snom370",
        "/snom370.cfg",
        "/general/snom370.cfg",
        "/snom370-.htm",
        "/snom370-firmware.xml",
        "/snom370-firmware",
        "/snom370-x0004132E08B4.htm",
        "/asnom370.htm",
        "/snom" + "3" * 29 + ".htm",
        "/snom-370.htm",
        "/s\u0145om370.htm",
        "/snom\u0663\u0667\u0660.htm",
        "/\uff10\uff10\uff10\uff14132E08B4.xml",
        "/a?mac=00:04-13:2e:08:b4",
        "/a?mac=0004.132E:08B4",
        "/a?mac=",
        "/a?mac",
        "/a?mac=nobody&mac=0004132E08B4",
        "/a?xmac=0004132E08B4",
        "/a?mac=0004132E08B4%00",
        "/a?mac=+0004132E08B4",
        "/snom370\n.htm",
        "/0004132E08B4\n",
    ],
)
def test_everything_else_is_no_document(url: str) -> None:
    assert target(url) is None


TOKEN = "tabcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("path", "token"),
    [
        (f"/{TOKEN}/0004132E08B4.xml", TOKEN),
        (f"/a/{TOKEN}/b/x.xml", TOKEN),
        (f"/{TOKEN[:-1]}2/{TOKEN}/x", TOKEN),
        (f"/{TOKEN}/", TOKEN),
        (f"/{TOKEN}", ""),  # a name, not a folder
        (f"/{TOKEN.upper()}/x", ""),
        (f"/{TOKEN}a/x", ""),
        (f"/{TOKEN[:-1]}/x", ""),
        (f"/{TOKEN[:-1]}1/x", ""),
        (f"/{TOKEN}\n/x", ""),
        ("", ""),
    ],
)
def test_a_token_is_a_folder_of_its_form(path: str, token: str) -> None:
    assert token_from(path) == token
    assert is_token(token) is bool(token)
