"""What is told, kept and forgotten, on a real store with a real folder of images."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.errors import StoreError
from bootwave.firmware.loader import Loader
from bootwave.options import HttpOptions, Options, PairingOptions
from bootwave.phone.firmware import FirmwareVersion as V
from bootwave.provision.firmware import (
    MOST_KEPT,
    NOTHING,
    FirmwareAnswers,
    Question,
    Told,
    image_url,
)
from bootwave.provision.revocations import RevocationPage
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.firmwarereader import FirmwareReader
from tests.store.clock import Clock

MAC = 0x0004132E08B4
TEXT = f"{MAC:012X}"
BASE = "http://192.168.4.1:8080"
AT = "http://downloads.snom.com/fw/"
DOMAIN = "a.example.com"
IMAGE = "snom370-8.5.36-SIP-f.bin"


class Site:
    """A store, its images, one process that answers, and administrators beside it."""

    def __init__(self, place: Path, options: Options | None = None) -> None:
        self.place = place
        self.pages = RevocationPage()
        self.path = place / "bootwave.db"
        if not self.path.exists():
            create(self.path)
        self.folder = ImageFolder(place / "images")
        self.connection = connect(self.path)
        self.admin = Administration(
            self.connection,
            KeyRing({b"test": b"k" * 32}),
            PairingOptions(),
            now=Clock(),
            committed=self.pages.revoke,
            images=place / "images",
        )
        self.reader = FirmwareReader(self.path)
        self.answers = FirmwareAnswers(
            self.reader, self.folder, self.pages, options or Options(), 8080
        )

    def close(self) -> None:
        self.answers.close()
        self.connection.close()

    def define(
        self,
        version: str,
        model: str = "snom370",
        scope: str = "engine",
        target: str = "",
        location: str = AT + "a.bin",
        *,
        step: bool = False,
    ) -> None:
        self.admin.firmware_set(
            scope, target, model, version, location=location, step=step
        )

    def upload(self, name: str = IMAGE, content: bytes = b"image") -> str:
        taken = self.folder.take(io.BytesIO(content), 1000)
        self.admin.firmware_upload(taken.sha256, taken.size, name)
        return taken.sha256

    def told(
        self,
        model: str = "snom370",
        version: str = "8.4.35",
        handle: str = "",
        base: str = BASE,
        loader: Loader | None = None,
    ) -> Told:
        return self.answers.answer(Question(handle, model, version, base, loader))

    def bind(self) -> None:
        self.admin.domain_add(DOMAIN)
        self.admin.account_add(f"401@{DOMAIN}", password="secret-word", mac=TEXT)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def test_phones_of_the_model_are_told_and_others_nothing(site: Site) -> None:
    site.define("8.5.36")
    told = site.told()
    assert b'<firmware perm="">http://downloads.snom.com/fw/a.bin</firmware>' in (
        told.content
    )
    assert (told.what, told.media_type) == ("snom370 8.5.36", "application/xml")
    for model, version in (
        ("snom370", "8.5.36"),
        ("snom370", "8.5.36.0"),
        ("snom370", ""),
        ("snom370", "new"),
        ("snom320", "8.4.35"),
        ("", ""),
    ):
        assert site.told(model, version) == NOTHING


def test_an_image_is_told_under_its_checksum_while_it_is_there(site: Site) -> None:
    sha256 = site.upload()
    site.define("8.5.36", location=IMAGE)
    for base in (BASE, "https://pbx.example.com/prov"):
        url = f"{base}/firmware/{sha256}/{IMAGE}".encode()
        assert b">%b<" % url in site.told(base=base).content
    file = site.place / "images" / sha256
    os.rename(file, file.with_name("away"))
    assert site.told() == NOTHING
    os.rename(file.with_name("away"), file)
    assert site.told().what == "snom370 8.5.36"
    os.truncate(file, 2)
    assert site.told() == NOTHING


def test_a_way_is_not_begun_while_its_end_is_missing(site: Site) -> None:
    sha256 = site.upload("snom370-8.7.5.35-SIP-f.bin")
    site.define("8.7.5.35", location="snom370-8.7.5.35-SIP-f.bin")
    site.define("8.4.35", step=True)
    assert site.told(version="7.3.30").what == "snom370 8.4.35"
    site.folder.remove(sha256)
    assert site.told(version="7.3.30") == NOTHING


def test_a_change_counts_at_once(site: Site) -> None:
    site.define("8.5.36")
    assert site.told().what == "snom370 8.5.36"
    site.define("8.7.5.35")
    assert site.told().what == "snom370 8.7.5.35"
    site.admin.firmware_forbid("engine", "", "snom370", "8.7.5.35")
    assert site.told() == NOTHING


def test_what_was_decided_is_not_read_again(site: Site) -> None:
    site.define("8.5.36")
    first = site.told()
    site.reader.close()
    os.rename(site.path, site.place / "away.db")
    assert site.told() == first
    with pytest.raises(StoreError):
        site.told(version="8.4.36")
    os.rename(site.place / "away.db", site.path)
    assert site.told(version="8.4.36").what


def test_a_handle_stands_for_the_rules_of_its_scope(site: Site) -> None:
    site.bind()
    site.define("8.5.36")
    assert site.answers.handle_of(MAC, 1) == ""
    site.define("8.7.5.35", scope="domain", target=DOMAIN)
    domain = site.answers.handle_of(MAC, 1)
    assert len(domain) == 26
    assert site.told(handle=domain).what == "snom370 8.7.5.35"
    assert site.told().what == "snom370 8.5.36"
    site.admin.firmware_pin("device", TEXT, "8.5.36", model="snom370")
    device = site.answers.handle_of(MAC, 1)
    assert device != domain
    assert site.told(handle=device).what == "snom370 8.5.36"
    assert site.told(handle=domain).what == "snom370 8.7.5.35"
    site.define("8.6.0", scope="domain", target=DOMAIN)
    assert site.told(handle=domain).what == "snom370 8.6.0"
    site.admin.firmware_unpin("device", TEXT, model="snom370")
    assert site.told(handle=device).what == "snom370 8.6.0"


def test_a_handle_that_is_nobodys_counts_as_none(site: Site) -> None:
    site.bind()
    site.define("8.5.36")
    site.define("8.7.5.35", scope="domain", target=DOMAIN)
    domain = site.answers.handle_of(MAC, 1)
    for handle in ("a" * 26, "'; --", domain.upper()):
        assert site.told(handle=handle) == site.told()
    assert site.told(handle=domain).what == "snom370 8.7.5.35"
    site.admin.domain_remove(DOMAIN, force=True)
    assert site.told(handle=domain) == site.told()
    assert site.answers.handle_of(MAC, 1) == ""


def test_a_device_that_moves_takes_only_its_own_rules_with_it(site: Site) -> None:
    site.bind()
    site.define("8.5.36")
    site.define("8.7.5.35", scope="domain", target=DOMAIN)
    site.define("8.7.5.35", "snom320", "device", TEXT)
    device = site.answers.handle_of(MAC, 1)
    assert site.told(handle=device).what == "snom370 8.7.5.35"
    site.admin.account_unbind(f"401@{DOMAIN}", TEXT)
    assert site.told(handle=device).what == "snom370 8.5.36"


def test_what_was_written_past_the_engine_is_forgotten_when_told(site: Site) -> None:
    site.bind()
    site.define("8.5.36")
    site.define("8.7.5.35", scope="domain", target=DOMAIN)
    site.admin.firmware_pin("device", TEXT, "keep", model="snom370")
    handle = site.answers.handle_of(MAC, 1)
    assert site.told().what == "snom370 8.5.36"
    assert site.told(handle=handle) == NOTHING
    site.connection.execute("DELETE FROM firmware_pins")
    site.answers.forget([Change("account", 1), Change("wildcard", 1)])
    site.answers.forget([Change("device", MAC + 1)])
    claimed = [Change("wildcard", 1), Change("device", MAC + 1), Change("account", 1)]
    site.answers.forget(claimed)  # as each unknown phone of a wave is
    assert site.told(handle=handle) == NOTHING
    site.answers.forget([Change("device", MAC)])
    assert site.told(handle=handle).what == "snom370 8.7.5.35"
    site.connection.execute("DELETE FROM firmware_definitions")
    site.answers.forget([Change("domain", 1)])
    assert site.told() == NOTHING
    assert site.answers.is_same_for_all("")


def test_all_are_told_the_same_while_nothing_is_defined(site: Site) -> None:
    assert site.answers.is_same_for_all("")
    assert not site.answers.is_same_for_all("a" * 26)
    site.define("8.5.36")
    assert not site.answers.is_same_for_all("")


def test_peers_cannot_make_it_grow(site: Site) -> None:
    site.define("8.5.36")
    for number in range(MOST_KEPT + 10):
        site.told(version=f"1.{number}", handle=f"x{number}")
    assert len(site.answers._decisions) == MOST_KEPT
    assert not len(site.answers._askers)


def test_old_firmware_is_sent_to_clear_http(tmp_path: Path) -> None:
    options = Options(http=HttpOptions(url="http://pbx.example.com:8080"))
    for made, clear in (
        (Site(tmp_path), "http://10.0.0.1:8080"),
        (Site(tmp_path, options), "http://pbx.example.com:8080"),
    ):
        if not made.admin.firmware_images():
            made.upload("snom370-7.3.30-SIP-bf.bin")
            made.define("7.3.30", location="snom370-7.3.30-SIP-bf.bin")
        told = made.told(version="7.1.2", base="https://10.0.0.1:8443").content
        assert f">{clear}/firmware/".encode() in told
        made.close()
    nowhere = Site(tmp_path)
    nowhere.answers._http_port = 0
    assert nowhere.told(version="7.1.2", base="https://10.0.0.1:8443") == NOTHING
    nowhere.close()


def test_firmware_six_is_told_in_text_and_by_its_loader(site: Site) -> None:
    site.define("7.3.14")
    site.admin.firmware_set(
        "engine", "", "snom370", "3.36", location=AT + "r.bin", part="rootfs"
    )
    ready = Loader("jffs2", V(3, 36), V(3, 38))
    told = site.told(version="6.5.20", loader=ready)
    assert told == Told(f"firmware: {AT}a.bin\n".encode(), "text/plain", told.what)
    converting = site.told(version="6.5.20", loader=ready._replace(rootfs="ramdisk"))
    assert converting.content == f"firmware: {AT}r.bin\n".encode()
    assert site.answers.needs_loader("6.5.20")
    assert not site.answers.needs_loader("7.1.2")
    assert not site.answers.needs_loader("")


def test_a_base_is_told_where_it_makes_names(site: Site) -> None:
    sha256 = site.upload("M700_v0520_b0001.fwu", b"base")
    handset = site.upload("M85_v0520_b0001.fwu", b"handset")
    site.define("5.20.1", "snomM700", location="M700_v0520_b0001.fwu")
    site.define("5.20.1", "M85", location="M85_v0520_b0001.fwu")
    site.define("5.1.1", "M65", location="https://dect.snom.com")
    told = site.told("snomM700", "05.10.0001").content.decode()
    assert f">{BASE}</firmware>" in told
    assert '<pp_fwu_sw_version type="M85" perm="">520<' in told
    assert "M65" not in told  # it would be looked for here
    image = site.answers.image_of("snomM700", V(5, 20, 1))
    assert image is not None
    assert image.sha256 == sha256
    site.folder.remove(handset)
    assert b"M85" not in site.told("snomM700", "05.10.0001").content


def test_images_are_found_by_checksum(site: Site) -> None:
    sha256 = site.upload()
    image = site.answers.image(sha256)
    assert image is not None
    assert image_url(BASE, image) == f"{BASE}/firmware/{sha256}/{IMAGE}"
    assert site.answers.image("ab" * 32) is None
    assert site.answers.image_of("snom370", V(8, 5, 37)) is None


def test_the_handle_of_a_group_ends_with_it(site: Site) -> None:
    site.bind()
    site.define("8.5.36")
    site.admin.group_add(DOMAIN, "early")
    site.admin.group_assign(DOMAIN, "early", [TEXT])
    site.define("8.7.5.35", scope="group", target=f"early@{DOMAIN}")
    handle = site.answers.handle_of(MAC, 1)
    assert site.told(handle=handle).what == "snom370 8.7.5.35"
    site.admin.firmware_forbid("group", f"early@{DOMAIN}", "snom370", "8.7.5.35")
    assert site.told(handle=handle) == NOTHING
    site.admin.group_remove(DOMAIN, "early")
    assert site.told(handle=handle) == site.told()
    assert site.answers.handle_of(MAC, 1) == ""
