from xml.etree import ElementTree

from bootwave.firmware.answers import dect_images, nothing, one_image
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion as V
from tests.settings.test_compiler import GOLDEN

URL = "http://192.168.4.1:8080/firmware/ab/snom370-8.5.36-SIP-f.bin?a=b&c=d"


def test_nothing_is_a_document_with_nothing_to_do() -> None:
    root = ElementTree.fromstring(nothing())
    assert (root.tag, len(root)) == ("firmware-settings", 0)
    assert nothing() == (GOLDEN / "no-firmware.xml").read_bytes()


def test_a_phone_is_told_one_image_and_no_model() -> None:
    content, kind = one_image(URL, V(8, 4, 35))
    root = ElementTree.fromstring(content)
    (told,) = root
    assert (root.tag, told.tag, told.attrib) == (
        *("firmware-settings", "firmware"),
        {"perm": ""},
    )
    assert told.text == URL
    assert kind == "application/xml"


def test_old_firmware_is_told_one_line_of_text() -> None:
    assert one_image(URL, V(6, 5, 20)) == (
        f"firmware: {URL}\n".encode(),
        "text/plain",
    )
    assert one_image(URL, V(7))[0].startswith(b"<?xml")


def test_a_base_is_told_where_and_which_versions() -> None:
    base = Definition("snomM700", V(5, 20, 1), "M700_v0520_b0001.fwu")
    handsets = [
        Definition("M65", V(5, 1, 12), "M65_v0501_b0012.fwu"),
        Definition("M85", V(5, 20, 1), "M85_v0520_b0001.fwu"),
    ]
    content, _ = dect_images("http://192.168.4.1", base, handsets)
    root = ElementTree.fromstring(content)
    assert root.tag == "firmware-settings"
    assert [(one.tag, one.get("type"), one.text) for one in root] == [
        ("firmware", None, "http://192.168.4.1"),
        ("fp_fwu_sw_version", None, "520"),
        ("fp_fwu_branch_version", None, "1"),
        ("pp_fwu_sw_version", "M65", "501"),
        ("pp_fwu_branch_version", "M65", "12"),
        ("pp_fwu_sw_version", "M85", "520"),
        ("pp_fwu_branch_version", "M85", "1"),
    ]
