"""Rows of text in any pieces: what a spreadsheet or a PBX writes."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.control.rowtexts import (
    MAX_RECORD_CHARACTERS,
    MAX_RECORD_LINES,
    Form,
    RowDecoder,
    Rows,
    encoded_rows,
    heading,
)
from bootwave.errors import SettingError
from bootwave.store.bulk.importrows import SURPLUS


def rows_of(data: bytes, form: Form = Form.CSV, piece: int = 0) -> Rows:
    decoder = RowDecoder(form)
    rows: Rows = []
    for at in range(0, len(data), piece or len(data) or 1):
        rows += decoder.receive_data(data[at : at + (piece or len(data))])
    return rows + decoder.finish()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_come_in_any_order_and_with_any_separator(delimiter: str) -> None:
    text = delimiter.join(("Password", "EXTENSION", "mac")) + "\r\n"
    text += delimiter.join(("p", " 401 ", "")) + "\r\n\r\n"
    assert rows_of(b"\xef\xbb\xbf" + text.encode()) == [
        {"password": "p", "extension": "401", "mac": ""}
    ]


def test_quoted_values_hold_separators_quotes_and_lines() -> None:
    text = b'extension,name\n1,"a,b"\n2,"c ""d"" e"\n3,"two\nlines"\n4,5" pipe\n'
    names = ["a,b", 'c "d" e', "two\nlines", '5" pipe']
    assert [row["name"] for row in rows_of(text) if row] == names


def test_short_rows_leave_values_out_and_long_ones_have_one_without_a_name() -> None:
    assert rows_of(b"extension,name,mac\n1,a\n2,b,c,secret\n") == [
        {"extension": "1", "name": "a"},
        {"extension": "2", "name": "b", "mac": "c", SURPLUS: ""},
    ]


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=12
).map(str.strip)


@given(
    st.lists(
        st.tuples(st.from_regex(r"[0-9]{1,4}", fullmatch=True), TEXTS), max_size=6
    ),
    st.integers(1, 40),
    st.sampled_from(Form),
)
def test_what_is_written_is_read_in_pieces_of_any_size(
    values: list[tuple[str, str]], piece: int, form: Form
) -> None:
    columns = ("extension", "name")
    rows = [dict(zip(columns, value, strict=True)) for value in values]
    data = heading(columns, form) + encoded_rows(rows, form)
    assert rows_of(data, form, piece) == rows


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty"),
        ("\n\n", "The file is empty"),
        ("401,pbx.example.com\n", "Column 1 of the first line has no name"),
        ("extension,colour\n", "Column 2 of the first line has no name"),
        ("name,mac\n", "The column extension is missing"),
        ("extension,name,name\n", "The column name is there twice"),
        ('extension\n1\n"1\n', r"The file is not CSV: .* \(line 3\)"),
        ('extension\n"1"x\n', r"The file is not CSV: .* \(line 2\)"),
        ("extension\n1\r2\n", "The file is not CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(text: str, sentence: str) -> None:
    for piece in (0, 1):
        with pytest.raises(SettingError, match=sentence):
            rows_of(text.encode(), piece=piece)


@pytest.mark.parametrize(
    "line", ["x", "[1]", '"401"', "{", "null", '{"a":1}}', '{"mac":"","mac":"a:b"}']
)
@pytest.mark.parametrize("piece", [0, 1])
def test_a_line_that_is_no_object_is_one_row_and_the_next_is_read(
    line: str, piece: int
) -> None:
    text = f'{{"extension":"401"}}\n\n{line}\n{{"extension":"402"}}\n{line}'
    assert rows_of(text.encode(), Form.JSON_LINES, piece) == [
        {"extension": "401"},
        None,
        {"extension": "402"},
        None,
    ]


def test_colons_within_values_are_no_members() -> None:
    text = b'{"extension":"401","mac":"00:04:13:2E:08:B4"}\n'
    (row,) = rows_of(text, Form.JSON_LINES)
    assert row == {"extension": "401", "mac": "00:04:13:2E:08:B4"}
    deep = b'{"mac":' + b"[" * 1_000 + b"]" * 1_000 + b',"name":"a:b"}'
    assert rows_of(deep, Form.JSON_LINES) == [None]


def test_what_is_not_utf_8_is_told_by_its_line() -> None:
    for piece in (0, 1):
        with pytest.raises(SettingError, match=r"not UTF-8 \(line 3\)"):
            rows_of(b"extension\n1\n\xe4\n", piece=piece)
    with pytest.raises(SettingError, match=r"not UTF-8 \(line 2\)"):
        rows_of(b"extension\n\xc3", piece=1)
    for form, advice in ((Form.CSV, "as CSV UTF-8"), (Form.JSON_LINES, "as UTF-8")):
        with pytest.raises(SettingError, match=f"save it {advice}"):
            rows_of(b"\xe4\n", form)


@pytest.mark.parametrize(
    ("form", "begin", "piece", "advice"),
    [
        (Form.CSV, b'extension\n"', b"x" * 999 + b"\n", "a quote that is not closed"),
        (Form.JSON_LINES, b"", b"x" * 999, "one object in each line"),
    ],
)
def test_a_row_without_an_end_is_not_kept_for_ever(
    form: Form, begin: bytes, piece: bytes, advice: str
) -> None:
    decoder = RowDecoder(form)
    decoder.receive_data(begin)

    def feed() -> None:
        for _ in range(MAX_RECORD_CHARACTERS // 999 + 2):
            decoder.receive_data(piece)

    with pytest.raises(SettingError, match=f"is longer than .*{advice}"):
        feed()


@pytest.mark.parametrize("piece", [1, 7, 4_096])
def test_a_quote_that_is_not_closed_is_not_read_again_with_every_line(
    piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    reader = csv.reader

    def counted(text: Iterable[str], **how: Any) -> Iterator[list[str]]:
        nonlocal read
        lines = list(text)
        read += sum(map(len, lines))
        return iter(reader(lines, **how))

    monkeypatch.setattr(csv, "reader", counted)
    data = b'extension\n"' + b"\n" * (MAX_RECORD_CHARACTERS - 99)
    with pytest.raises(SettingError, match=r"line 2 goes on for more than 100 lines"):
        rows_of(data, piece=piece)
    assert read <= (MAX_RECORD_LINES + 2) ** 2


def test_no_error_quotes_what_may_be_a_password() -> None:
    for text in (b"hunter2,401\n", b'extension,password\n1,"hunter2"x\n'):
        with pytest.raises(SettingError) as refused:
            rows_of(text)
        assert "hunter2" not in str(refused.value)
