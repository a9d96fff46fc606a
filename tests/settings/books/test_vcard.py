import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.directory.records import Contact
from bootwave.errors import SettingError
from bootwave.settings.books.contacts import NUMBER_TYPES, checked_contact
from bootwave.settings.books.vcard import rows_from_vcards, vcards_from_contacts


def rows(text: str) -> list[tuple[str, str, str]]:
    return [(r["name"], r["number"], r["type"]) for r in rows_from_vcards(text)]


def test_version_2_1_names_its_charset_and_breaks_lines_with_an_equals_sign() -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\n"
        "N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg=\r\n"
        " Maria;;;\r\n"
        "TEL;WORK;VOICE:030 1234\r\n"
        "TEL;CELL:0171 5\r\n"
        "TEL;WORK;FAX:030 99\r\n"
        "PHOTO;ENCODING=BASE64;JPEG:\r\n /9j/4AAQ\r\n SkZJRg==\r\n\r\n"
        "END:VCARD\r\n"
    )
    assert rows(card) == [
        ("Jörg Maria Müller", "030 1234", "business"),
        ("Jörg Maria Müller", "0171 5", "mobile"),
    ]


def test_version_3_escapes_and_folds() -> None:
    card = (
        "begin:vcard\nVERSION:3.0\nFN:Bell\\, Anna\n  \\;x\nN:Other;Name;;;\n"
        "item1.TEL;TYPE=HOME,voice:(030) 12\n"
        'item2.TEL;type="work,pref":13\n'
        "TEL:sip:anna@pbx\nTEL: \n"
        "end:vcard\n"
    )
    assert rows(card) == [
        ("Bell, Anna ;x", "(030) 12", "home"),
        ("Bell, Anna ;x", "13", "business"),
        ("Bell, Anna ;x", "sip:anna@pbx", "sip"),
    ]


def test_version_4_has_numbers_that_are_uris() -> None:
    card = (
        "BEGIN:VCARD\nVERSION:4.0\nFN;LANGUAGE=de:Anna\n"
        'TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+49-30-12;ext=5\n'
        "TEL;VALUE=uri;TYPE=cell:tel:+49171\n"
        "END:VCARD\n"
    )
    assert rows(card) == [
        ("Anna", "tel:+49-30-12;ext=5", "home"),
        ("Anna", "tel:+49171", "mobile"),
    ]


def test_a_card_without_a_name_has_its_organisation_s() -> None:
    card = "BEGIN:VCARD\nVERSION:3.0\nN:;;;;\nORG:Example Inc.;Sales\nTEL:1\nEND:VCARD"
    assert rows(card) == [("Example Inc. Sales", "1", "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no card"),
        ("name,number\n", "is no vCard"),
        ("BEGIN:VCARD\nFN:A\n", "Card 1 has no END"),
        ("BEGIN:VCARD\nBEGIN:VCARD\n", "Card 1 has no END"),
        ("BEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nx\nEND:VCARD\n", "Card 2 has a line"),
        (
            "BEGIN:VCARD\nFN;CHARSET=x-none;ENCODING=QUOTED-PRINTABLE:=FC\nEND:VCARD",
            "not 'x-none'",
        ),
        ("BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:=FC\nEND:VCARD", "not 'utf-8'"),
    ],
)
def test_what_is_no_book_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        list(rows_from_vcards(text))


def test_lines_written_have_75_octets_at_most() -> None:
    text = vcards_from_contacts([Contact("ö" * 100, "1")])
    assert max(len(line.encode()) for line in text.split("\r\n")) == 75
    assert rows(text) == [("ö" * 100, "1", "")]


NAMES = st.text(st.sampled_from("aÖ😀 ,;:\\\"'=-."), min_size=1, max_size=90)


@given(
    st.lists(st.tuples(NAMES, st.sampled_from(["1", "+49301", "a@b", "sip:a;b=c@d"])))
)
def test_what_is_written_is_read_again(entries: list[tuple[str, str]]) -> None:
    book = [checked_contact(name, n) for name, n in entries if name.strip()]
    text = vcards_from_contacts(book)
    if not book:
        assert text == ""
        return
    found = [(name, number) for name, number, _kind in rows(text)]
    assert sorted(found) == sorted((each.name, each.number) for each in book)


def test_types_that_vcards_have_are_read_again() -> None:
    kept = {"mobile", "home", "business"}
    book = [Contact("A", str(n), kind) for n, kind in enumerate(NUMBER_TYPES)]
    read = {number: kind for _name, number, kind in rows(vcards_from_contacts(book))}
    assert {each.number_type for each in book if read[each.number]} == kept


@given(st.text(st.sampled_from('BEGINEDVCARDTFN:;=\\\n\r\t ,."aö0')))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    try:
        list(rows_from_vcards(text))
        list(rows_from_vcards(f"BEGIN:VCARD\n{text}\nEND:VCARD\n"))
    except SettingError:
        pass
