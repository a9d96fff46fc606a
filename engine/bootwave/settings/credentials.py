"""Credentials within values: those that URLs carry, whatever the setting is called.

A function key or an action URL may hold ``http://user:password@pbx/…`` or
``…?token=…``; the name of the setting says nothing of it.
"""

import re
from collections.abc import Mapping
from typing import Any

from bootwave.errors import SettingError
from bootwave.quoting import MASK
from bootwave.settings.secretnames import is_secret

# Each in one pass: what does not match is not looked at again from its next character.
# Userinfo of a URL (RFC 3986 section 3.2.1) that has a password, and what follows up
# to the last @: also of a password whose / ? or # was not escaped, where what is
# behind the colon is no port.  Without the scheme, in which the search would begin
# anew at each of its dots.  Where no @ follows there is none for another URL in
# between either.
_END_OF_AUTHORITY = r"""(?:[\s/?#"<>]|\Z)"""
_USERINFO = re.compile(
    rf"""(?P<before>://(?!\[[0-9A-Fa-f:.]+\](?::[0-9]*)?{_END_OF_AUTHORITY})"""
    rf"""[^\s/?#:"<>]*:)(?![0-9]*{_END_OF_AUTHORITY})(?P<password>[^\s"<>]+)"""
)
# A user name of this length is an access token: those that code hosts give are longer.
_TOKEN_AS_USER = re.compile(r"""(?P<before>://)[^\s/?#@:"'<>]{20,}@""")
# The same of SIP (RFC 3261 section 19.1.1): no // and, in a value, until a bracket.
_SIP_USERINFO = re.compile(
    r"""(?P<before>\bsips?:[^\s/?#@:;"<>]+:)(?P<password>[^\s"<>]+)""", re.I
)
_PARAMETER = re.compile(
    r"""(?P<before>[?&;](?P<name>[^\s=&;?#"'<>]{1,64})=)[^\s&;#"'<>]+""", re.I
)
# A token of a domain or device as a segment of a path (http.target).
_SEGMENT = re.compile(r"(?P<before>/)t[a-z2-7]{26}(?=$|[/?#\s\"'<>])", re.A)
# Of a parameter, in small letters and with _ between words.
_NAME = re.compile(
    r".*(?:token|signature|apikey)|(?:.*_)?(?:auth|authorization|jwt|key|pin|pwd?|sig)"
)
_LOCATIONS = frozenset({"location", "document"})


def without_credentials(text: str) -> str:
    """Return *text* with ``MASK`` where URLs in it carry what proves somebody."""
    text = _USERINFO.sub(_userinfo, text)
    text = _TOKEN_AS_USER.sub(rf"\g<before>{MASK}@", text)
    text = _SIP_USERINFO.sub(_sip_userinfo, text)
    text = _PARAMETER.sub(_parameter, text)
    return _SEGMENT.sub(rf"\g<before>{MASK}", text)


def refuse_mask(*values: str) -> None:
    """Raise SettingError where what is shown instead of a secret is sent back."""
    if any(MASK in value for value in values):
        raise SettingError(
            f"{MASK} stands for a secret that is not shown: send the secret itself."
        )


def setting_without_credentials(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a *setting*, of name and value, without what may be a secret."""
    value: str = setting["value"]
    if value:
        secret = is_secret(setting["name"])
        value = MASK if secret else without_credentials(value)
    return {**setting, "value": value}


def key_without_credentials(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function *key*, of value, label and attributes, without credentials."""
    attributes: Mapping[str, str] = key["attributes"]
    return {
        **key,
        "value": without_credentials(key["value"]),
        "label": without_credentials(key["label"]),
        "attributes": {
            name: MASK if is_secret(name) else without_credentials(value)
            for name, value in attributes.items()
        },
    }


def told_without_credentials(told: Any) -> Any:
    """Return what is *told* of firmware, without those of its URLs.

    Those are members ``location``, at any depth, and a whole ``document`` of them.
    """
    if isinstance(told, list):
        return [told_without_credentials(one) for one in told]
    if not isinstance(told, dict):
        return told
    return {
        name: without_credentials(value)
        if name in _LOCATIONS and isinstance(value, str)
        else told_without_credentials(value)
        for name, value in told.items()
    }


def _userinfo(found: re.Match[str]) -> str:
    _password, at, behind = found["password"].rpartition("@")
    return f"{found['before']}{MASK}@{behind}" if at else found[0]


def _sip_userinfo(found: re.Match[str]) -> str:
    _password, at, behind = found["password"].rpartition("@")
    return f"{found['before']}{MASK}@{behind}" if at else found[0]


def _parameter(found: re.Match[str]) -> str:
    name = re.sub(r"[-.]", "_", found["name"].lower())
    if _NAME.fullmatch(name) or is_secret(name):
        return f"{found['before']}{MASK}"
    return found[0]
