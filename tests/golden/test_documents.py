"""Documents of eleven kinds of phones, reviewed by eye, and read back by other parsers.

Each phone has two accounts with a button profile, in a domain that has everything.
When a document changes on purpose, ``BOOTWAVE_WRITE_GOLDEN=1`` writes the new ones, to
be read before they are committed.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bootwave.directory.records import (
    Account,
    Binding,
    Contact,
    Device,
    DialTemplate,
    Domain,
    Extras,
    FunctionKey,
    LanguageFile,
    Layer,
    NamedLayer,
    Profile,
    Setting,
)
from bootwave.phone.models import document_dialect
from bootwave.settings.catalogue import Dialect
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.lint import Severity, lint
from bootwave.settings.pacing import USUAL
from tests.oracle import settings as oracle

HERE = Path(__file__).parent
BASE_URL = "https://pbx.example.com/prov"
BOOK = (Contact("Ann & <Bob>", "402", "mobile", "vip"), Contact("Zoë", "+493012345"))
OWN = (Contact("Mother", "0301234", "home", "family"),)
CA = "MIIBszCCAVmgAwIBAgIUExampleExampleExampleExample="
DOMAIN = Domain(
    1,
    "pbx.example.com",
    registrar="sip.example.com",
    outbound_proxy="edge.example.com:5061;transport=tls",
    language="Deutsch",
    timezone="GER+1",
    tone_scheme="GER",
    layer=Layer(
        (
            Setting("ntp_server", "ntp.example.com"),
            Setting("user_srtp", "on"),
            Setting("vlan_qos", "5"),
        ),
        book=BOOK,
    ),
    extras=Extras(
        (CA,),
        (DialTemplate("*", 15), DialTemplate("9,1..........", 0, "Phone")),
        (
            LanguageFile("gui", "Deutsch", "http://x/{firmware}/gui_lang_DE.xml"),
            LanguageFile("web", "Deutsch", "http://x/{firmware}/web_lang_DE.xml"),
        ),
    ),
)
SALES = Profile(
    1,
    "sales",
    Layer(
        (Setting("user_idle_text", "Sales {{number}}"),),
        (
            FunctionKey(0, "line", permission="RW"),
            FunctionKey(1, "blf 402|*8", 'Anna & "C"'),
            FunctionKey(2, "speed **{{mailbox}}", "Mail"),
            FunctionKey(3, "keyevent F_REDIAL", context="2"),
        ),
    ),
)
ANN = Account(
    *(1, 1, "401", 'Ann & <Bob> "C" äöü', "", b"", "8401"),
    layer=Layer((Setting("ring_sound", "Ringer3"),), book=OWN),
    profile=SALES,
)
DESK = Account(2, 1, "402", "Reception", "auth-402", b"", profile=SALES)
PASSWORDS = {1: "p<1>&\"'", 2: "s3cret"}
CREDENTIALS = ("u" * 8, "w0rd")


@dataclass(frozen=True)
class Phone:
    """One of them; ``keys`` are those on the phone itself."""

    model: str
    firmware: str
    mac: int
    keys: int = 0

    @property
    def dialect(self) -> str:
        return document_dialect(self.model, self.firmware)

    @property
    def path(self) -> Path:
        ending = "htm" if self.dialect == "text" else "xml"
        return HERE / f"{self.model}-{self.firmware}.{ending}"

    @property
    def device(self) -> Device:
        return Device(self.mac, DOMAIN, (Binding(1, ANN), Binding(2, DESK)))


PHONES = (
    Phone("snom300", "8.4.35", 0x000413250001, 6),
    Phone("snom320", "8.7.5.35", 0x000413240001, 12),
    Phone("snom360", "6.5.20", 0x000413230001, 12),
    Phone("snom370", "8.7.5.35", 0x000413260001, 12),
    Phone("snom710", "8.7.5.35", 0x000413740001, 5),
    Phone("snom760", "8.9.3.80", 0x000413710001, 16),
    Phone("snom821", "8.7.5.35", 0x000413450001, 12),
    Phone("snomD785", "10.1.33.33", 0x000413920001, 24),
    Phone("snomD865", "10.1.169.16", 0x000413000001, 40),
    Phone("snomm9", "9.6.2", 0x000413300001),
    Phone("snomM700", "5.20.0.1", 0x000413610001),
)
XML = [phone for phone in PHONES if phone.dialect == "xml"]
each = pytest.mark.parametrize("phone", PHONES, ids=lambda phone: phone.path.name)


def made(phone: Phone) -> bytes:
    plan, packed = SettingsCompiler().specific(
        phone.device,
        model=phone.model,
        firmware=phone.firmware,
        layers=(),
        passwords=PASSWORDS,
        base_url=BASE_URL,
        credentials=CREDENTIALS,
    )
    return plan.assemble(packed)


@each
def test_documents_are_those_reviewed(phone: Phone) -> None:
    document = made(phone)
    if os.environ.get("BOOTWAVE_WRITE_GOLDEN") == "1":
        phone.path.write_bytes(document)
    assert document == phone.path.read_bytes()


def test_the_phone_book_of_an_m9_is_the_one_reviewed() -> None:
    (phone,) = [phone for phone in PHONES if phone.model == "snomm9"]
    plan, packed = SettingsCompiler().phone_book(phone.device, model=phone.model)
    document, path = plan.assemble(packed), HERE / "snomm9-phonebook.xml"
    if os.environ.get("BOOTWAVE_WRITE_GOLDEN") == "1":
        path.write_bytes(document)
    assert document == path.read_bytes()
    assert entries(ElementTree.fromstring(document)) == [
        ("<global>", "vip", "1", "Ann & <Bob>", "402", "mobile"),
        ("<global>", "none", "2", "Zoë", "+493012345", None),
        ("identity1", "family", "3", "Mother", "0301234", "home"),
    ]


@each
def test_nothing_is_wrong_with_a_document_before_a_phone_reads_it(
    phone: Phone,
) -> None:
    dialect = Dialect(phone.dialect)
    found = lint(phone.path.read_bytes(), dialect=dialect, mac=f"{phone.mac:012X}")
    bad = [one for one in found if one.severity is not Severity.NOTE]
    assert not bad


@pytest.mark.parametrize("phone", XML, ids=lambda phone: phone.path.name)
def test_desk_phones_are_told_what_is_stored(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(oracle.KEYS_OF, phone.model, phone.keys)
    settings, keys = oracle.read(phone.path.read_bytes())
    for name, value in zip(
        ("http_client_user", "http_client_pass"), CREDENTIALS, strict=True
    ):
        assert settings.pop((name, None)) == (value, "R")
    layers: tuple[NamedLayer, ...] = ()
    told = oracle.told(phone.device, phone.model, layers, PASSWORDS, BASE_URL)
    assert (settings, keys) == told


@pytest.mark.parametrize("phone", XML, ids=lambda phone: phone.path.name)
def test_desk_phones_are_told_what_their_domain_has(phone: Phone) -> None:
    root = ElementTree.fromstring(phone.path.read_bytes())
    assert root[0].tag == "certificates"
    assert root.findtext("certificates/certificate") == CA
    book = root.find("tbook")
    assert book is not None
    assert entries(book) == [
        ("active", "vip", "0", "Ann & <Bob>", "402", "mobile"),
        ("active", "none", "1", "Zoë", "+493012345", None),
        ("active", "family", "2", "Mother", "0301234", "home"),
    ]
    assert [rule.attrib for rule in root.findall("dialplan/TEMPLATE")] == [
        {"MATCH": "*", "Timeout": "15"},
        {"MATCH": "9,1..........", "Timeout": "0", "User": "Phone"},
    ]
    for kind in ("gui", "web"):
        (language,) = root.findall(f"{kind}-languages/language")
        url = f"http://x/{phone.firmware}/{kind}_lang_DE.xml"
        assert language.attrib == {"url": url, "name": "Deutsch"}


def entries(book: ElementTree.Element) -> list[Any]:
    assert book.get("complete") == "true"
    return [
        (
            *(item.get("context"), item.get("type"), item.get("index")),
            *(item.findtext("name"), item.findtext("number")),
            item.findtext("number_type"),
        )
        for item in book
    ]


STORED = [
    {
        "active": "on",
        "name": account.display_name,
        "number": account.number,
        "auth": account.auth_user or account.number,
        "password": PASSWORDS[account.id],
        "mailbox": account.mailbox,
        "registrar": DOMAIN.registrar,
        "proxy": DOMAIN.outbound_proxy,
    }
    for account in (ANN, DESK)
]


def lines_of(document: bytes) -> dict[str, tuple[str, str]]:
    """Flag and value by name, read as old phones do: line by line."""
    read: dict[str, tuple[str, str]] = {}
    for line in document.decode().split("\n"):
        if not line or line[0] in "#<":
            continue
        name, _colon, value = line.partition(":")
        flag = name[-1] if name[-1] in "!$&" else ""
        name = name.removesuffix(flag)
        assert re.fullmatch("[A-Za-z0-9_]+", name)
        assert name not in read
        read[name] = flag, value.removeprefix(" ")
    return read


def test_old_desk_phones_read_the_same_as_lines() -> None:
    (phone,) = [phone for phone in PHONES if phone.dialect == "text"]
    read = lines_of(phone.path.read_bytes())

    def value(name: str) -> str:
        return read[name][1]

    assert [
        {
            "active": value(f"user_active{n}"),
            "name": value(f"user_realname{n}"),
            "number": value(f"user_name{n}"),
            "auth": value(f"user_pname{n}"),
            "password": value(f"user_pass{n}"),
            "mailbox": value(f"user_mailbox{n}"),
            "registrar": value(f"user_host{n}"),
            "proxy": value(f"user_outbound{n}"),
        }
        for n in (1, 2)
    ] == STORED
    assert read["language"] == ("$", "Deutsch")
    assert read["setting_server"] == ("$", f"{BASE_URL}/{{mac}}.xml")
    assert read["settings_refresh_timer"] == ("&", str(USUAL.refresh(phone.mac)))
    assert read["user_idle_text2"] == ("&", "Sales 402")
    assert read["fkey1"] == ("&", "blf <sip:402@pbx.example.com;user=phone>|*8")
    assert read["fkey_context3"] == ("&", "2")
    assert read["fkey11"] == ("$", "line")
    assert read["user_active12"] == ("$", "off")
    assert read["http_client_pass"] == ("&", CREDENTIALS[1])


def elements(path: Path) -> dict[tuple[str, str | None], str]:
    root = ElementTree.fromstring(path.read_bytes())
    assert [child.tag for child in root] == ["phone-settings"]
    read = {(each.tag, each.get("idx")): each.text or "" for each in root[0]}
    assert len(read) == len(root[0])
    return read


def test_an_m9_reads_the_same_by_its_own_names() -> None:
    (phone,) = [phone for phone in PHONES if phone.dialect == "m9"]
    read = elements(phone.path)
    assert [
        {
            "active": read["user_active", n],
            "name": read["user_realname", n],
            "number": read["user_name", n],
            "auth": read["user_authname", n],
            "password": read["user_pass", n],
            "mailbox": read["user_mailbox", n],
            "registrar": read["user_host", n],
            "proxy": read["user_outbound", n],
        }
        for n in ("1", "2")
    ] == STORED
    assert {index for name, index in read if name == "user_active"} == {
        str(n) for n in range(1, 10)
    }
    base = {name: value for (name, index), value in read.items() if index is None}
    assert base == {
        "allow_check_sync": "on",
        "setting_server": f"{BASE_URL}/snomm9-{{mac}}.htm",
        "settings_refresh_time": str(USUAL.refresh(phone.mac)),
        "settings_refresh_timer": str(USUAL.refresh(phone.mac)),
        "language": "de",
        "zone_id": "343",
        "tones": "3",
        "ntp_server": "ntp.example.com",
        "vlan_priority": "5",
        "vlan_prio": "5",
        "http_client_user": CREDENTIALS[0],
        "http_client_password": CREDENTIALS[1],
    }


def test_a_base_reads_the_same_from_servers_and_extensions() -> None:
    (phone,) = [phone for phone in PHONES if phone.dialect == "dect"]
    read = elements(phone.path)
    found = []
    for n in ("1", "2"):
        assert read["subscr_sip_hs_idx", n] == n
        server = read["subscr_sip_ua_data_server_id", n]
        found.append(
            {
                "active": read["user_active", n],
                "name": read["user_realname", n],
                "number": read["user_name", n],
                "auth": read["user_pname", n],
                "password": read["user_pass", n],
                "mailbox": read["user_mailbox", n],
                "registrar": read["user_host", server],
                "proxy": read["user_outbound", server],
            }
        )
    assert found == STORED
    assert {index for name, index in read if name == "user_host"} == {"1"}
    assert read["srv_sip_server_alias", "1"] == DOMAIN.registrar
    assert read["language", None] == "Deutsch"
    assert read["http_client_password", None] == CREDENTIALS[1]
