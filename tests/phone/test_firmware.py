"""bootwave.phone.firmware"""

import pytest

from bootwave.errors import SettingError
from bootwave.phone.firmware import FirmwareVersion


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("8.4.35", (8, 4, 35, 0)),
        ("8.4.35.0", (8, 4, 35, 0)),
        ("8.7.5.35", (8, 7, 5, 35)),
        ("10.1.169.16", (10, 1, 169, 16)),
        ("05.20.0001", (5, 20, 1, 0)),
        ("9.6.2-a", (9, 6, 2, 0)),
        ("V8.7", (8, 7, 0, 0)),
        (" 7 ", (7, 0, 0, 0)),
    ],
)
def test_every_spelling_of_a_version_is_read(
    text: str, version: tuple[int, int, int, int]
) -> None:
    assert FirmwareVersion.from_text(text) == version


@pytest.mark.parametrize(
    "text", ["", "8.", "8..4", "8.4.35.0.1", "8,4", "123456.1", "8.4.35-", "٨.4", "x"]
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert FirmwareVersion.from_text(text) is None


def test_versions_are_compared_by_number_and_not_by_text() -> None:
    older, newer = map(FirmwareVersion.required, ("8.9.3.80", "8.9.3.100"))
    assert older < newer < FirmwareVersion.required("10.1")


def test_a_version_is_written_with_a_fourth_number_only_where_it_has_one() -> None:
    assert str(FirmwareVersion.required("8.4.35.0")) == "8.4.35"
    assert str(FirmwareVersion.required("8.7.5.35")) == "8.7.5.35"


def test_a_wrong_version_is_refused_with_a_sentence_that_says_what_to_write() -> None:
    with pytest.raises(SettingError, match="one to four numbers"):
        FirmwareVersion.required("latest")
