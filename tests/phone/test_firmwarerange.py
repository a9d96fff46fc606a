"""Ranges of firmware versions."""

import pytest

from bootwave.errors import SettingError
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.firmwarerange import FirmwareRange


@pytest.mark.parametrize(
    ("written", "within", "without"),
    [
        ("8.4-8.7", "8.4 8.4.35 8.5 8.7 8.7.5.48", "8.3.99 8.8 10.1 7.3.30"),
        ("8.7", "8.7 8.7.0.1 8.7.99999", "8.6.9 8.8"),
        ("8.7-", "8.7 8.7.5 10.1.169.16", "8.6.99"),
        ("-6.5", "0.0.1 6.5 6.5.20", "6.6 7.1.8"),
        ("10", "10.1 10", "9.9.9 11"),
        ("8.7.5.35 - 8.7.5.48", "8.7.5.35 8.7.5.40 8.7.5.48", "8.7.5.34 8.7.5.49 8.7"),
        ("8.7.5-8", "8.7.5 8.9.3.80", "8.7.4.9 9"),
        ("05.20.0001-05.30", "5.20.1 5.30.9", "5.20 5.31"),
    ],
)
def test_a_range_covers_what_begins_with_its_ends_or_lies_between(
    written: str, within: str, without: str
) -> None:
    found = FirmwareRange.required(written)
    for text in within.split():
        assert found.covers(FirmwareVersion.required(text)), text
    for text in without.split():
        assert not found.covers(FirmwareVersion.required(text)), text
    assert FirmwareRange.required(str(found)) == found
    assert FirmwareRange.from_ends(found.low_text, found.high_text) == found


def test_a_range_is_written_in_one_way() -> None:
    spelled = ("8.04 - 8.7", "v8.4-8.7", "8.7-8.7", "8.7-", "-8.7")
    assert [str(FirmwareRange.required(text)) for text in spelled] == [
        "8.4-8.7",
        "8.4-8.7",
        "8.7",
        "8.7-",
        "-8.7",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "one end at least"),
        ("-", "one end at least"),
        ("8.7-8.4", "older version first"),
        ("8.7.5-8.6", "older version first"),
        ("8.x-9", "not a firmware version"),
        ("8.4-8.5-8.6", "not a firmware version"),
    ],
)
def test_what_is_no_range_is_refused(text: str, why: str) -> None:
    with pytest.raises(SettingError, match=why):
        FirmwareRange.required(text)


def test_the_range_that_begins_later_or_ends_earlier_wins() -> None:
    written = ["8.7.5.48", "-9", "8", "8.7", "8.4-8.8", "8.4-", "8.4-8.7", "8.7-"]
    ranges = [FirmwareRange.required(text) for text in written]
    ranges.sort(key=FirmwareRange.precedence)
    assert [str(one) for one in ranges] == [
        "-9",
        "8",
        "8.4-",
        "8.4-8.8",
        "8.4-8.7",
        "8.7-",
        "8.7",
        "8.7.5.48",
    ]
