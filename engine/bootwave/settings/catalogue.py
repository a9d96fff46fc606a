"""The settings phones are known to have, what they may hold, and what is dangerous.

``catalogue.toml`` is the data, with its sources.  Newer firmware adds names faster than
any list, so an unknown one is allowed with a warning; the value of a known one is
checked for what would certainly fail (``values``).

One name can be several settings: an m9 and a desk phone both have a ``language`` and
take different words for it.  A value that one of them takes may be stored, because a
domain's layer is for phones of all kinds.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, get_args

from bootwave.directory.records import Permission, Setting
from bootwave.errors import SettingError
from bootwave.phone.firmware import FirmwareVersion
from bootwave.settings.spelling import nearest
from bootwave.settings.values import Kind, ValueType, checked_kind
from bootwave.xml.legal import checked_text

IDENTITIES: Final = 12  # the most a desk phone has (870, 760, D7xx)
M9_IDENTITIES: Final = 9
MAX_INDEX: Final = 999  # of settings whose index is no identity: DECT bases go to 999

_NAMES_KEPT: Final = 4096
_TABLE: Final = Path(__file__).with_suffix(".toml")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}")
# Firmware below it reads the text format only (domain.md 3.1, "7 and later").
_FIRST_XML: Final = FirmwareVersion(7)


class Topic(StrEnum):
    """What a setting is about."""

    IDENTITY = "identity"
    NETWORK = "network"
    SIP = "SIP"
    AUDIO = "audio and calls"
    LOCALE = "locale and time"
    DISPLAY = "display"
    KEYS = "dedicated keys and soft keys"
    SECURITY = "security"
    UPDATE = "update and provisioning"
    ACTIONS = "directory and actions"
    M9_IDENTITY = "m9, each identity"
    M9_BASE = "m9, the base"
    DECT_SERVER = "DECT base, each server"
    DECT_EXTENSION = "DECT base, each extension"
    DECT_BASE = "DECT base, the base"


class Dialect(StrEnum):
    """What kind of document a phone reads."""

    XML = "xml"
    TEXT = "text"
    M9 = "m9"
    DECT = "dect"


class Space(NamedTuple):
    """What a setting's index counts, from ``least`` to ``most``; "" has no index."""

    counts: str
    least: int = 0
    most: int = 0


ONCE: Final = Space("")
IDENTITY: Final = Space("identity", 1, IDENTITIES)
M9_IDENTITY: Final = Space("identity", 1, M9_IDENTITIES)
SERVER: Final = Space("server", 1, MAX_INDEX)
EXTENSION: Final = Space("extension", 1, MAX_INDEX)


class Known(NamedTuple):
    """What is known of one name in some dialects.

    ``general`` settings may stand in the document that anybody may read: they hold no
    secret and say nothing about the network.  ``since`` is the first firmware known to
    have it, "" for any; ``note`` says what its values mean.
    """

    topic: Topic
    dialects: frozenset[Dialect]
    space: Space
    type: ValueType
    general: bool = False
    since: str = ""
    note: str = ""


class Danger(NamedTuple):
    """A sentence to read before a setting is used.

    It holds for ``values`` only, where there are some, and not with the permission
    ``unless``.
    """

    sentence: str
    values: frozenset[str]
    unless: str

    def holds(self, value: str | None, permission: str) -> bool:
        """Whether it is said of *value*, None for any, with *permission*."""
        if self.unless and permission == self.unless:
            return False
        return value is None or not self.values or value in self.values


class Catalogue(NamedTuple):
    """All that is known, by name; the desk phones' meaning of a name comes first."""

    known: Mapping[str, tuple[Known, ...]]
    dangers: Mapping[str, tuple[Danger, ...]]
    forbidden: Mapping[str, str]
    general: frozenset[str]
    per_identity: frozenset[str]


_DESK: Final = frozenset({Dialect.XML, Dialect.TEXT})
_SECTIONS: Final = {
    "identity": (Topic.IDENTITY, _DESK, IDENTITY),
    "network": (Topic.NETWORK, _DESK, ONCE),
    "sip": (Topic.SIP, _DESK, ONCE),
    "audio": (Topic.AUDIO, _DESK, ONCE),
    "locale": (Topic.LOCALE, _DESK, ONCE),
    "display": (Topic.DISPLAY, _DESK, ONCE),
    "keys": (Topic.KEYS, _DESK, ONCE),
    "security": (Topic.SECURITY, _DESK, ONCE),
    "update": (Topic.UPDATE, _DESK, ONCE),
    "actions": (Topic.ACTIONS, _DESK, ONCE),
    "m9-identity": (Topic.M9_IDENTITY, frozenset({Dialect.M9}), M9_IDENTITY),
    "m9-base": (Topic.M9_BASE, frozenset({Dialect.M9}), ONCE),
    "dect-server": (Topic.DECT_SERVER, frozenset({Dialect.DECT}), SERVER),
    "dect-extension": (Topic.DECT_EXTENSION, frozenset({Dialect.DECT}), EXTENSION),
    "dect-base": (Topic.DECT_BASE, frozenset({Dialect.DECT}), ONCE),
}


@cache
def catalogue() -> Catalogue:
    """Return the catalogue, read from its file once."""
    data = tomllib.loads(_TABLE.read_text("utf-8"))
    general = frozenset(data["general"]["names"].split())
    known: dict[str, list[Known]] = {}
    for section, (topic, dialects, space) in _SECTIONS.items():
        rows = data[section]
        plain: dict[str, Any] = {one: {} for one in rows.pop("plain", "").split()}
        for name, row in (plain | rows).items():
            known.setdefault(name, []).append(
                _known(topic, dialects, space, row, general=name in general)
            )
    return Catalogue(
        MappingProxyType({name: tuple(found) for name, found in known.items()}),
        MappingProxyType(_dangers(data["danger"])),
        MappingProxyType(
            {
                name: row["sentence"]
                for row in data["forbidden"]
                for name in row["names"].split()
            }
        ),
        general,
        frozenset(
            name for name, found in known.items() if found[0].space.counts == "identity"
        ),
    )


def _known(
    topic: Topic,
    dialects: frozenset[Dialect],
    space: Space,
    row: Mapping[str, Any],
    *,
    general: bool,
) -> Known:
    since = row.get("since", "")
    if since and FirmwareVersion.required(since) >= _FIRST_XML:
        dialects = dialects - {Dialect.TEXT}
    kind = ValueType(
        Kind(row.get("type", Kind.TEXT)),
        row.get("least"),
        row.get("most"),
        row.get("unit", ""),
        tuple(row.get("choices", ())),
        row.get("more", False),
    )
    if "index" in row:
        least, _to, most = row["index"].partition("-")
        space = Space("number", int(least), int(most))
    return Known(topic, dialects, space, kind, general, since, row.get("note", ""))


def _dangers(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Danger, ...]]:
    found: dict[str, tuple[Danger, ...]] = {}
    for row in rows:
        danger = Danger(
            row["sentence"], frozenset(row.get("values", ())), row.get("unless", "")
        )
        for name in row["names"].split():
            found[name] = (*found.get(name, ()), danger)
    return found


def meanings(name: str, dialect: Dialect | None = None) -> tuple[Known, ...]:
    """Return what *name* is known to be, in any dialect or in *dialect* only."""
    found = catalogue().known.get(name, ())
    if dialect is None:
        return found
    return tuple([known for known in found if dialect in known.dialects])


# Plans are made of a hundred lines that each ask these three.
@lru_cache(_NAMES_KEPT)
def is_per_identity(name: str) -> bool:
    """Whether *name* is known to be a setting of each identity."""
    return name in catalogue().per_identity


@lru_cache(_NAMES_KEPT)
def is_general(name: str) -> bool:
    """Whether *name* may stand in a document that anybody may read."""
    return name in catalogue().general


@lru_cache(_NAMES_KEPT)
def is_forbidden(name: str) -> bool:
    """Whether a layer may not say *name* at all."""
    return name in catalogue().forbidden


def is_secret(name: str) -> bool:
    """Whether the value of *name* is known to be a secret."""
    return any(known.type.kind is Kind.SECRET for known in meanings(name))


def checked_name(name: str) -> str:
    """Return *name*; raises SettingError when no layer may say it.

    A name is a letter or underscore followed by at most 63 letters, digits and
    underscores.
    """
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"{name!r} is not the name of a setting: a letter or underscore, then "
            "letters, digits and underscores."
        )
    if is_forbidden(name):
        raise SettingError(catalogue().forbidden[name])
    return name


def warning(name: str, value: str | None = None, permission: str = "") -> str:
    """Return a sentence an administrator should read before *name* is used, or "".

    With a *value* it is only about that one, and with a *permission* about that.
    """
    known = catalogue().known
    if name not in known:
        meant = nearest(name, known)
        hint = f"; did you mean {meant}?" if meant else "."
        return f"{name} is not a setting this version knows{hint}"
    for danger in catalogue().dangers.get(name, ()):
        if danger.holds(value, permission):
            return f"{name}: {danger.sentence}."
    return ""


def checked_permission(permission: str) -> Permission:
    """Return *permission*; raises SettingError when it is not R, RW or !."""
    for known in get_args(Permission):
        if permission == known:
            return known  # type: ignore[no-any-return]
    raise SettingError(
        f"{permission!r} is not a permission: R (users may not change it), RW (they "
        "may, until the next provisioning) or ! (they may, and theirs stays)."
    )


def checked_index(
    name: str, index: int | None, dialect: Dialect | None = None
) -> int | None:
    """Return the *index* of *name*; raises SettingError when it has no such one.

    What is not known to have an index is taken with any: newer firmware may count.
    """
    if index is None:
        return None
    spaces = [known.space for known in meanings(name, dialect) if known.space.counts]
    spaces = spaces or [Space("number", 0, MAX_INDEX)]
    if any(space.least <= index <= space.most for space in spaces):
        return index
    space = max(spaces, key=lambda space: space.most)
    raise SettingError(
        f"{name} has no index {index}: give one of {space.least} to {space.most}."
    )


def checked_content(
    name: str, value: str, dialect: Dialect | None = None
) -> tuple[str, str]:
    """Return the *value* of *name* as it is told, and a warning sentence or "".

    Without *dialect* it is enough that one kind of phone takes it.  Raises
    SettingError.
    """
    found = meanings(name, dialect)
    # What one kind of phone takes as any text says nothing about the others.
    typed = [known for known in found if known.type.kind is not Kind.TEXT] or found
    error: SettingError | None = None
    taken: list[tuple[str, str]] = []
    for known in typed:
        try:
            taken.append(checked_kind(name, known.type, value))
        except SettingError as refused:
            error = error or refused
    if error is not None and not taken:
        raise error
    # Taken without a word by one kind of phone is taken without a word.
    return min(taken, key=lambda one: bool(one[1]), default=(value, ""))


def checked_setting(
    name: str, value: str, index: int | None = None, permission: str = "R"
) -> tuple[Setting, str]:
    """Return the setting as it may be stored, and a warning sentence or "".

    *index* is the identity, 1 to 12, of settings that each identity has; None there
    means all identities in use (in an account's layer: the account's own).  The value
    is stored as phones are told it: a time zone named Germany as GER+1.  Raises
    SettingError.
    """
    checked_name(name)
    checked_text(value, f"The value of {name}")
    checked_index(name, index)
    told, doubt = checked_content(name, value)
    setting = Setting(name, told, index, checked_permission(permission))
    return setting, doubt or warning(name, told, permission)
