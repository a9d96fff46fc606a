import pytest

from bootwave.errors import SettingError
from bootwave.xml.legal import MAX_TEXT_CHARACTERS, checked_text
from tests.oracle.xml import is_xml_character


def test_legal_text_comes_back_as_it_was() -> None:
    value = ' Ann & <Bob> "C"\täöü 😀\r\n '
    assert checked_text(value, "The display name") is value


def test_exactly_the_characters_of_xml_are_legal() -> None:
    for number in [*range(0x300), *range(0xD700, 0xE100), *range(0xFF00, 0x10100)]:
        character = chr(number)
        try:
            checked_text(character, "It")
            legal = True
        except SettingError:
            legal = False
        assert legal == is_xml_character(character), hex(number)


def test_a_refusal_says_what_where_and_nothing_of_the_value() -> None:
    with pytest.raises(SettingError) as refusal:
        checked_text("geheim\x07", "The password")
    assert str(refusal.value) == (
        "The password holds U+0007 as character 7, which no XML document can carry: "
        "leave it out."
    )


def test_text_is_bounded() -> None:
    checked_text("x" * MAX_TEXT_CHARACTERS, "It")
    with pytest.raises(SettingError, match=r"It has 16385 characters"):
        checked_text("x" * (MAX_TEXT_CHARACTERS + 1), "It")
