import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.settings import reading
from bootwave.settings.reading import Statement, read

XML = b"""<?xml version="1.0" encoding="utf-8"?>
<settings>
 <phone-settings e="2">
  <language perm="RW">Deutsch</language>
  <user_realname idx="1" perm="R">Empfang &amp; B\xc3\xbcro</user_realname>
 </phone-settings>
 <function-keys>
  <fkey idx="0" context="active" label="A" perm="">line</fkey>
 </function-keys>
 <phone-book><item index="0"><name>Anna</name></item></phone-book>
</settings>
"""
# Layout of domain.md 3.8, as old firmware reads it.
TEXT = b"""<html><pre>
# general
setting_server!: http://pbx.example.com/prov/snom360.htm
language$: English
user_name1&: 401
user_host12: pbx
dns_server1&: 10.0.0.1
codec1_name2&: 8
fkey0$: line
fkey_context0$: active
</pre></html>
"""


def test_an_xml_document_is_read_with_its_containers_and_lines() -> None:
    found = read(XML)
    assert (found.is_text, found.root, found.broken) == (False, "settings", "")
    assert found.containers == (
        ("settings", 2),
        ("phone-settings", 3),
        ("functionKeys", 7),
        ("tbook", 10),
    )
    language, name, key, *book = found.statements
    assert language == Statement(
        "phone-settings", "language", None, "RW", "Deutsch", {"perm": "RW"}, 4
    )
    assert (name.index, name.value, name.line) == ("1", "Empfang & Büro", 5)
    assert (key.container, key.attributes["label"]) == ("functionKeys", "A")
    assert [one.container for one in book] == ["tbook", "tbook"]


def test_a_text_document_is_read_with_indexes_apart_from_names() -> None:
    found = read(TEXT)
    assert (found.is_text, found.root, found.broken) == (True, "", "")
    assert [(s.name, s.index, s.permission, s.value) for s in found.statements] == [
        ("setting_server", None, "!", "http://pbx.example.com/prov/snom360.htm"),
        ("language", None, "RW", "English"),
        ("user_name", "1", "R", "401"),
        ("user_host", "12", "R", "pbx"),
        ("dns_server1", None, "R", "10.0.0.1"),
        ("codec1_name", "2", "R", "8"),
        ("fkey", "0", "RW", "line"),
        ("fkey_context", "0", "RW", "active"),
    ]


def test_lines_may_end_like_windows_writes_them() -> None:
    assert read(TEXT.replace(b"\n", b"\r\n")).statements == read(TEXT).statements


@pytest.mark.parametrize(
    ("document", "sentence", "line"),
    [
        (b"<settings>\n<phone-settings>", "not well-formed XML: no element found", 2),
        (b"<settings>\n<a>&b;</a></settings>", "undefined entity", 2),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>", "declares a document type", 1),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "encoding", 1),
        (b"<a>" * 20, "nested deeper", 1),
        (b"language: x\nno colon", "not name: value", 2),
        (b"language: x\ny: \xff", "not UTF-8", 2),
        (b" " * (reading.MAX_DOCUMENT_BYTES + 1), "bytes at most", 1),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(
    document: bytes, sentence: str, line: int
) -> None:
    found = read(document)
    assert sentence in found.broken
    assert found.broken_line == line


def test_what_stands_before_the_break_is_read() -> None:
    assert [one.name for one in read(XML[:230]).statements] == [
        "language",
        "user_realname",
    ]


def test_a_document_says_so_many_things_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MAX_STATEMENTS", 2)
    assert "more than 2 things" in read(b"<a><b/><b/><b/></a>").broken
    assert "more than 2 things" in read(b"a: 1\nb: 2\nc: 3").broken


def test_a_statement_shows_no_value() -> None:
    assert "Deutsch" not in repr(read(XML).statements[0])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_said_to_be_unreadable(document: bytes) -> None:
    for prefix in (b"", b"<a>", b"user_name1: "):
        found = read(prefix + document)
        assert bool(found.broken) == bool(found.broken_line)
