"""bootwave document: what a phone would get, and who may see its password."""

import os
import re
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootwave.cli import document
from bootwave.options import HttpOptions, Options
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.namespaces import in_namespace, ip

MAC = "0004132E08B4"


def test_the_password_is_masked_unless_it_is_to_be_revealed(store: Command) -> None:
    store("settings", "set", "http_pass", "h1dden", "--engine")
    masked = store("document", MAC).out
    assert "s3cret" not in masked
    assert "h1dden" not in masked
    tree = ElementTree.fromstring(masked.encode())
    assert tree.findtext(".//user_pass") == document.MASK
    assert tree.findtext(".//http_pass") == document.MASK
    assert tree.findtext(".//user_realname") == "Anna"
    revealed = ElementTree.fromstring(store("document", MAC, "--reveal").out.encode())
    assert revealed.findtext(".//user_pass") == "s3cret"


def test_credentials_in_urls_are_masked_unless_they_are_to_be_revealed(
    store: Command,
) -> None:
    url = "http://anna:h1dden@pbx.example.com/open?door=3&token=w0rd"
    store("settings", "set", "action_incoming_url", url, "--engine")
    store("keys", "set", "P4", f"url {url}", "--engine")
    for model in ("snom370", "snom360"):
        version = ("--firmware", "8.7.5" if model == "snom370" else "6.5.20")
        masked = store("document", MAC, "--model", model, *version)
        assert "pbx.example.com/open?door=3" in masked.out, masked.err
        assert not {"h1dden", "w0rd"} & set(re.findall(r"\w+", masked.out))
    revealed = ElementTree.fromstring(store("document", MAC, "--reveal").out.encode())
    assert revealed.findtext(".//action_incoming_url") == url


def test_a_masked_document_needs_no_key(store: Command, options_file: Path) -> None:
    (options_file.parent / "bootwave.key").unlink()
    assert store("document", MAC).status == 0
    assert "key" in refused(store("document", MAC, "--reveal"))


def test_a_key_that_others_may_read_reveals_nothing(
    store: Command, options_file: Path
) -> None:
    (options_file.parent / "bootwave.key").chmod(0o644)
    assert "can be read by others" in refused(store("document", MAC, "--reveal"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_not_read_the_key_gets_no_password(
    store: Command, options_file: Path
) -> None:
    for path in (options_file.parent, *options_file.parent.iterdir()):
        os.chown(path, 4711, 4711)
    os.chown(options_file.parent / "bootwave.key", 0, 0)
    for parent in options_file.parents:
        if parent.stat().st_uid == 0 and parent != options_file.parent:
            mode = parent.stat().st_mode & 0o777
            parent.chmod(mode | 0o055)
    pid = os.fork()
    if pid == 0:
        os.setresuid(4711, 4711, 4711)
        code = store("document", MAC, "--reveal").status
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 1


@pytest.mark.parametrize(
    "kind", ["settings", "files", "general", "firmware", "phonebook"]
)
def test_every_kind_is_xml(store: Command, kind: str) -> None:
    done = store("document", MAC, "--kind", kind, "--url", "https://p.example.com/")
    root = ElementTree.fromstring(done.out.encode())
    expected = {
        "settings": "settings",
        "files": "setting-files",
        "general": "settings",
        "firmware": "firmware-settings",
        "phonebook": "tbook",
    }
    assert root.tag == expected[kind]
    if kind == "files":
        assert [file.get("url") for file in root] == [
            f"https://p.example.com/{MAC}.xml"
        ]
    as_json = store("document", MAC, "--kind", kind, "--json").json
    assert as_json["kind"] == kind
    ElementTree.fromstring(as_json["document"].encode())


@pytest.mark.parametrize(
    ("model", "firmware", "masked"),
    [
        ("snom360", "6.5.20", ["user_pass1&: ", "http_pass&: "]),
        ("snomm9", "9.6.2", ['<user_pass idx="1" perm="R">', '<base_pin perm="R">']),
        ("snomM700", "5.20", ['perm="R">', '<subscr_dect_ac_code idx="1" perm="R">']),
    ],
)
def test_no_dialect_shows_a_secret(
    store: Command, model: str, firmware: str, masked: list[str]
) -> None:
    for name in ("http_pass", "base_pin"):
        store("settings", "set", name, "h1dden", "--engine")
    store("settings", "set", "subscr_dect_ac_code", "4711", "--engine")
    asked = ("document", MAC, "--model", model, "--firmware", firmware)
    shown = store(*asked).out
    for start in masked:
        assert start + document.MASK in shown
    assert not [secret for secret in ("s3cret", "h1dden", "4711") if secret in shown]
    assert "s3cret" in store(*asked, "--reveal").out


@pytest.mark.parametrize(
    ("model", "firmware"),
    [("snom370", "8.7.5.35"), ("snom360", "6.5.20"), ("snomm9", ""), ("snomM700", "")],
)
def test_nothing_is_wrong_with_what_a_new_domain_tells(
    store: Command, model: str, firmware: str
) -> None:
    done = store(
        *("document", MAC, "--model", model, "--firmware", firmware, "--lint", "--json")
    )
    assert done.status == 0, done.out
    assert done.json["findings"] == []


def test_the_model_brings_its_layer(store: Command) -> None:
    store("settings", "set", "ring_sound", "Ringer9", "--model", "snom720")
    assert "Ringer9" not in store("document", MAC).out
    assert "Ringer9" in store("document", MAC, "--model", "snom720").out


def test_a_phone_without_account_has_no_settings_but_general_ones(
    store: Command,
) -> None:
    assert "is bound to no account" in refused(store("document", "000413000000"))
    assert store("document", "000413000000", "--kind", "general").status == 0
    assert "is not a MAC address" in refused(store("document", "zzz"))


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        (HttpOptions(url="https://p.example.com"), "https://p.example.com"),
        (HttpOptions(listen=("10.0.0.1:81",)), "http://10.0.0.1:81"),
        (HttpOptions(listen=("127.0.0.1:0",)), "http://127.0.0.1:8080"),
        (HttpOptions(listen=("[2001:db8::1]:80",)), "http://[2001:db8::1]"),
    ],
)
def test_the_url_is_that_of_the_options(http: HttpOptions, expected: str) -> None:
    assert document.default_url(Options(http=http)) == expected


def test_the_url_of_a_listener_on_all_addresses_is_one_of_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document, "_own_address", lambda group: "192.0.2.9")
    assert document.default_url(Options()) == "http://192.0.2.9:8080"


def test_without_a_route_the_url_is_of_an_address_that_phones_may_reach() -> None:
    def isolated() -> None:
        assert document.default_url(Options()) == "http://127.0.0.1:8080"
        ip("link add phones0 type veth peer name far0")
        ip("addr add 10.0.0.1/24 dev phones0")
        assert document.default_url(Options()) == "http://127.0.0.1:8080"
        ip("link set phones0 up")
        assert document.default_url(Options()) == "http://10.0.0.1:8080"

    in_namespace(isolated)


def test_that_passwords_were_revealed_is_written_down(store: Command) -> None:
    store("document", MAC)
    store("document", MAC, "--reveal")
    rows = store("audit", "list", "--json", "--subject", MAC).json
    assert [row["action"] for row in rows] == ["document.revealed"]


def test_what_a_phone_is_told_of_firmware_is_that_of_its_scope(store: Command) -> None:
    url = "http://downloads.snom.com/fw/a.bin"
    store("firmware", "set", "snom370", "8.5.36", url)
    asking = ("document", MAC, "--kind", "firmware", "--model", "snom370")
    told = store(*asking, "--firmware", "8.4.35").out
    assert ElementTree.fromstring(told.encode()).findtext("firmware") == url
    for version in ("8.5.36", ""):
        told = store(*asking, "--firmware", version).out
        assert ElementTree.fromstring(told.encode()).find("firmware") is None
    settings = ("document", MAC, "--model", "snom370")
    assert "scope=" not in store(*settings).out
    store("firmware", "pin", "keep", "--model", "snom370", "--device", MAC)
    told = store(*asking, "--firmware", "8.4.35").out
    assert ElementTree.fromstring(told.encode()).find("firmware") is None
    assert "&amp;scope=" in store(*settings).out


def test_a_document_is_that_of_the_firmware_named_or_said_last(
    store: Command, options_file: Path
) -> None:
    layer = ("--model", "snom370", "--firmware", "8.4-8.6")
    store("settings", "set", "ring_sound", "Ringer4", *layer)
    named = ("--model", "snom370", "--firmware", "8.4.35")
    assert "Ringer4" in store("document", MAC, *named).out
    assert "Ringer4" not in store("document", MAC, *named[:3], "8.7.5.48").out
    assert "Ringer4" not in store("document", MAC).out
    options = load(options_file, {}).options
    log = SightingLog(options.store.sightings, options.sightings)
    seen = Sighting(
        time.time(), 0x0004132E08B4, "::1", Reason.UNBOUND, "snom370 8.4.35; no"
    )
    log.append([seen])
    assert "Ringer4" in store("document", MAC).out
    # Of another model it said nothing.
    assert "Ringer4" not in store("document", MAC, "--model", "snom320").out


@pytest.mark.parametrize("more", [(), ("--lint",)])
def test_no_document_is_made_for_what_is_no_base_url(
    store: Command, more: tuple[str, ...]
) -> None:
    done = store("document", MAC, "--url", "foo", *more)
    assert "--url must be where phones reach" in refused(done, 2)
