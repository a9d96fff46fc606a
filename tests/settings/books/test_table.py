import pytest

from bootwave.directory.records import Contact
from bootwave.errors import SettingError
from bootwave.settings.books.table import csv_from_contacts, rows_from_csv


def test_columns_are_named_in_any_order_and_most_may_be_missing() -> None:
    text = '\ufeffnumber;Name\n402;"Anna; Bell"\n\n 403 ;Bob\n'
    assert list(rows_from_csv(text)) == [
        {"name": "Anna; Bell", "number": "402", "type": "", "category": ""},
        {"name": "Bob", "number": " 403 ", "type": "", "category": ""},
    ]


def test_first_and_last_name_make_one_where_there_is_no_other() -> None:
    text = (
        "first_name,last_name,name,number,type,category\n"
        "Anna,Bell,,402,mobile,vip\n"
        ",Bell,Boss,403,,\n"
        "Bob\n"
    )
    assert [(row["name"], row["number"]) for row in rows_from_csv(text)] == [
        ("Anna Bell", "402"),
        ("Boss", "403"),
        ("Bob", ""),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("Anna,402\n", "must name the columns"),
        ("name,name,number\n", "must name the columns"),
        ("name\n", "must name the columns"),
        ("name,number\nA,1,2\n", "Line 2 has 3 values"),
        ('name,number\n"A,1\n', "is not CSV"),
    ],
)
def test_what_is_no_book_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        list(rows_from_csv(text))


def test_what_is_written_is_read_again() -> None:
    book = [
        Contact('Ann "A", B', "402", "mobile", "vip"),
        Contact("Ötzi;\tx", "*97#"),
        Contact("A\nB", "1"),
    ]
    rows = list(rows_from_csv(csv_from_contacts(book)))
    assert [Contact(*row.values()) for row in rows] == book
