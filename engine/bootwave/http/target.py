"""Which document a URL asks for.

Phones make up their URLs from the settings URL they were given (domain.md 2.2), so one
document has many names.  What counts is the last part of the path and the query; what
stands before it is a prefix of the administrator's.  No path ever meets a file system.

| URL, below any prefix                                    | document               |
| -------------------------------------------------------- | ---------------------- |
| anything with ``?mac=<MAC>``, except firmware            | SETTINGS of that MAC   |
| ``<MAC>.xml``, ``.cfg``, ``.htm``, ``.html`` or ``<MAC>`` | SETTINGS of that MAC   |
| ``<type>-<MAC>.xml`` or ``.cfg``                         | SETTINGS of that MAC   |
| ``<type>-<MAC>.htm``, ``.html`` or ``<type>-<MAC>``      | FILES of that MAC      |
| ``<type>.htm`` or ``.html``                              | GENERAL_FILES          |
| ``general.xml``, ``<type>.xml``, as ``general/<type>.xml`` | GENERAL_SETTINGS      |
| ``<type>-firmware.htm`` or ``.html``, with or without MAC | FIRMWARE               |
| ``<MAC>-phonebook.xml``                                  | PHONE_BOOK of that MAC |

A folder of the prefix may be a *token*: ``t`` and 26 of the letters of base 32
(RFC 4648 section 6) in small letters.  It says by which URL the phone was sent here,
and is no part of what the URL asks for.

A placeholder that the phone left as it was (``{mac}``, ``<mac>``) names nobody: the
general document stands in for the specific one.  Letter case never counts.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import unquote

from bootwave.phone.mac import mac_from_text

MAX_TYPE_CHARACTERS = 32
MAX_SCOPE_CHARACTERS = 32

# snom370, snomD785, snomM700, snomPA1, snomMP; the m3 and m9 also call themselves
# snom-m3 and snom-m9.  A hyphen followed by anything else begins the MAC.
_TYPE = r"snom(?:-(?=m\d))?[a-z0-9]+"
_NAME = re.compile(
    rf"(?P<type>{_TYPE})(?:-(?P<rest>.+))?", re.ASCII | re.IGNORECASE | re.DOTALL
)
_EXTENSION = re.compile(r"\.(html?|xml|cfg)", re.ASCII | re.IGNORECASE)
_LISTS = frozenset({"htm", "html"})  # what the phone reads as a list of files
TOKEN_CHARACTERS = 27
_TOKEN = re.compile(r"t[a-z2-7]{26}", re.ASCII)
_BOOK = "-phonebook.xml"
_PLACEHOLDERS = frozenset({"{mac}", "<mac>"})


class DocumentKind(IntEnum):
    """What a document is to the phone."""

    GENERAL_FILES = 1
    GENERAL_SETTINGS = 2
    FILES = 3
    SETTINGS = 4
    FIRMWARE = 5
    PHONE_BOOK = 6


@dataclass(frozen=True, slots=True)
class Target:
    """The document a URL names.

    ``mac`` is 0 when the URL names none; where the document is a phone's own it is what
    the URL says, even when no phone can have that address.  ``scope`` is the value of
    ``scope=`` in the query of a FIRMWARE target.  ``model`` is spelled as the
    phone spells its type, "" when the URL does not say.
    """

    kind: DocumentKind
    mac: int = 0
    model: str = ""
    scope: str = ""


def target_from(path: str, query: str) -> Target | None:
    """Return what *path* (decoded) and *query* (raw) ask for; None for nothing known.

    Takes any text and raises nothing.
    """
    name = path.rpartition("/")[2]
    stem, extension = _split_name(name)
    asked = _asked_value(query, "mac")
    mac = None if asked is None else mac_from_text(asked)
    found = _NAME.fullmatch(stem)
    model = ""
    rest = None
    if found is not None and len(found["type"]) <= MAX_TYPE_CHARACTERS:
        model, rest = found["type"], found["rest"]
    if model and extension in _LISTS and rest is not None:
        if rest.lower() == "firmware":
            scope = _asked_value(query, "scope") or ""
            return Target(
                DocumentKind.FIRMWARE, mac or 0, model, scope[:MAX_SCOPE_CHARACTERS]
            )
    if mac is not None:
        return Target(DocumentKind.SETTINGS, mac, model)
    if asked is not None:
        if asked.lower() in _PLACEHOLDERS:
            return Target(DocumentKind.GENERAL_SETTINGS, 0, model)
        return None
    if model:
        return _of_model(model, rest, extension)
    if name.lower() == "general.xml":
        return Target(DocumentKind.GENERAL_SETTINGS)
    return _of_mac(name, stem)


def token_from(path: str) -> str:
    """Return the token in *path* (decoded), the last one of several, or ""."""
    for folder in reversed(path.split("/")[1:-1]):
        if _TOKEN.fullmatch(folder):
            return folder
    return ""


def is_token(text: str) -> bool:
    """Whether *text* has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def _split_name(name: str) -> tuple[str, str]:
    """Return *name* without its extension, and the extension in lower case."""
    dot = name.rfind(".")
    if dot >= 0 and _EXTENSION.fullmatch(name, dot):
        return name[:dot], name[dot + 1 :].lower()
    return name, ""


def _asked_value(query: str, name: str) -> str | None:
    """Return the decoded value of the first *name* in *query*, or None."""
    if not query:
        return None
    for pair in query.split("&"):
        given, _, value = pair.partition("=")
        if unquote(given).lower() == name:
            return unquote(value)
    return None


def _of_model(model: str, rest: str | None, extension: str) -> Target | None:
    """Return the target of a name that begins with a phone type."""
    lists = extension in _LISTS or not extension
    if rest is None:
        if extension in _LISTS:
            return Target(DocumentKind.GENERAL_FILES, 0, model)
        if extension == "xml":
            return Target(DocumentKind.GENERAL_SETTINGS, 0, model)
        return None
    if rest.lower() in _PLACEHOLDERS:
        kind = DocumentKind.GENERAL_FILES if lists else DocumentKind.GENERAL_SETTINGS
        return Target(kind, 0, model)
    mac = mac_from_text(rest)
    if mac is None:
        return None
    return Target(DocumentKind.FILES if lists else DocumentKind.SETTINGS, mac, model)


def _of_mac(name: str, stem: str) -> Target | None:
    """Return the target of a name that is a MAC or its placeholder."""
    if stem.lower() in _PLACEHOLDERS:
        return Target(DocumentKind.GENERAL_SETTINGS)
    # The whole name first: 0004.132E.08B4 has dots of its own.
    mac = mac_from_text(name)
    if mac is None:
        mac = mac_from_text(stem)
    if mac is None and name[-len(_BOOK) :].lower() == _BOOK:
        mac = mac_from_text(name[: -len(_BOOK)])
        return None if mac is None else Target(DocumentKind.PHONE_BOOK, mac)
    return None if mac is None else Target(DocumentKind.SETTINGS, mac)
