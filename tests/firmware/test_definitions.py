import pytest

from bootwave.errors import FirmwareError
from bootwave.firmware.definitions import (
    Definition,
    check_host,
    host_of,
    is_handset,
    required_image_name,
    required_location,
    required_model,
    required_version,
)
from bootwave.phone.firmware import FirmwareVersion


@pytest.mark.parametrize(
    ("written", "model"),
    [
        ("snom370", "snom370"),
        (" SNOMd785 ", "snomD785"),
        ("Snom M900", "snomM900"),
        ("snom m9", "snomm9"),
        ("snomZ99new", "snomZ99new"),
        ("m85", "M85"),
        ("370", "snom370"),
        ("d785", "snomD785"),
        ("PA1", "snomPA1"),
        ("D725", "snom725"),
        ("snomD725", "snom725"),
    ],
)
def test_models_are_spelled_as_phones_spell_them(written: str, model: str) -> None:
    assert required_model(written) == model


@pytest.mark.parametrize("text", ["", "yealink", "snom", "snom370/x", "M8", "T53W"])
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(FirmwareError, match="no phone model"):
        required_model(text)


def test_handsets_are_told_from_phones() -> None:
    assert is_handset("M85")
    assert not is_handset("snomM700")


def test_a_definition_says_what_it_is_of() -> None:
    version = required_version("8.5.36")
    assert str(Definition("snom370", version, "a.bin")) == "snom370 8.5.36"
    rootfs = Definition("snom320", FirmwareVersion(3, 36), "a.bin", True, "rootfs")
    assert str(rootfs) == "snom320 rootfs 3.36.0"


def test_what_is_no_version_is_refused() -> None:
    with pytest.raises(FirmwareError, match="no firmware version"):
        required_version("newest")


@pytest.mark.parametrize(
    "location",
    [
        "http://provisioning.snom.com/download/fw/snom370-8.4.35-SIP-f.bin",
        "https://dect.snom.com",
        "http://[::1]:8080/a.bin?b=c",
        "http://h:1/a",
        "snom370-8.5.36-SIP-f.bin",
        "M700_v0520_b0001.fwu",
        "snomD865-10.1.175.16-SIP-r.swu",
    ],
)
def test_a_location_is_an_url_or_the_name_of_an_image(location: str) -> None:
    assert required_location(f" {location}\n") == location


@pytest.mark.parametrize(
    "location",
    [
        "",
        "ftp://host/a.bin",
        "http://",
        "http://user@host/a.bin",
        "http://user:secret@host/a.bin",
        "http://host:0/a.bin",
        "http://host:65536/a.bin",
        "http://host/a b.bin",
        "http://host/a\nfirmware: http://evil/b.bin",
        "http://höst/a.bin",
        'http://host/"a.bin',
        "http://host/<a.bin",
        "http://host/a.bin#part",
        "http://-host/a.bin",
        "http://host/" + "a" * 250,
        "../etc/passwd.bin",
        ".hidden.bin",
        "a/b.bin",
        "image.exe",
        "image.bin.xml",
        "a" * 97 + ".bin",
    ],
)
def test_what_is_neither_is_refused(location: str) -> None:
    with pytest.raises(FirmwareError, match=r"neither a URL|no URL of an image"):
        required_location(location)


@pytest.mark.parametrize(
    "location",
    ["user:s3cret@host", "http:/user:s3cret@host", f"user:s3cret{'x' * 60}@host"],
)
def test_a_password_in_what_is_no_url_is_not_quoted(location: str) -> None:
    with pytest.raises(FirmwareError, match=r"'\*+@host' is neither"):
        required_location(location)


def test_nor_is_a_token_in_it() -> None:
    for token in ("f.bin?token=s3cret", f"t{'a2' * 13}/f.bin"):
        with pytest.raises(FirmwareError, match=r"'images\.example\.com/\.\.\.' is"):
            required_location(f"images.example.com/{token}")


def test_a_host_is_found_whatever_stands_around_it() -> None:
    assert host_of("https://Downloads.Snom.com:443/fw/a.bin") == "downloads.snom.com"
    assert host_of("http://[2001:db8::1]/a.bin") == "[2001:db8::1]"
    assert host_of("http://a@b/c") == ""
    assert host_of("snom370.bin") == ""


def test_only_allowed_hosts_may_be_told() -> None:
    check_host("http://Allowed.example/a.bin", {"allowed.example"})
    check_host("snom370-8.5.36-SIP-f.bin", ())
    for other in (
        "http://other.example/a.bin",
        "http://allowed.example.other/a.bin",
        "http://other/allowed.example",
        "http://allowed.example@other/a.bin",
    ):
        with pytest.raises(FirmwareError, match=r"firmware\.hosts"):
            check_host(other, {"allowed.example"})


def test_a_name_with_a_line_end_is_no_name() -> None:
    with pytest.raises(FirmwareError):
        required_image_name("a.bin\n")
