"""Variables in what layers say: ``{{number}}`` is the number of the phone's account.

Two braces, because one is taken: phones put their own MAC where a URL says ``{mac}``,
and that must reach them as it is.  Only the names below, between two braces and without
blanks, are variables; whatever else has braces is told as it stands.
"""

import re
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from bootwave.directory.records import Account, Domain, FunctionKey, Setting
from bootwave.errors import SettingError
from bootwave.phone.mac import text_from_mac
from bootwave.settings.catalogue import checked_setting
from bootwave.settings.functionkeys import checked_key
from bootwave.settings.keyvalues import TYPES, Argument, expanded
from bootwave.settings.spelling import nearest
from bootwave.xml.legal import checked_text

NONE: Final[Mapping[str, str]] = MappingProxyType({})
MARK: Final = "{{"  # without it there is no variable in a text

# Each with a value such as it has, by which a text is checked where it enters.
SAMPLES: Final = {
    "number": "401",
    "display_name": "Anna",
    "mailbox": "8401",
    "identity": "1",
    "domain": "pbx.example.com",
    "mac": "0004132E08B4",
}
# The same for all phones that share a plan: it knows their domain and identities.
_OF_THE_PLAN: Final = frozenset({"domain", "identity"})

_VARIABLE = re.compile(r"\{\{(" + "|".join(SAMPLES) + r")\}\}")
_WORD = re.compile(r"\{\{([A-Za-z][A-Za-z0-9_]*)\}\}")
# RFC 3261 section 25.1, as keyvalues.expanded: but neither the | of a pick-up code
# nor the @ of a host may come from a variable.
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"


def has_variables(text: str) -> bool:
    """Whether *text* holds a variable."""
    return MARK in text and _VARIABLE.search(text) is not None


def is_of_the_plan(text: str) -> bool:
    """Whether every variable of *text* is the same for all phones of a plan."""
    return set(_VARIABLE.findall(text)) <= _OF_THE_PLAN


def checked_variables(text: str) -> str:
    """Return *text* as a phone might be told it.

    Raises SettingError for a word between two braces that is no variable.
    """
    if MARK not in text:
        return text
    for word in _WORD.findall(text):
        if word not in SAMPLES:
            meant = nearest(word, SAMPLES)
            hint = f"did you mean {meant}?" if meant else f"{', '.join(SAMPLES)} are."
            raise SettingError(f"{{{{{word}}}}} is not a variable: {hint}")
    return substituted(text, SAMPLES)


def checked_key_with_variables(
    index: int,
    value: str,
    label: str,
    context: str,
    permission: str,
    attributes: Mapping[str, str] = NONE,
) -> tuple[FunctionKey, str]:
    """Return the key as it may be stored, and a warning sentence or "".

    As functionkeys.checked_key, which sees the variables replaced.
    """
    checked_variables(label)
    sample = checked_variables(value)
    key, note = checked_key(index, sample, label, context, permission, attributes)
    if sample != value:
        checked_text(value, "The value of a function key")
        kind, _blank, argument = value.strip().partition(" ")
        value = f"{kind.casefold()} {argument.strip()}"
        key = FunctionKey(
            index, value, key.label, key.context, key.permission, key.attributes
        )
    return key, _of_several_lines(f"P{index + 1}", key.value) or note


def checked_setting_with_variables(
    name: str, value: str, index: int | None, permission: str
) -> tuple[Setting, str]:
    """Return the setting as it may be stored, and a warning sentence or "".

    As catalogue.checked_setting, which sees the variables replaced.
    """
    sample = checked_variables(value)
    setting, note = checked_setting(name, sample, index, permission)
    if sample != value:
        checked_text(value, f"The value of {name}")
        setting = Setting(setting.name, value, setting.index, setting.permission)
    return setting, _of_several_lines(name, setting.value) or note


def _of_several_lines(what: str, value: str) -> str:
    """Return a warning for a *value* that not every firmware is told, or "".

    Of XML definitions of keys nobody needs to hear: they came with firmware 8.
    """
    if ("\n" not in value and "\r" not in value) or value.startswith("xml "):
        return ""
    return (
        f"{what} is of several lines: phones with firmware before 7 are told one line, "
        "and so nothing of it."
    )


def values_of(
    mac: int, domain: Domain, identity: int, account: Account | None
) -> dict[str, str]:
    """Return what each variable stands for; without an account its own are empty."""
    return {
        "number": account.number if account else "",
        "display_name": account.display_name if account else "",
        "mailbox": account.mailbox if account else "",
        "identity": str(identity) if account else "",
        "domain": domain.name,
        "mac": text_from_mac(mac),
    }


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with its variables replaced by their *values*."""
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def key_content(value: str, values: Mapping[str, str], domain: str) -> str:
    """Return the *value* of a function key as a phone of *domain* is told it.

    A variable is escaped as where it stands needs it: in a URL, in an address, in an
    XML definition; so that a name with a blank or an ampersand breaks none of them.
    """
    argument = TYPES.get(value.partition(" ")[0])
    if argument is Argument.URL:
        values = {name: quote(text, safe="") for name, text in values.items()}
    elif argument is Argument.DEFINITION:
        values = {name: escape(text) for name, text in values.items()}
    elif argument in (Argument.DESTINATION, Argument.OPTIONAL_DESTINATION):
        values = {name: quote(text, safe=_USER_SAFE) for name, text in values.items()}
    return expanded(substituted(value, values), domain)


def without_variables(settings: tuple[Setting, ...]) -> list[Setting]:
    """Return those of *settings* that hold no variable."""
    return [setting for setting in settings if not has_variables(setting.value)]
