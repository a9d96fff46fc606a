from pathlib import Path

import pytest

from bootwave.cli.bookfiles import Format, format_of, rows_from_file, write_file
from bootwave.errors import OptionError

ENTRY = {"name": "Müller", "number": "402", "type": "", "category": "none"}


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("a.CSV", Format.csv),
        ("a.vcf", Format.vcard),
        ("a.b.vcard", Format.vcard),
    ],
)
def test_the_name_says_the_format_unless_it_is_chosen(
    file: str, format: Format
) -> None:
    assert format_of(file, None) is format
    assert format_of(file, Format.csv) is Format.csv


def test_a_name_that_says_nothing_asks_for_the_format() -> None:
    with pytest.raises(OptionError, match="--format"):
        format_of("book.txt", None)


@pytest.mark.parametrize("format", Format)
def test_what_is_written_is_read_again(tmp_path: Path, format: Format) -> None:
    file = str(tmp_path / "book")
    write_file(file, format, [ENTRY])
    (row,) = rows_from_file(file, format)
    assert (row["name"], row["number"]) == ("Müller", "402")


def test_a_vcard_without_a_charset_may_be_latin_1_and_csv_may_not(
    tmp_path: Path,
) -> None:
    file = tmp_path / "book"
    file.write_bytes("BEGIN:VCARD\nFN:Müller\nTEL:1\nEND:VCARD".encode("latin-1"))
    assert rows_from_file(str(file), Format.vcard)[0]["name"] == "Müller"
    file.write_bytes("name,number\nMüller,1\n".encode("latin-1"))
    with pytest.raises(OptionError, match=r"not UTF-8 \(line 2\)"):
        rows_from_file(str(file), Format.csv)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        rows_from_file(str(tmp_path / "missing"), Format.csv)
    with pytest.raises(OptionError, match="cannot be written"):
        write_file(str(tmp_path), Format.csv, [ENTRY])
