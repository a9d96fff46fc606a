"""What a phone reads out of the documents it is given (domain.md 3.1 to 3.4, 4.1).

Read with xml.etree, which is not what the server writes with.

In a wave, thousands of documents differ in a few values only.  ``Reader`` therefore
remembers the markup between the values of documents that xml.etree accepted: a
document with the same markup is as well-formed as its values are, which one regular
expression decides, at a tenth of the cost.  Whatever is not that simple is read by
xml.etree again, so the two can never differ.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from xml.etree import ElementTree

from bootwave.errors import ServerFault
from bootwave.wave.lines import are_lines, settings_from_lines

# Every child of <settings> that phones know, with its other spelling.
_PARTS = frozenset(
    {
        "certificates",
        "phone-settings",
        "functionKeys",
        "function-keys",
        "tbook",
        "phone-book",
        "dialplan",
        "dial-plan",
        "gui-languages",
        "web-languages",
        "uploads",
        "ReplacementPlan",
        "firmware-settings",
    }
)
_PERMISSIONS = frozenset({None, "", " ", "R", "RW", "$", "&", "!"})
_CONTEXTS = frozenset({"active", *map(str, range(1, 13))})
_MAX_IDENTITY = 12
# What identity 1 must have before the phone can register.
_NEEDED = ("user_name", "user_pass", "user_host")
_COMMENT = re.compile(rb"<!--.*?-->|<\?xml[^>]*\?>", re.DOTALL)
_TEXT_FIRMWARE = re.compile(rb"(?m)^firmware[!$&]?:[ \t]*(\S+)[ \t]*\r?$")

# The settings a simulated phone acts on; all others are checked and forgotten.
_CLIENT = ("http_client_user", "http_client_pass")
_KEPT = frozenset({"user_active", *_NEEDED, "firmware_status", *_CLIENT})

# The text in front of a closing tag, which is inside of the root wherever it stands.
_VALUES = re.compile(rb">([^<]*)</")
# Values that are left to xml.etree: controls and line ends, broken references, and
# quotes and ">", because a ">" in an attribute makes the rest of its tag look so.
_NOT_PLAIN = bytes([*range(0x09), *range(0x0B, 0x20), *b"\"'>"])
_BROKEN = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)")
_NOT_REMEMBERED = (b"<!", b"firmware-settings")
_MAX_REMEMBERED = 64
_MAX_VAIN = 256
_REFERENCES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"))


Values = dict[tuple[str, str], str]


class Paper(NamedTuple):
    """What one document says: files to fetch, settings by (name, idx), a firmware URL.

    Of the settings only those that a simulated phone acts on are kept: the identities,
    firmware_status, and what it shows as a client of HTTP.  An empty document says
    nothing, which is no error in itself.
    """

    files: tuple[str, ...] = ()
    settings: Values | None = None
    firmware: str = ""


NOTHING = Paper()


def read(content: bytes) -> Paper:
    """Return what a settings document or a list of files says.

    Lines that say nothing but a setting server are a list of that one.  Raises
    ServerFault, as the end of a sentence that begins with the document, for XML that is
    not well-formed or that a phone could not take.
    """
    if _says_nothing(content):
        return NOTHING
    if are_lines(content):
        return _lines(content)
    root = _root(content)
    if root.tag == "setting-files":
        return Paper(files=_files(root))
    if root.tag == "settings":
        return _settings(root)
    if root.tag in _PARTS:
        return _settings([root])
    raise ServerFault(f"it begins with <{root.tag[:40]}>, which no phone knows")


class Reader:
    """Reads the documents of one wave as ``read`` does, alike ones faster."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        # By markup: each kept setting and the position of its value, -1 for "".
        self._remembered: dict[bytes, list[tuple[tuple[str, str], int]]] = {}
        self._vain = 0

    def read(self, content: bytes) -> Paper:
        """Return what ``read`` returns for *content*, and raise what it raises."""
        pieces = _VALUES.split(content)
        markup = b"></".join(pieces[::2])
        kept = self._remembered.get(markup)
        values = pieces[1::2]
        if kept is not None and _are_plain(values):
            self._vain = 0
            return Paper(
                settings={
                    key: _unescaped(values[position]) if position >= 0 else ""
                    for key, position in kept
                }
            )
        paper = read(content)
        if kept is None and paper.settings is not None and not are_lines(content):
            self._remember(markup, pieces)
        return paper

    def _remember(self, markup: bytes, pieces: list[bytes]) -> None:
        self._vain += 1
        if self._vain > _MAX_VAIN or b"<?" in markup[2:]:
            return
        if any(part in markup for part in _NOT_REMEMBERED):
            return
        if not _are_plain(pieces[1::2]):
            return
        # The document once more with positions for values, so that nothing has to be
        # guessed about which value belongs to which setting.
        probe = pieces[0] + b"".join(
            b">%d</%s" % (position, piece)
            for position, piece in enumerate(pieces[2::2])
        )
        kept = []
        for key, text in (read(probe).settings or {}).items():
            if text and not text.isdigit():
                return
            kept.append((key, int(text) if text else -1))
        if len(self._remembered) >= _MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[markup] = kept


@lru_cache(maxsize=64)
def read_firmware(content: bytes) -> str:
    """Return the firmware URL that the answer to firmware_status names, or "".

    Empty, a comment and ``<firmware-settings/>`` all mean that nothing is to be done;
    the text form ``firmware: URL`` is read as well.  Raises ServerFault.
    """
    if _says_nothing(content):
        return ""
    text = _TEXT_FIRMWARE.search(content)
    if text:
        return text[1].decode("latin-1")
    root = _root(content)
    if root.tag == "settings":
        return _settings(root).firmware
    if root.tag != "firmware-settings":
        raise ServerFault(f"it begins with <{root.tag[:40]}>, not <firmware-settings>")
    return _firmware(root)


def why_unusable(values: Values) -> str:
    """Return why a phone with *values* could not register identity 1, "" if it could.

    The text ends a sentence that begins with "the settings".
    """
    if not any(name.startswith("user_") for name, _index in values):
        return "configure no identity at all"
    if values.get(("user_active", "1")) not in ("on", "true"):
        return "do not switch identity 1 on (user_active)"
    for name in _NEEDED:
        if not values.get((name, "1")):
            return f"leave {name} of identity 1 empty"
    return ""


def client_credentials(values: Values) -> tuple[str, str] | None:
    """Return user name and password that the phone shows from now on, if told."""
    user, password = (values.get((name, ""), "") for name in _CLIENT)
    return (user, password) if user and password else None


def identities(values: Values) -> list[str]:
    """Return the active identities as ``NUMBER@HOST``, in order, without secrets."""
    return [
        f"{values.get(('user_name', str(index)), '')}"
        f"@{values.get(('user_host', str(index)), '')}"
        for index in range(1, _MAX_IDENTITY + 1)
        if values.get(("user_active", str(index))) in ("on", "true")
    ]


def _are_plain(values: list[bytes]) -> bool:
    joined = b"\n".join(values)
    if len(joined.translate(None, _NOT_PLAIN)) != len(joined):
        return False
    if b"&" in joined and _BROKEN.search(joined):
        return False
    if joined.isascii():
        return True
    try:
        text = joined.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return "\ufffe" not in text and "\uffff" not in text


def _unescaped(value: bytes) -> str:
    text = value.decode("utf-8")
    if "&" in text:
        for reference, character in _REFERENCES:
            text = text.replace(reference, character)
        text = text.replace("&amp;", "&")
    return text


def _says_nothing(content: bytes) -> bool:
    stripped = content.strip()
    return not stripped or (
        stripped.startswith((b"<!--", b"<?xml"))
        and not _COMMENT.sub(b"", stripped).strip()
    )


def _root(content: bytes) -> ElementTree.Element:
    if not content.lstrip().startswith(b"<"):
        raise ServerFault("it is not XML")
    if b"<!DOCTYPE" in content:
        raise ServerFault("it has a DOCTYPE, which phones do not read")
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ServerFault(f"it is not well-formed XML: {error}") from None


def _lines(content: bytes) -> Paper:
    values = settings_from_lines(content)
    if not values:
        raise ServerFault("it begins with <html>, and no line of it is a setting")
    server = values.get(("setting_server", ""), "")
    if server and len(values) == 1:
        return Paper(files=(server,))
    return Paper(settings={key: values[key] for key in values if key[0] in _KEPT})


def _files(root: ElementTree.Element) -> tuple[str, ...]:
    urls = []
    for element in root:
        url = (element.get("url") or "").strip()
        if element.tag != "file" or not url:
            raise ServerFault(
                "its <setting-files> has something that is no <file url=…>"
            )
        urls.append(url)
    return tuple(urls)


def _settings(root: ElementTree.Element | list[ElementTree.Element]) -> Paper:
    values: Values = {}
    firmware = ""
    for part in root:
        tag = part.tag
        if tag == "phone-settings":
            _phone_settings(part, values)
        elif tag in ("functionKeys", "function-keys"):
            _function_keys(part)
        elif tag == "firmware-settings":
            firmware = _firmware(part)
        elif tag not in _PARTS:
            raise ServerFault(
                f"it has <{tag[:40]}> in <settings>, which no phone knows"
            )
    return Paper(settings=values, firmware=firmware)


def _phone_settings(part: ElementTree.Element, values: Values) -> None:
    seen = set(values)
    for element in part:
        name = element.tag
        index = element.get("idx", "")
        if element.get("perm") not in _PERMISSIONS:
            raise ServerFault(f"{name} has the unknown perm {element.get('perm')!r}")
        if index and not (index.isdigit() and 0 < int(index) <= _MAX_IDENTITY):
            raise ServerFault(f"{name} has idx {index!r}, but identities are 1 to 12")
        if len(element):
            raise ServerFault(f"{name} has elements inside instead of a value")
        key = (name, index)
        if key in seen:
            raise ServerFault(f"it sets {' '.join(key).strip()} twice")
        seen.add(key)
        if name in _KEPT:
            values[key] = element.text or ""


def _function_keys(part: ElementTree.Element) -> None:
    seen = set()
    for element in part:
        index = element.get("idx", "")
        if element.tag != "fkey" or not index.isdigit():
            raise ServerFault(
                "its function keys have something that is no <fkey idx=…>"
            )
        if element.get("context", "active") not in _CONTEXTS:
            raise ServerFault(
                f"function key {index} has the context {element.get('context')!r}"
            )
        if element.get("perm") not in _PERMISSIONS:
            raise ServerFault(
                f"function key {index} has the unknown perm {element.get('perm')!r}"
            )
        if index in seen:
            raise ServerFault(f"it sets function key {index} twice")
        seen.add(index)


def _firmware(part: ElementTree.Element) -> str:
    element = part.find("firmware")
    return "" if element is None else (element.text or "").strip()
