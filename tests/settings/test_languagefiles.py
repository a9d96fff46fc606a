import pytest

from bootwave.directory.records import LanguageFile
from bootwave.errors import SettingError
from bootwave.settings.languagefiles import checked_language


def test_a_file_has_a_kind_a_name_and_a_url() -> None:
    url = "https://x/{model}/{firmware}/gui_lang_DE.xml"
    assert checked_language("gui", " Deutsch ", f" {url} ", "snom370") == LanguageFile(
        "gui", "Deutsch", url, "snom370"
    )
    assert checked_language("web", "Deutsch", "tftp://x/web_lang_DE.xml?a=1")
    for host in ("x:8080", "[2001:db8::1]:69", "u:word@x", "u:word@x:8080", "u@x"):
        assert checked_language("web", "Deutsch", f"tftp://{host}/a/web_lang_DE.xml")


@pytest.mark.parametrize(
    ("kind", "name", "url"),
    [
        ("gui", "", "http://x/gui_lang_DE.xml"),
        ("gui", "x" * 65, "http://x/gui_lang_DE.xml"),
        ("gui", "a\0", "http://x/gui_lang_DE.xml"),
        ("display", "Deutsch", "http://x/gui_lang_DE.xml"),
        ("gui", "Deutsch", "http://x/web_lang_DE.xml"),
        ("gui", "Deutsch", "http://x/gui_lang_DE.zip"),
        ("gui", "Deutsch", "ftp://x/gui_lang_DE.xml"),
        ("gui", "Deutsch", "http://x/{mac}/gui_lang_DE.xml"),
        ("gui", "Deutsch", "http://x/{firmware/gui_lang_DE.xml"),
        ("gui", "Deutsch", 'http://x/"/gui_lang_DE.xml'),
        ("gui", "Deutsch", f"http://x/{'a' * 512}/gui_lang_DE.xml"),
    ],
)
def test_what_no_phone_takes_is_refused(kind: str, name: str, url: str) -> None:
    with pytest.raises(SettingError):
        checked_language(kind, name, url)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:my s3cret@pbx",
        "http:/user:s3cret@pbx",
        "http://s3cret@pbx/{mac}",
        "http://user:80/s3cret@pbx",
        "http://user:80/s3cret@pbx/gui_lang_DE.xml",
        "http://user:s3cret/s3cret@pbx/gui_lang_DE.xml",
        "http://user:s3cret?s3cret@pbx/gui_lang_DE.xml",
        "http://me@user:80/s3cret@pbx/gui_lang_DE.xml",
        "http://[user:s3cret]@pbx/gui_lang_DE.xml",
        "http://user:s3cret@h℀x@pbx/gui_lang_DE.xml",
    ],
)
def test_a_password_in_a_url_that_is_refused_is_not_quoted(url: str) -> None:
    with pytest.raises(SettingError, match=r"\*@pbx") as refused:
        checked_language("gui", "Deutsch", url)
    assert "s3cret" not in str(refused.value)
