"""Whatever administrators write that changes what a phone is given tells so.

What is kept for phones ends by what was told of a commit, and by nothing else: each
kind of write is made, one after the other, and what every phone would be given is made
anew before and after it.
"""

from collections.abc import Callable
from pathlib import Path

from bootwave.firmware.loader import Loader
from bootwave.http.target import DocumentKind
from bootwave.options import Options
from bootwave.pairing.rules import live_device
from bootwave.provision.cache import DocumentKey
from bootwave.provision.documents import DocumentMaker
from bootwave.provision.firmware import FirmwareAnswers, Question
from bootwave.provision.layers import ModelLayers
from bootwave.provision.revocations import RevocationPage
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.layers import engine_layer
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.proofs.credentials import issue
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.firmwarereader import FirmwareReader
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock

A, B = "a.example.com", "b.example.com"
FIRST, SECOND, OTHER = 0x000413000001, 0x000413000002, 0x000413000003
MACS = (FIRST, SECOND, OTHER)
ONE = f"401@{A}"
MODEL, RUNS = "snom370", "8.4.35"
KINDS = (DocumentKind.SETTINGS, DocumentKind.PHONE_BOOK)
URL = "http://downloads.snom.com/fw/"
CONTACT = [{"name": "Anna", "number": "1"}]

Given = dict[tuple[int, str], bytes]


def text(mac: int) -> str:
    return f"{mac:012X}"


class Site:
    def __init__(self, place: Path) -> None:
        self.path = place / "bootwave.db"
        create(self.path)
        self.keyring = KeyRing.create(place / "key")
        self.clock = Clock()
        self.told: list[Change] = []
        self.connection = connect(self.path)
        options = Options()
        self.options = options
        self.images = ImageFolder(place / "images")
        self.admin = Administration(
            self.connection,
            self.keyring,
            options.pairing,
            now=self.clock,
            committed=self.told.extend,
            images=place / "images",
        )

    def given(self) -> tuple[Given, dict[int, int]]:
        """Return what each phone would be given, made anew; and its domain."""
        page, reader = RevocationPage(), Reader(self.path)
        answers = FirmwareAnswers(
            FirmwareReader(self.path), self.images, page, self.options, 8080
        )
        maker = DocumentMaker(
            SettingsCompiler(engine_layer(5060)),
            self.keyring,
            ModelLayers(reader, page),
            firmware_scope=answers.handle_of,
            books=reader.account_books,
        )
        found: Given = {}
        domains: dict[int, int] = {}
        for mac, stored in reader.devices(MACS).items():
            device = live_device(stored, self.clock())
            if device.domain is None:
                continue
            domains[mac] = device.domain.id
            for kind in KINDS:
                key = DocumentKey(kind, "http://10.0.0.1", MODEL, RUNS)
                found[mac, kind.name] = maker.own(key, device).body()
            handle = answers.handle_of(mac, device.domain.id)
            asked = Question(handle, MODEL, RUNS, "http://10.0.0.1", Loader())
            found[mac, "FIRMWARE"] = answers.answer(asked).content
            # What opens them.
            grants = [
                device.credentials,
                *(binding.account.window for binding in device.bindings),
            ]
            found[mac, "GRANTS"] = repr(grants).encode()
        reader.close()
        answers.close()
        return found, domains

    def covers(self, mac: int, domain_id: int) -> bool:
        """Whether what was told ends what is kept of *mac* in a domain."""
        return any(
            kind in ("all", "model")
            or (kind, key) in (("device", mac), ("domain", domain_id))
            for kind, key in self.told
        )

    def replace(self, *rows: dict[str, str]) -> None:
        stage = self.admin.stage_begin(domain=A)["stage"]
        self.admin.stage_add(stage, rows)
        while self.admin.stage_replace(stage, most_removed=9)["more"]:
            pass


Write = Callable[[Administration], object]

WRITES: dict[str, Write] = {
    "account_set": lambda admin: admin.account_set(ONE, name="Anna"),
    "password": lambda admin: admin.account_set(ONE, password="other"),
    "account_bind": lambda admin: admin.account_bind(f"402@{A}", text(FIRST), add=True),
    "account_unbind": lambda admin: admin.account_unbind(f"402@{A}", text(FIRST)),
    "account_import": lambda admin: admin.account_import(
        [{"extension": "401", "name": "Berta"}], domain=A, update=True
    ),
    "bulk": lambda admin: admin.bulk(
        accounts=[{"extension": ONE, "name": "Carla"}], open_minutes=5.0, update=True
    ),
    "window_open": lambda admin: admin.window_open([ONE]),
    "window_close": lambda admin: admin.window_close([ONE]),
    "domain_set": lambda admin: admin.domain_set(A, language="Deutsch"),
    "engine layer": lambda admin: admin.settings_set("engine", "", "timezone", "GER+1"),
    "model layer": lambda admin: admin.settings_set(
        "model", MODEL, "timezone", "GBR-0"
    ),
    "firmware layer": lambda admin: admin.settings_set(
        "firmware", f"{MODEL} 8.4-8.5", "timezone", "FRA+1"
    ),
    "domain layer": lambda admin: admin.settings_set("domain", A, "timezone", "GER+1"),
    "profile_add": lambda admin: admin.profile_add(A, "p"),
    "profile of nobody": lambda admin: admin.keys_set("profile", f"p@{A}", 0, "blf 9"),
    "profile_assign": lambda admin: admin.profile_assign(A, "p", everyone=True),
    "profile layer": lambda admin: admin.keys_set("profile", f"p@{A}", 0, "blf 6"),
    "account layer": lambda admin: admin.keys_set("account", ONE, 1, "blf 8"),
    "device layer": lambda admin: admin.keys_set("device", text(FIRST), 2, "blf 7"),
    "settings_unset": lambda admin: admin.settings_unset("domain", A, "timezone"),
    "keys_clear": lambda admin: admin.keys_clear("device", text(FIRST)),
    "profile_remove": lambda admin: admin.profile_remove(A, "p", force=True),
    "book of a domain": lambda admin: admin.phonebook_import("domain", A, CONTACT),
    "book of an account": lambda admin: admin.phonebook_import(
        "account", ONE, [{"name": "Dora", "number": "2"}]
    ),
    "phonebook_clear": lambda admin: admin.phonebook_clear("account", ONE, forget=True),
    "dialplan_set": lambda admin: admin.dialplan_set(A, "4.."),
    "dialplan_unset": lambda admin: admin.dialplan_unset(A, "4.."),
    "dialplan_clear": lambda admin: admin.dialplan_clear(A, forget=True),
    "language_set": lambda admin: admin.language_set(
        A, "gui", "Deutsch", "http://x.example/gui_lang_DE.xml"
    ),
    "language_unset": lambda admin: admin.language_unset(A, "gui", "Deutsch"),
    "credentials_rotate": lambda admin: admin.device_credentials_rotate(text(FIRST)),
    "credentials_revoke": lambda admin: admin.device_credentials_revoke(text(FIRST)),
    "firmware of all": lambda admin: admin.firmware_set(
        "engine", "", MODEL, "8.5.36", location=URL + "a.bin"
    ),
    "firmware of a domain": lambda admin: admin.firmware_set(
        "domain", A, MODEL, "8.7.5", location=URL + "b.bin"
    ),
    "group_add": lambda admin: admin.group_add(A, "g"),
    "firmware of a group": lambda admin: admin.firmware_pin(
        "group", f"g@{A}", "keep", model=MODEL
    ),
    "group_assign": lambda admin: admin.group_assign(A, "g", [text(FIRST)]),
    "firmware of a device": lambda admin: admin.firmware_pin(
        "device", text(FIRST), "8.7.5", model=MODEL
    ),
    "firmware_unpin": lambda admin: admin.firmware_unpin(
        "device", text(FIRST), model=MODEL
    ),
    "group_remove": lambda admin: admin.group_remove(A, "g"),
    "firmware_forbid": lambda admin: admin.firmware_forbid("domain", A, MODEL, "8.7.5"),
    "firmware_permit": lambda admin: admin.firmware_permit("domain", A, MODEL, "8.7.5"),
    "firmware_unset": lambda admin: admin.firmware_unset("domain", A, MODEL),
    "account_remove": lambda admin: admin.account_remove(f"402@{A}"),
    "domain_remove": lambda admin: admin.domain_remove(B, force=True),
}
# They only make what others speak of.
WITHOUT_EFFECT = {
    *("profile_add", "profile of nobody", "group_add", "firmware of a group"),
}


def test_what_is_kept_ends_with_each_write_that_changes_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    admin = site.admin
    for name in (A, B):
        admin.domain_add(name)
    for number, (domain, mac) in enumerate(zip((A, A, B), MACS, strict=True), 401):
        admin.account_add(f"{number}@{domain}", password="pw", mac=text(mac))
    issue(site.connection, site.keyring, FIRST, 1.7e9)
    writes = {
        **WRITES,
        "stage_replace": lambda _admin: site.replace({"extension": "401", "mac": ""}),
    }
    idle = set()
    for name, write in writes.items():
        before, domains = site.given()
        site.told.clear()
        write(admin)
        after, _ = site.given()
        changed = {key for key in before if after.get(key) != before[key]}
        for mac, kind in changed:
            assert site.covers(mac, domains[mac]), (name, text(mac), kind, site.told)
        if not changed:
            idle.add(name)
    admin.close()
    assert idle == WITHOUT_EFFECT
