"""Where phones find the languages they do not have: what may be written.

A language file belongs to one firmware, and to one generation of models: so the URL may
hold ``{firmware}`` and ``{model}``, which stand for what a phone says it is.  snom
wiki, gui-languages tag: the file's name begins with ``gui_lang_`` or ``web_lang_`` and
ends with ``.xml``, or the phone does not take it.
"""

import re
from typing import Final, Literal
from urllib.parse import urlsplit

from bootwave.directory.records import LanguageFile
from bootwave.errors import SettingError
from bootwave.quoting import without_userinfo
from bootwave.settings.credentials import without_credentials
from bootwave.xml.legal import checked_text

MAX_FILES: Final = 200
_MAX_NAME_CHARACTERS: Final = 64
_MAX_URL_CHARACTERS: Final = 512
_KINDS: Final[dict[str, Literal["gui", "web"]]] = {"gui": "gui", "web": "web"}
# RFC 3986 section 3.2.  Where there is a port, no @ follows: "u:80/s@x" may mean a
# password, which would be shown as a path is.
_URL: Final = re.compile(
    r"(?:https?|tftp)://(?:[^\s<>\"/?#]*@)?(?:\[[^]\s<>\"@/?#]+\]|[^]\[\s<>\":@/?#]+)"
    r"(?:[/?#][^\s<>\"]*|:[0-9]*[/?#][^\s<>\"@]*)",
    re.IGNORECASE,
)
_BRACES: Final = re.compile(r"\{[^{}]*\}|[{}]")


def checked_language(kind: str, name: str, url: str, model: str = "") -> LanguageFile:
    """Return the file as it may be stored; *model* is spelled as phones spell it.

    Raises SettingError.
    """
    if kind in _KINDS:
        shown = checked_text(name, "The name of a language").strip()
        if not shown or len(shown) > _MAX_NAME_CHARACTERS:
            raise SettingError(
                f"A language has a name of 1 to {_MAX_NAME_CHARACTERS} characters, "
                "such as Deutsch."
            )
        return LanguageFile(_KINDS[kind], shown, _checked_url(kind, url.strip()), model)
    raise SettingError(
        f"{kind!r} is not where a language shows: write gui for the phone's display, "
        "or web for its web page."
    )


def _checked_url(kind: str, url: str) -> str:
    unknown = set(_BRACES.findall(url)) - {"{model}", "{firmware}"}
    is_url = len(url) <= _MAX_URL_CHARACTERS and _URL.fullmatch(url)
    try:
        path = urlsplit(url).path
    except ValueError:  # what stands for the host is none, and would be quoted
        path = ""
    if not is_url or unknown or not path:
        raise SettingError(
            f"{without_credentials(without_userinfo(url))!r} is not a URL of a "
            "language file: write one with http, https or tftp, in which only {model} "
            "and {firmware} stand in braces, and no @ behind a port; in a password, "
            "write / as %2F, ? as %3F, # as %23 and @ as %40."
        )
    name = path.rpartition("/")[2]
    if not (name.startswith(f"{kind}_lang_") and name.endswith(".xml")):
        raise SettingError(
            f"Phones take no file {without_userinfo(name)!r}: for {kind} its name "
            f"begins with {kind}_lang_ and ends with .xml."
        )
    return url
