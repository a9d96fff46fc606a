"""What administrators say in the layers: settings and function keys."""

from collections.abc import Mapping
from typing import Any

from bootwave.errors import OptionError, SettingError, StoreNotFound
from bootwave.limits import LAYER_CHARACTERS_EACH, MAX_LAYER_CHARACTERS
from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.phone.model import required_model
from bootwave.settings.catalogue import checked_name
from bootwave.settings.variables import (
    checked_key_with_variables,
    checked_setting_with_variables,
)
from bootwave.store.names import required_account, required_domain, required_member
from bootwave.store.settings import firmwareranges, profiles
from bootwave.store.settings.keyattributes import (
    attributes_from_text,
    text_from_attributes,
)
from bootwave.store.work import Work

SCOPES = ("engine", "model", "firmware", "domain", "profile", "account", "device")
NO_INDEX = -1

_MODEL = "SELECT id FROM models WHERE name = :name"
_ADD_MODEL = """
INSERT INTO models (name) VALUES (:name) ON CONFLICT (name) DO NOTHING
"""
_ADD_DEVICE = """
INSERT INTO devices (mac, domain_id, last_domain_id, model, owns_certificate)
VALUES (:mac, NULL, NULL, '', :no)
ON CONFLICT (mac) DO NOTHING
"""
_SET = """
INSERT INTO settings (scope, key, name, idx, value, permission)
VALUES (:scope, :key, :name, :idx, :value, :permission)
ON CONFLICT (scope, key, name, idx) DO UPDATE
SET value = excluded.value, permission = excluded.permission
"""
_SAID = """
SELECT value, permission FROM settings
WHERE scope = :scope AND key = :key AND name = :name AND idx = :idx
"""
_OTHERS = """
SELECT COALESCE(SUM(LENGTH(name) + LENGTH(value) + :each), 0) FROM settings
WHERE scope = :scope AND key = :key AND NOT (name = :name AND idx = :idx)
"""
_UNSET = """
DELETE FROM settings
WHERE scope = :scope AND key = :key AND name = :name AND idx = :idx
RETURNING name
"""
_SETTINGS = """
SELECT name, idx, value, permission FROM settings
WHERE scope = :scope AND key = :key ORDER BY name, idx
"""
_SET_KEY = """
INSERT INTO function_keys
  (scope, key, idx, context, value, label, permission, attributes)
VALUES (:scope, :key, :idx, :context, :value, :label, :permission, :attributes)
ON CONFLICT (scope, key, idx) DO UPDATE
SET context = excluded.context, value = excluded.value, label = excluded.label,
  permission = excluded.permission, attributes = excluded.attributes
"""
_SAID_KEY = """
SELECT context, value, label, permission, attributes FROM function_keys
WHERE scope = :scope AND key = :key AND idx = :idx
"""
_OTHER_KEYS = """
SELECT COALESCE(
  SUM(LENGTH(value) + LENGTH(label) + LENGTH(attributes) + :each), 0)
FROM function_keys WHERE scope = :scope AND key = :key AND NOT idx = :idx
"""
_CLEAR_KEY = """
DELETE FROM function_keys WHERE scope = :scope AND key = :key AND idx = :idx
RETURNING idx
"""
_CLEAR_KEYS = """
DELETE FROM function_keys WHERE scope = :scope AND key = :key RETURNING idx
"""
_KEYS = """
SELECT idx, context, value, label, permission, attributes FROM function_keys
WHERE scope = :scope AND key = :key ORDER BY idx
"""


def set_setting(
    work: Work,
    scope: str,
    target: str,
    name: str,
    value: str,
    index: int | None,
    permission: str,
) -> dict[str, Any]:
    """Say a setting in the layer *scope* of *target*; ``warning`` is "" or a sentence.

    Where it says so already nothing is touched.  Raises SettingError when no phone can
    be told it.
    """
    setting, warning = checked_setting_with_variables(name, value, index, permission)
    said = {
        "name": setting.name,
        "idx": NO_INDEX if setting.index is None else setting.index,
    }
    told = {"value": setting.value, "permission": setting.permission}
    if _said(work, scope, target, _SAID, said) != tuple(told.values()):
        where = _place(work, scope, target, make=True)
        size = len(setting.name) + len(setting.value)
        _require_room(work, _OTHERS, {**said, **where}, size)
        work.connection.execute(_SET, {**said, **told, **where})
        # Not its value, which may be the password of a phone's own web server.
        work.note("setting.set", named(scope, target), name=setting.name, index=index)
    return {"name": setting.name, "index": setting.index, **told, "warning": warning}


def _said(
    work: Work, scope: str, target: str, sql: str, what: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """Return the row that says *what* in a layer, None where there is none."""
    try:
        where = _place(work, scope, target, touch=False)
    except StoreNotFound:
        return None  # there is no layer yet, or none at all
    rows = work.connection.execute(sql, {**what, **where}).fetchall()
    return tuple(rows[0]) if rows else None


def _require_room(work: Work, sql: str, what: Mapping[str, Any], size: int) -> None:
    """Raise SettingError when a layer would say too much with *size* characters more.

    *sql* counts what it says beside *what*.
    """
    named = {**what, "each": LAYER_CHARACTERS_EACH}
    others = work.connection.execute(sql, named).fetchall()[0][0]
    if others + size + LAYER_CHARACTERS_EACH > MAX_LAYER_CHARACTERS:
        raise SettingError(
            f"A layer says at most {MAX_LAYER_CHARACTERS} characters, of settings and "
            "of keys each, and all its phones are told them: take some out first."
        )


def unset_setting(
    work: Work, scope: str, target: str, name: str, index: int | None
) -> dict[str, Any]:
    """Say a setting no longer; raises StoreNotFound when the layer did not."""
    where = _place(work, scope, target)
    idx = NO_INDEX if index is None else index
    rows = work.connection.execute(
        _UNSET, {"name": checked_name(name), "idx": idx, **where}
    ).fetchall()
    if not rows:
        raise StoreNotFound(f"{name} is not set there: see bootwave settings list.")
    _tidy(work, where)
    work.note("setting.unset", named(scope, target), name=name, index=index)
    return {"name": name, "index": index}


def settings(work: Work, scope: str, target: str) -> list[dict[str, Any]]:
    """Return the settings of one layer."""
    where = _place(work, scope, target, touch=False)
    return [
        {
            "name": name,
            "index": None if index == NO_INDEX else index,
            "value": value,
            "permission": permission,
        }
        for name, index, value, permission in work.connection.execute(
            _SETTINGS, where
        ).fetchall()
    ]


def set_key(
    work: Work,
    scope: str,
    target: str,
    index: int,
    value: str,
    label: str,
    context: str,
    permission: str,
    attributes: Mapping[str, str],
) -> dict[str, Any]:
    """Say what a function key is in the layer *scope* of *target*.

    Where it says so already nothing is touched.
    """
    key, warning = checked_key_with_variables(
        index, value, label, context, permission, attributes
    )
    said = {
        "context": key.context,
        "value": key.value,
        "label": key.label,
        "permission": key.permission,
    }
    kept = {**said, "attributes": text_from_attributes(key.attributes)}
    which = {"idx": key.index}
    if _said(work, scope, target, _SAID_KEY, which) != tuple(kept.values()):
        where = _place(work, scope, target, make=True)
        size = sum(len(kept[name]) for name in ("value", "label", "attributes"))
        _require_room(work, _OTHER_KEYS, {**which, **where}, size)
        work.connection.execute(_SET_KEY, {**which, **kept, **where})
        work.note("key.set", named(scope, target), index=key.index)
    told = {"index": key.index, **said, "attributes": dict(key.attributes)}
    return {**told, "warning": warning}


def clear_keys(
    work: Work, scope: str, target: str, index: int | None
) -> dict[str, Any]:
    """Say nothing about one function key, or about any when *index* is None."""
    where = _place(work, scope, target)
    if index is None:
        rows = work.connection.execute(_CLEAR_KEYS, where).fetchall()
    else:
        rows = work.connection.execute(_CLEAR_KEY, {"idx": index, **where}).fetchall()
    if not rows:
        raise StoreNotFound("No such key is set there: see bootwave keys list.")
    cleared = sorted(number for (number,) in rows)
    _tidy(work, where)
    work.note("keys.cleared", named(scope, target), index=index, keys=len(cleared))
    return {"cleared": cleared}


def keys(work: Work, scope: str, target: str) -> list[dict[str, Any]]:
    """Return the function keys of one layer."""
    where = _place(work, scope, target, touch=False)
    names = ("index", "context", "value", "label", "permission")
    return [
        {
            **dict(zip(names, row, strict=True)),
            "attributes": dict(attributes_from_text(attributes)),
        }
        for *row, attributes in work.connection.execute(_KEYS, where).fetchall()
    ]


def named(scope: str, target: str) -> str:
    """Return the layer *scope* of *target* as the audit log names it.

    The target is spelled as it is stored, whichever way it was written.
    """
    match scope:
        case "engine":
            return scope
        case "firmware":
            model, written = firmwareranges.parts(target)
            stored = f"{model} {FirmwareRange.required(written)}"
        case "model":
            stored = required_model(target)
        case "domain":
            stored = required_domain(target)
        case "profile":
            stored = "@".join(required_member(target, "profile"))
        case "account":
            stored = str(required_account(target))
        case _:
            stored = text_from_mac(required_mac(target))
    return f"{scope} {stored}"


def _tidy(work: Work, where: dict[str, Any]) -> None:
    if where["scope"] == "firmware":
        firmwareranges.tidy(work, where["key"])


def _place(
    work: Work, scope: str, target: str, *, make: bool = False, touch: bool = True
) -> dict[str, Any]:
    """Return scope and key of a layer; *touch* notes that it changes.

    With *make* a model, range or device that nothing was said of is made.  Raises
    StoreNotFound for a target that is not there.
    """
    connection = work.connection
    match scope:
        case "engine":
            work.require_everywhere()
            key, change = 0, ("all", 0)
        case "firmware":
            work.require_everywhere()
            if make:
                name, _range = firmwareranges.parts(target)
                connection.execute(_ADD_MODEL, {"name": name})
            key, model_id = firmwareranges.place(work, target, make=make)
            change = ("model", model_id)
        case "model":
            work.require_everywhere()
            model = {"name": required_model(target)}
            if make:
                connection.execute(_ADD_MODEL, model)
            rows = connection.execute(_MODEL, model).fetchall()
            if not rows:
                raise StoreNotFound(f"Nothing is set for the model {model['name']}.")
            key, change = rows[0][0], ("model", rows[0][0])
        case "domain":
            key = work.domain_id(target)
            change = ("domain", key)
        case "profile":
            key, domain_id = profiles.place(work, target)
            change = ("profile", key)
            if touch:
                profiles.touch(work, key, domain_id)
        case "account":
            account = work.account(target)
            key, change = account.id, ("account", account.id)
            if touch:
                work.touched_account(account)
        case "device":
            key = required_mac(target)
            work.require_reached(key)
            change = ("device", key)
            if make:
                connection.execute(_ADD_DEVICE, {"mac": key, "no": False})
        case _:
            raise OptionError(
                f"There is no layer {scope!r}: it is one of {', '.join(SCOPES)}."
            )
    if touch:
        work.touched(*change)
    return {"scope": scope, "key": key}
