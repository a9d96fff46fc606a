from xml.etree import ElementTree

import pytest

from bootwave.directory.records import Contact, DialTemplate, LanguageFile
from bootwave.settings.dialects.parts import NO_PARTS, Parts, languages_of
from bootwave.settings.dialects.tbook import Book
from bootwave.settings.dialects.xml import xml_document
from bootwave.settings.layers import Merged

PARTS = Parts(
    certificates=("MIIB",),
    book=Book([Contact("Anna", "402")], None),
    dialplan=(DialTemplate("9,1.", 5, "Phone", "91.."), DialTemplate("*", 15)),
    languages=(
        LanguageFile("web", "Deutsch", "http://x/web_lang_DE.xml?a&b"),
        LanguageFile("gui", "Deutsch", "http://x/gui_lang_DE.xml"),
    ),
)


def test_each_part_stands_where_phones_look_for_it() -> None:
    root = ElementTree.fromstring(xml_document(Merged(), PARTS).assemble(b""))
    assert [child.tag for child in root] == [
        "certificates",
        "phone-settings",
        "tbook",
        "dialplan",
        "gui-languages",
        "web-languages",
    ]
    certificate = root.find("certificates/certificate")
    assert certificate is not None
    assert (certificate.attrib, certificate.text) == ({"type": "base64"}, "MIIB")
    assert [dict(rule.attrib) for rule in root.findall("dialplan/TEMPLATE")] == [
        {"MATCH": "9,1.", "Timeout": "5", "User": "Phone", "Rewrite": "91.."},
        {"MATCH": "*", "Timeout": "15"},
    ]
    assert [dict(each.attrib) for each in root.findall("web-languages/language")] == [
        {"url": "http://x/web_lang_DE.xml?a&b", "name": "Deutsch"}
    ]


def test_what_a_domain_does_not_have_is_not_touched() -> None:
    root = ElementTree.fromstring(xml_document(Merged(), NO_PARTS).assemble(b""))
    assert [child.tag for child in root] == ["phone-settings"]


def test_an_empty_dial_plan_takes_the_one_before_away() -> None:
    root = ElementTree.fromstring(
        xml_document(Merged(), Parts(dialplan=())).assemble(b"")
    )
    plan = root.find("dialplan")
    assert plan is not None
    assert len(plan) == 0


ALL = LanguageFile("gui", "Deutsch", "http://x/{model}-{firmware}/gui_lang_DE.xml")
OWN = LanguageFile("gui", "Deutsch", "http://y/gui_lang_DE.xml", "snom370")


@pytest.mark.parametrize("files", [(ALL, OWN), (OWN, ALL)])
def test_a_file_for_the_model_takes_the_place_of_the_one_for_all(
    files: tuple[LanguageFile, ...],
) -> None:
    (found,) = languages_of(files, "snom370", "8.7.5.35")
    assert found.url == "http://y/gui_lang_DE.xml"
    (found,) = languages_of(files, "snom821", "8.7.5.35")
    assert found.url == "http://x/snom821-8.7.5.35/gui_lang_DE.xml"


def test_a_url_that_needs_what_is_not_known_is_left_out() -> None:
    assert languages_of((ALL,), "snom821", "") == ()
    assert languages_of((ALL,), "", "8.7.5") == ()
