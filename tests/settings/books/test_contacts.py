import pytest

from bootwave.directory.records import Contact
from bootwave.errors import SettingError
from bootwave.settings.books.contacts import (
    CATEGORIES,
    NUMBER_TYPES,
    checked_contact,
    checked_number,
    in_order,
)


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("402", "402"),
        (" +49 30 1234-567 ", "+49301234567"),
        ("+49 (0)30 / 12.34", "+49301234"),
        ("(030) 1234", "0301234"),
        ("*97#", "*97#"),
        ("tel:+1-201-555-0123;ext=5", "+12015550123"),
        ("sip:anna@pbx.example.com", "sip:anna@pbx.example.com"),
        ("anna@pbx.example.com", "anna@pbx.example.com"),
        ("sip:[2001:db8::1]", "sip:[2001:db8::1]"),
    ],
)
def test_a_number_is_what_a_phone_dials(written: str, dialled: str) -> None:
    assert checked_number(written) == dialled
    assert checked_number(dialled) == dialled


@pytest.mark.parametrize(
    "text",
    ["", "Anna", "12 34 ext 5", "+", "1+2", "sip:", "a b@c", "1" * 129, "\uff11\uff12"],
)
def test_what_cannot_be_dialled_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="not a number to dial"):
        checked_number(text)


def test_an_entry_has_a_name_of_one_line_and_known_words() -> None:
    assert checked_contact(" Anna\t\nBell ", "402", "Mobile", "VIP") == Contact(
        "Anna Bell", "402", "mobile", "vip"
    )
    assert checked_contact("Anna", "402") == Contact("Anna", "402", "", "none")
    for kind in NUMBER_TYPES:
        assert checked_contact("A", "1", kind).number_type == kind
    for category in CATEGORIES:
        assert checked_contact("A", "1", "", category).category == category


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ((" ", "402"), "no name"),
        (("x" * 129, "402"), "more than 128"),
        (("A\0", "402"), "U\\+0000"),
        (("A", "402", "mobil"), "did you mean mobile"),
        (("A", "402", "", "freinds"), "did you mean friends"),
    ],
)
def test_what_no_phone_shows_is_refused_in_words(
    fields: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        checked_contact(*fields)


def test_a_book_stands_by_name_whatever_came_first() -> None:
    names = ("Özil", "anna", "Zoe", "Oz", "Ann", "Anna")
    book = in_order(Contact(name, "1") for name in names)
    assert [each.name for each in book] == ["Ann", "Anna", "anna", "Oz", "Özil", "Zoe"]
    assert in_order(reversed(book)) == book


def test_a_name_has_each_number_once_as_it_was_said_last() -> None:
    book = in_order([Contact("A", "2"), Contact("A", "1"), Contact("A", "2", "home")])
    assert book == (Contact("A", "1"), Contact("A", "2", "home"))
