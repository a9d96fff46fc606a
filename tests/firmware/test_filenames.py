import pytest

from bootwave.firmware.filenames import (
    NOTHING,
    Named,
    dect_numbers,
    dect_version,
    named_by,
)
from bootwave.phone.firmware import FirmwareVersion as V


@pytest.mark.parametrize(
    ("name", "model", "version"),
    [
        ("snom370-8.4.35-SIP-f.bin", "snom370", V(8, 4, 35)),
        ("snom821-8.7.5.35-SIP-r.bin", "snom821", V(8, 7, 5, 35)),
        ("snomD865-10.1.175.16-SIP-r.swu", "snomD865", V(10, 1, 175, 16)),
        ("SNOMd785-10.1.33.33-SIP-r.bin", "snomD785", V(10, 1, 33, 33)),
        ("snom320-6.5.20-SIP-j.bin", "snom320", V(6, 5, 20)),
        ("m9-9.6.2-a.bin", "snomm9", V(9, 6, 2)),
        ("m9-09.06.02.bin", "snomm9", V(9, 6, 2)),
        ("M700_v0520_b0001.fwu", "snomM700", V(5, 20, 1)),
        ("M85_v0520_b0001.fwu", "M85", V(5, 20, 1)),
        ("M900_v0730_b0012.fwu", "snomM900", V(7, 30, 12)),
    ],
)
def test_names_of_the_vendor_say_model_and_version(
    name: str, model: str, version: V
) -> None:
    assert named_by(name) == Named(model, version)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "firmware.bin",
        "from6to7-7.3.14-bf.bin",
        "snom370.bin",
        "snom370-8.4.35-SIP-f.exe",
        "snomUXM-2.1.1.bin",
        "M700_v0520.fwu",
    ],
)
def test_other_names_say_nothing(name: str) -> None:
    assert named_by(name) == NOTHING


def test_versions_of_bases_are_two_numbers_in_their_settings() -> None:
    # What the User-Agent 05.20.0001 says, and its image v0520 b0001.
    version = V.from_text("05.20.0001")
    assert version == dect_version("0520", "0001")
    assert version is not None
    assert dect_numbers(version) == (520, 1)
