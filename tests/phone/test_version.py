import pytest

from bootwave.phone.version import Version, text_from_version, version_from_text


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("8.7.5.48", (8, 7, 5, 48)),
        ("10.1.169.16", (10, 1, 169, 16)),
        ("8.4.35", (8, 4, 35, 0)),
        ("8.4", (8, 4, 0, 0)),
        ("05.20.0001", (5, 20, 1, 0)),
        ("8.9.3.80-SIP-r", (8, 9, 3, 80)),
        ("v3.36", (3, 36, 0, 0)),
        ("10.1.33.33 2010.12", (10, 1, 33, 33)),
    ],
)
def test_a_version_is_four_numbers(text: str, version: Version) -> None:
    assert version_from_text(text) == version


@pytest.mark.parametrize(
    "text",
    ["", "8", "snom", ".8.4", "8.4.", "8..4", "1.2.3.4.5", "-8.4", "٨.٤", "1." * 99],
)
def test_what_is_no_version_is_none(text: str) -> None:
    assert version_from_text(text) is None


def test_versions_compare_number_by_number() -> None:
    texts = ["6.5.20", "7.3.14", "8.4.9", "8.4.35", "8.7.5.9", "8.7.5.48", "10.1.0.0"]
    versions = [version_from_text(text) for text in texts]
    assert versions == sorted(versions, key=lambda version: version or (0, 0, 0, 0))
    assert version_from_text("8.4") == version_from_text("08.4.0.0")


def test_a_version_is_written_with_four_numbers() -> None:
    assert text_from_version((8, 4, 35, 0)) == "8.4.35.0"
