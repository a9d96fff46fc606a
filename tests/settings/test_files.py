from xml.etree import ElementTree

import pytest

from bootwave.errors import SettingError
from bootwave.settings.files import setting_files, text_redirect


def test_files_are_listed_in_order() -> None:
    urls = ["http://pbx/general.xml?a=1&b=2", "http://pbx/0004132E08B4.xml"]
    root = ElementTree.fromstring(setting_files(urls))
    assert root.tag == "setting-files"
    assert [(child.tag, child.get("url")) for child in root] == [
        ("file", url) for url in urls
    ]


def test_a_list_may_be_empty() -> None:
    assert len(ElementTree.fromstring(setting_files([]))) == 0


def test_a_url_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(SettingError):
        setting_files(["http://pbx/\0"])


def test_a_redirect_in_text_is_one_line_and_nothing_else() -> None:
    assert text_redirect("http://pbx/x.xml?a&b") == (
        b"<html><pre>\nsetting_server$: http://pbx/x.xml?a&b\n</pre></html>\n"
    )
    with pytest.raises(SettingError):
        text_redirect("http://pbx/\nadmin_mode!: on")
