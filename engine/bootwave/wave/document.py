"""What a phone reads out of the documents it is given (domain.md 3.1 to 3.4, 4.1).

Read with xml.etree, which is not what the server writes with.
"""

import re
from functools import lru_cache
from typing import NamedTuple
from xml.etree import ElementTree

from bootwave.errors import ServerFault

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

Values = dict[tuple[str, str], str]


class Paper(NamedTuple):
    """What one document says: files to fetch, settings by (name, idx), a firmware URL.

    An empty document says nothing, which is not an error in itself.
    """

    files: tuple[str, ...] = ()
    settings: Values | None = None
    firmware: str = ""


NOTHING = Paper()


def read(content: bytes) -> Paper:
    """Return what a settings document or a list of files says.

    Raises ServerFault, as the end of a sentence that begins with the document, for
    XML that is not well-formed or that a phone could not take.
    """
    if _says_nothing(content):
        return NOTHING
    root = _root(content)
    if root.tag == "setting-files":
        return Paper(files=_files(root))
    if root.tag == "settings":
        return _settings(root)
    if root.tag in _PARTS:
        return _settings([root])
    raise ServerFault(f"it begins with <{root.tag[:40]}>, which no phone knows")


# The general documents and the firmware answer are the same for a whole wave, which
# would otherwise spend its time reading them again for each phone.
read_shared = lru_cache(maxsize=64)(read)


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


def identities(values: Values) -> list[str]:
    """Return the active identities as ``NUMBER@HOST``, in order, without secrets."""
    return [
        f"{values.get(('user_name', str(index)), '')}"
        f"@{values.get(('user_host', str(index)), '')}"
        for index in range(1, _MAX_IDENTITY + 1)
        if values.get(("user_active", str(index))) in ("on", "true")
    ]


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
        if key in values:
            raise ServerFault(f"it sets {name} {index} twice".replace("  ", " "))
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
