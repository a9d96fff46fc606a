from collections.abc import Sequence
from dataclasses import replace

import pytest

from bootwave.directory.records import Contact, Layer, Setting
from bootwave.errors import StoreError
from bootwave.http.target import DocumentKind
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.provision.cache import DocumentKey
from bootwave.provision.documents import DocumentMaker, entity_tag
from bootwave.provision.layers import ModelLayers
from bootwave.provision.revocations import RevocationPage
from bootwave.settings.compiler import SettingsCompiler
from tests.pairing.rows import account, device
from tests.provision.bench import MAC, PlainCompiler, PlainKeys
from tests.provision.memory import MemoryStore

URL = "http://192.168.4.1"


def maker(store: MemoryStore) -> DocumentMaker:
    layers = ModelLayers(store, RevocationPage())
    return DocumentMaker(PlainCompiler(), PlainKeys(), layers)


def key(kind: DocumentKind, model: str = "snom370") -> DocumentKey:
    return DocumentKey(kind, URL, model)


def test_an_entity_tag_is_strong_and_belongs_to_the_content() -> None:
    tag = entity_tag(b"content")
    assert tag.startswith(b'"')
    assert tag.endswith(b'"')
    assert tag == entity_tag(b"content")
    assert tag != entity_tag(b"Content")


def test_a_document_carries_the_opened_passwords_of_its_accounts() -> None:
    store = MemoryStore()
    for id in (401, 402):
        store.add_account(id)
        store.bind(id, MAC)
    document = maker(store).own(key(DocumentKind.SETTINGS), store.devices([MAC])[MAC])
    assert b"{401: 'password-of-401', 402: 'password-of-402'}" in document.body()
    assert document.etag == entity_tag(document.body())


def test_a_secret_of_another_account_makes_no_document() -> None:
    store = MemoryStore()
    store.add_account(401)
    store.bind(401, MAC)
    swapped = device(account(401))
    with pytest.raises(StoreError, match="another's"):
        maker(store).own(key(DocumentKind.SETTINGS), swapped)


def test_the_stored_model_counts_where_the_request_names_none() -> None:
    store = MemoryStore()
    store.layers["snom710"] = Layer((Setting("contrast", "3"),))
    store.add_account(401)
    store.bind(401, MAC)
    store.know(MAC, model="snom710")
    row = store.devices([MAC])[MAC]
    assert b"contrast" in maker(store).own(key(DocumentKind.SETTINGS, ""), row).body()
    assert b"contrast" not in maker(store).own(key(DocumentKind.SETTINGS), row).body()


def test_the_firmware_that_was_named_brings_what_is_set_for_its_range() -> None:
    store = MemoryStore()
    layer = Layer((Setting("contrast", "3"),))
    store.ranges["snom370"] = [(FirmwareRange.required("8.4-8.6"), layer)]
    store.add_account(401)
    store.bind(401, MAC)
    row = store.devices([MAC])[MAC]
    for firmware, told in (("8.4.35", True), ("8.7.5.48", False), ("", False)):
        named = key(DocumentKind.SETTINGS)._replace(firmware=firmware)
        assert (b"contrast" in maker(store).own(named, row).body()) is told
        named = named._replace(kind=DocumentKind.GENERAL_SETTINGS)
        made, _ = maker(store).general(named, 0)
        assert (b"contrast" in made.content) is told


def test_a_list_of_files_opens_no_secret() -> None:
    keys = PlainKeys()
    layers = ModelLayers(MemoryStore(), RevocationPage())
    made = DocumentMaker(PlainCompiler(), keys, layers)
    document = made.own(key(DocumentKind.FILES, ""), device(account(401)))
    assert b"http://192.168.4.1/0004132E08B4.xml" in document.body()
    assert keys.opened == 0


M9 = 0x000413300001
M700 = 0x000413610001


@pytest.mark.parametrize(
    ("mac", "model"), [(M9, ""), (0x0004132E08B4, "snomm9")], ids=["by MAC", "stored"]
)
def test_an_m9_is_told_of_firmware_settings_and_phone_book(
    mac: int, model: str
) -> None:
    row = replace(device(account(401)), mac=mac, model=model)
    body = maker(MemoryStore()).own(key(DocumentKind.FILES, ""), row).body()
    text = f"{mac:012X}"
    assert [part.split(b'"')[0].decode() for part in body.split(b'url="')[1:]] == [
        f"{URL}/snomm9/snomm9-firmware.htm?mac={text}",
        f"{URL}/{text}.xml",
        f"{URL}/{text}-phonebook.xml",
    ]


@pytest.mark.parametrize(
    ("mac", "model"),
    [(M700, ""), (0x0004132E08B4, "snomM700")],
    ids=["by MAC", "stored"],
)
def test_a_dect_base_is_told_where_to_ask_for_firmware(mac: int, model: str) -> None:
    row = replace(device(account(401)), mac=mac, model=model)
    made = DocumentMaker(
        PlainCompiler(),
        PlainKeys(),
        ModelLayers(MemoryStore(), RevocationPage()),
        firmware_scope=lambda _mac, _domain: "handle",
    )
    body = made.own(key(DocumentKind.FILES, ""), row).body()
    text = f"{mac:012X}"
    assert [part.split(b'"')[0].decode() for part in body.split(b'url="')[1:]] == [
        f"{URL}/snomM700/snomM700-firmware.htm?mac={text}&amp;scope=handle",
        f"{URL}/{text}.xml",
    ]


def test_old_firmware_reads_no_list_and_is_sent_to_its_settings() -> None:
    keys = PlainKeys()
    made = DocumentMaker(
        PlainCompiler(), keys, ModelLayers(MemoryStore(), RevocationPage())
    )
    old = DocumentKey(DocumentKind.FILES, URL, "", "6.5.20")
    document = made.own(old, device(account(401)))
    assert document.body() == (
        b"<html><pre>\n"
        b"setting_server$: http://192.168.4.1/0004132E08B4.xml\n"
        b"</pre></html>\n"
    )
    assert keys.opened == 0
    general, complete = made.general(
        DocumentKey(DocumentKind.GENERAL_FILES, URL, "snom360", "6.5.20"), 0
    )
    assert complete
    assert general.content.startswith(b"general snom360")


def test_a_base_with_a_low_version_reads_its_list() -> None:
    old = DocumentKey(DocumentKind.FILES, URL, "", "05.20.0001")
    row = replace(device(account(401)), mac=0x000413610001)
    assert b"<setting-files>" in maker(MemoryStore()).own(old, row).body()


@pytest.mark.parametrize(
    ("kind", "model", "read"),
    [
        (DocumentKind.SETTINGS, "snom370", [[401, 403]]),
        (DocumentKind.PHONE_BOOK, "snomm9", [[401, 403]]),
        (DocumentKind.SETTINGS, "snomm9", []),
        (DocumentKind.SETTINGS, "snomM700", []),
        (DocumentKind.FILES, "", []),
    ],
)
def test_the_books_of_accounts_are_read_for_who_is_told_them(
    kind: DocumentKind, model: str, read: list[list[int]]
) -> None:
    asked: list[list[int]] = []

    def books(ids: Sequence[int]) -> dict[int, tuple[Contact, ...]]:
        asked.append(list(ids))
        return {401: (Contact("Anna", "402"),)}  # that of 403 was forgotten meanwhile

    compiler = SettingsCompiler()
    layers = ModelLayers(MemoryStore(), RevocationPage())
    made = DocumentMaker(compiler, PlainKeys(), layers, books=books)
    accounts = [
        replace(
            account(number),
            sealed_password=f"password-of-{number}".encode(),
            has_book=number != 402,
        )
        for number in (401, 402, 403)
    ]
    body = made.own(key(kind, model), device(*accounts)).body()
    assert asked == read
    assert body.count(b"<name>Anna</name>") == len(read)


def test_a_phone_book_opens_no_secret() -> None:
    keys = PlainKeys()
    made = DocumentMaker(
        PlainCompiler(), keys, ModelLayers(MemoryStore(), RevocationPage())
    )
    document = made.own(key(DocumentKind.PHONE_BOOK), device(account(401)))
    assert document.body() == b"book of 0004132E08B4 for snom370"
    assert keys.opened == 0


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (DocumentKind.GENERAL_FILES, b"http://192.168.4.1/general/snom370.xml"),
        (DocumentKind.GENERAL_SETTINGS, b"general snom370 ['contrast']"),
        (DocumentKind.FIRMWARE, b"<firmware-settings>"),
    ],
)
def test_general_documents_know_model_and_url(
    kind: DocumentKind, content: bytes
) -> None:
    store = MemoryStore()
    store.layers["snom370"] = Layer((Setting("contrast", "3"),))
    document, complete = maker(store).general(key(kind), 5)
    assert content in document.content
    assert document.etag == entity_tag(document.content)
    assert document.stamp == 5
    assert complete


def test_with_the_store_away_general_settings_are_made_but_not_complete() -> None:
    store = MemoryStore()
    store.away = True
    document, complete = maker(store).general(key(DocumentKind.GENERAL_SETTINGS), 5)
    assert document.content == b"general snom370 [] http://192.168.4.1"
    assert not complete


@pytest.mark.parametrize(
    ("model", "sent"),
    [("snom720", True), ("snomD785", True), ("snom370", False), ("", False)],
)
def test_phones_with_a_certificate_are_sent_to_https(model: str, sent: bool) -> None:
    store = MemoryStore()
    layers = ModelLayers(store, RevocationPage())
    made = DocumentMaker(
        PlainCompiler(), PlainKeys(), layers, lambda url: f"{url} over TLS"
    )
    settings, _ = made.general(key(DocumentKind.GENERAL_SETTINGS, model), 0)
    assert settings.content.endswith(b" over TLS") is sent
    listed, _ = made.general(key(DocumentKind.GENERAL_FILES, model), 0)
    assert b"TLS" not in listed.content  # the document that sends them is clear


def test_a_device_with_rules_of_its_own_asks_for_firmware_by_their_handle() -> None:
    store = MemoryStore()
    store.add_account(401)
    store.bind(401, MAC)
    made = DocumentMaker(
        PlainCompiler(),
        PlainKeys(),
        ModelLayers(store, RevocationPage()),
        firmware_scope=lambda mac, domain: f"of-{mac:x}-{domain}",
    )
    row = store.devices([MAC])[MAC]
    body = made.own(key(DocumentKind.SETTINGS), row).body().decode()
    assert body.endswith(
        f"/snom370/snom370-firmware.htm?mac={{mac}}&scope=of-{MAC:x}-1"
    )
    # Without a model nothing can be told of it.
    assert (
        "firmware" not in made.own(key(DocumentKind.SETTINGS, ""), row).body().decode()
    )
