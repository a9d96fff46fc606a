"""What administrators say of firmware: definitions, pins, what is forbidden.

Each is said for a scope: the engine, a domain, a group of devices or a device.  When
something is said for a scope first, other than the engine, it gets a handle, by which
its phones ask (schema.firmware).
"""

import base64
import json
import secrets
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from bootwave.errors import FirmwareError, OptionError, StoreConflict, StoreNotFound
from bootwave.firmware.decision import (
    KEEP,
    Running,
    ScopeRules,
    decide,
    rules_for,
)
from bootwave.firmware.definitions import (
    Definition,
    check_host,
    is_url,
    required_location,
    required_model,
    required_version,
)
from bootwave.firmware.document import definitions_from, document_of
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.mac import required_mac
from bootwave.settings.credentials import without_credentials
from bootwave.store.domains import groups
from bootwave.store.firmware import precedence
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.firmware.rows import (
    IMAGES,
    Image,
    Place,
    definition_from_row,
    rules_of,
)
from bootwave.store.names import checked_name
from bootwave.store.work import Work

SCOPES = ("engine", "domain", "group", "device")

_ADD_DEVICE = """
INSERT INTO devices (mac, domain_id, last_domain_id, model, owns_certificate)
VALUES (:mac, NULL, NULL, '', :no)
ON CONFLICT (mac) DO NOTHING
"""
_DEVICE = """
SELECT COALESCE(domain_id, 0), COALESCE(group_id, 0), model FROM devices
WHERE mac = :mac
"""
_DOMAIN_OF_GROUP = "SELECT domain_id FROM groups WHERE id = :id"
_HAS_SCOPES = "SELECT EXISTS (SELECT 1 FROM firmware_scopes)"
_ADD_SCOPE = """
INSERT INTO firmware_scopes (scope, key, handle) VALUES (:scope, :key, :handle)
ON CONFLICT (scope, key) DO NOTHING
RETURNING handle
"""
_DEFINITIONS = """
SELECT model, part, version, location, step FROM firmware_definitions
WHERE scope = :scope AND key = :key
"""
# Of devices among many.
_KNOWN = """
SELECT v.mac FROM json_each(:macs) j CROSS JOIN devices v ON v.mac = j.value
"""
_DEFINED = """
SELECT d.key, d.model, d.part, d.version, d.location, d.step FROM json_each(:macs) j
CROSS JOIN firmware_definitions d ON d.scope = 'device' AND d.key = j.value
  AND d.model = :model
"""
_WITHOUT_HANDLE = """
SELECT j.value FROM json_each(:macs) j WHERE NOT EXISTS (
  SELECT 1 FROM firmware_scopes s WHERE s.scope = 'device' AND s.key = j.value)
"""
_PUT_FOR = """
INSERT INTO firmware_definitions (scope, key, model, part, version, location, step)
SELECT 'device', j.value, :model, :part, :version, :location, :step
FROM json_each(:macs) j WHERE true
ON CONFLICT (scope, key, model, part, version) DO UPDATE
SET location = excluded.location, step = excluded.step
"""
_PUT = """
INSERT INTO firmware_definitions (scope, key, model, part, version, location, step)
VALUES (:scope, :key, :model, :part, :version, :location, :step)
ON CONFLICT (scope, key, model, part, version) DO UPDATE
SET location = excluded.location, step = excluded.step
"""
_DROP = """
DELETE FROM firmware_definitions
WHERE scope = :scope AND key = :key AND model = :model AND part = :part
  AND version = :version
"""
_PIN = """
INSERT INTO firmware_pins (scope, key, model, version)
VALUES (:scope, :key, :model, :version)
ON CONFLICT (scope, key, model) DO UPDATE SET version = excluded.version
"""
_UNPIN = """
DELETE FROM firmware_pins WHERE scope = :scope AND key = :key AND model = :model
RETURNING version
"""
_FORBID = """
INSERT INTO firmware_forbidden (scope, key, model, version, why)
VALUES (:scope, :key, :model, :version, :why)
ON CONFLICT (scope, key, model, version) DO UPDATE SET why = excluded.why
"""
_PERMIT = """
DELETE FROM firmware_forbidden
WHERE scope = :scope AND key = :key AND model = :model AND version = :version
RETURNING why
"""
_FORBIDDEN = """
SELECT model, version, why FROM firmware_forbidden
WHERE scope = :scope AND key = :key ORDER BY model, version
"""
_PINS = """
SELECT model, version FROM firmware_pins
WHERE scope = :scope AND key = :key ORDER BY model
"""


class Allowed(NamedTuple):
    """What may be said: URLs of *hosts*, and images that are in *folder*."""

    hosts: Collection[str]
    folder: ImageFolder | None


def put(
    work: Work,
    allowed: Allowed,
    scope: str,
    target: str,
    definition: Definition,
) -> dict[str, Any]:
    """Define a version of a model, for phones to run unless it is a step or a part.

    It replaces the one that they were to run until now.  Raises StoreConflict while a
    roll-out is on its way to define another.
    """
    check_all(work, allowed, [definition])
    place = place_of(work, scope, target, make=True)
    before = definitions_of(work, place)
    after = with_definition(before, definition)
    done = _store(work, place, scope, target, before, after)
    return {**_told(definition), "replaced": done["removed"]}


def adopt(work: Work, place: Place, definition: Definition) -> list[Definition]:
    """Define what a roll-out has told phones of *place*; return what it replaces.

    The audit log is told by whoever ends the roll-out.
    """
    before = definitions_of(work, place)
    gone, _come = _write(work, place, before, with_definition(before, definition))
    return gone


def adopt_for(work: Work, macs: Iterable[int], definition: Definition) -> int:
    """Do as ``adopt`` for each device of *macs*; return how many there still are.

    In as few statements as all of them take: it may be for a whole fleet.
    """
    named = {"macs": json.dumps([*macs])}
    before: dict[int, list[Definition]] = {
        mac: [] for (mac,) in work.connection.execute(_KNOWN, named)
    }
    of_model = {**named, "model": definition.model}
    for mac, *row in work.connection.execute(_DEFINED, of_model):
        if mac in before:
            before[mac].append(definition_from_row(*row))
    gone: list[dict[str, Any]] = []
    come: list[int] = []
    for mac, old in before.items():
        if old == [definition]:
            continue
        new = with_definition(old, definition)
        gone += [
            {**Place("device", mac).row, **_row(one)} for one in old if one not in new
        ]
        come.append(mac)
    work.connection.executemany(_DROP, gone)
    named = {"macs": json.dumps(come)}
    work.connection.execute(_PUT_FOR, {**named, **_row(definition)})
    for (mac,) in work.connection.execute(_WITHOUT_HANDLE, named).fetchall():
        prepare(work, Place("device", mac))
    for mac in come:
        work.touched("device", mac)
    return len(before)


def with_definition(
    before: Iterable[Definition], definition: Definition
) -> list[Definition]:
    """Return *before* and *definition*, without those that it takes the place of."""
    kept = [
        one
        for one in before
        if one[:2] + one[4:] != definition[:2] + definition[4:]
        and (definition.step or one.step or one.model != definition.model)
    ]
    return [*kept, definition]


def take(
    work: Work, scope: str, target: str, model: str, version: str
) -> dict[str, Any]:
    """Define a model's version, "" all of its versions, no longer."""
    place = place_of(work, scope, target)
    name = required_model(model)
    wanted = required_version(version) if version else None
    before = definitions_of(work, place)
    gone = [
        one for one in before if one.model == name and wanted in (None, one.version)
    ]
    if not gone:
        raise StoreNotFound(
            f"Nothing of {name} is defined there: see bootwave firmware list."
        )
    kept = [one for one in before if one not in gone]
    done = _store(work, place, scope, target, before, kept)
    return {"model": name, "removed": done["removed"]}


def pin(
    work: Work, scope: str, target: str, model: str, version: str
) -> dict[str, Any]:
    """Keep phones of a model at a version, or at what they run ("keep")."""
    place = place_of(work, scope, target, make=True)
    name = _model_for(work, scope, place, model)
    text = version.strip().lower()
    kept = KEEP if text == KEEP else str(required_version(version))
    prepare(work, place)
    work.connection.execute(_PIN, {**place.row, "model": name, "version": kept})
    work.note("firmware.pinned", _named(scope, target), model=name, version=kept)
    return {"model": name, "version": kept}


def unpin(work: Work, scope: str, target: str, model: str) -> dict[str, Any]:
    """End a pin; raises StoreNotFound when there is none."""
    place = place_of(work, scope, target)
    name = _model_for(work, scope, place, model)
    rows = work.connection.execute(_UNPIN, {**place.row, "model": name}).fetchall()
    if not rows:
        raise StoreNotFound(f"{name} is not pinned there: see bootwave firmware list.")
    _touch(work, place)
    work.note("firmware.unpinned", _named(scope, target), model=name)
    return {"model": name, "version": rows[0][0]}


def forbid(
    work: Work, scope: str, target: str, model: str, version: str, why: str
) -> dict[str, Any]:
    """Let no phone of a model be told a version, not even as a step."""
    place = place_of(work, scope, target, make=True)
    row = {
        "model": required_model(model),
        "version": str(required_version(version)),
        "why": checked_name(why, "The reason"),
    }
    prepare(work, place)
    work.connection.execute(_FORBID, {**place.row, **row})
    work.note("firmware.forbidden", _named(scope, target), **row)
    return row


def permit(
    work: Work, scope: str, target: str, model: str, version: str
) -> dict[str, Any]:
    """Allow what was forbidden; raises StoreNotFound when it was not."""
    place = place_of(work, scope, target)
    row = {"model": required_model(model), "version": str(required_version(version))}
    found = work.connection.execute(_PERMIT, {**place.row, **row}).fetchall()
    if not found:
        raise StoreNotFound(
            f"{row['model']} {row['version']} is not forbidden there: see bootwave "
            "firmware list."
        )
    _touch(work, place)
    work.note("firmware.permitted", _named(scope, target), **row)
    return {**row, "why": found[0][0]}


def listed(work: Work, allowed: Allowed, scope: str, target: str) -> dict[str, Any]:
    """Return what a scope says; ``state`` of a definition tells why it is not told."""
    images = images_of(work)
    place = place_of(work, scope, target)
    return {
        **said(work, scope, target),
        "definitions": [
            {**_told(one), "state": state_of(one, images, allowed)}
            for one in sorted(definitions_of(work, place))
        ],
    }


def note_revealed(work: Work, scope: str, target: str) -> None:
    """Tell the audit log that the locations of a scope are shown as they are."""
    work.note("firmware.revealed", _named(scope, target))


def said(work: Work, scope: str, target: str) -> dict[str, Any]:
    """Return what a scope says, and not what becomes of it."""
    place = place_of(work, scope, target)
    return {
        "definitions": [_told(one) for one in sorted(definitions_of(work, place))],
        "pins": [
            {"model": model, "version": version}
            for model, version in work.connection.execute(_PINS, place.row).fetchall()
        ],
        "forbidden": [
            {"model": model, "version": version, "why": why}
            for model, version, why in work.connection.execute(
                _FORBIDDEN, place.row
            ).fetchall()
        ],
    }


def exported(work: Work, scope: str, target: str) -> dict[str, Any]:
    """Return the document of a scope; ``revision`` changes with what it says."""
    place = place_of(work, scope, target)
    document = document_of(definitions_of(work, place))
    return {"document": document.decode(), "revision": _revision(work, document)}


def imported(
    work: Work,
    allowed: Allowed,
    scope: str,
    target: str,
    document: str,
    revision: str,
) -> dict[str, Any]:
    """Let a scope define what *document* says, and nothing else; return what changes.

    With *revision* it must be what ``exported`` said last, or StoreConflict is raised:
    somebody else has changed it since.
    """
    definitions = definitions_from(document.encode("utf-8", "surrogatepass"))
    place = place_of(work, scope, target, make=True)
    before = definitions_of(work, place)
    if revision and revision != _revision(work, document_of(before)):
        raise StoreConflict(
            "The definitions were changed meanwhile: export them again, and change "
            "those."
        )
    unchanged = set(before)
    check_all(work, allowed, [one for one in definitions if one not in unchanged])
    return _store(work, place, scope, target, before, definitions)


def explained(
    work: Work,
    allowed: Allowed,
    scope: str,
    target: str,
    model: str,
    version: str,
    user_agent: str,
) -> dict[str, Any]:
    """Return what a phone would be told that runs *version*, why, and the whole way."""
    from bootwave.firmware.loader import loader_from_user_agent

    place = place_of(work, scope, target)
    name = _model_for(work, scope, place, model)
    running = Running(
        name, required_version(version), loader_from_user_agent(user_agent)
    )
    images = images_of(work)
    found = decide(
        running,
        rules_for(name, scopes_of(work, place)),
        lambda one: not state_of(one, images, allowed),
    )
    return {
        "model": name,
        "runs": str(running.version),
        "told": None if found.step is None else _told(found.step),
        "why": found.why.value,
        "way": [_told(one) for one in found.way],
    }


def scopes_of(work: Work, place: Place) -> list[ScopeRules]:
    """Return what holds for phones of *place*, the most specific scope first."""
    keys = [(place.scope, place.key)]
    if place.scope == "device":
        rows = work.connection.execute(_DEVICE, {"mac": place.key}).fetchall()
        domain_id, group_id, _model = rows[0] if rows else (0, 0, "")
        if domain_id:
            keys += [("group", group_id)] if group_id else []
            keys.append(("domain", domain_id))
    if place.scope == "group":
        keys.append(("domain", _domain_of(work, place.key)))
    if place.scope != "engine":
        keys.append(("engine", 0))
    return [rules_of(work.connection, scope, key) for scope, key in keys]


def _store(
    work: Work,
    place: Place,
    scope: str,
    target: str,
    before: list[Definition],
    after: list[Definition],
) -> dict[str, Any]:
    """Store *after* in the place of *before*, and return what that changes."""
    precedence.give_way(work, place, before, after)
    gone, come = _write(work, place, before, after)
    if gone or come:
        work.note(
            "firmware.defined",
            _named(scope, target),
            added=[f"{one} {without_credentials(one.location)}" for one in come[:50]],
            removed=[str(one) for one in gone[:50]],
        )
    return {
        "definitions": len(after),
        "added": [_told(one) for one in come],
        "removed": [_told(one) for one in gone],
    }


def _write(
    work: Work, place: Place, before: list[Definition], after: list[Definition]
) -> tuple[list[Definition], list[Definition]]:
    """Return what goes and what comes when *after* takes the place of *before*."""
    gone = sorted(set(before) - set(after))
    come = sorted(set(after) - set(before))
    if gone or come:
        prepare(work, place)
    for one in gone:
        work.connection.execute(_DROP, {**place.row, **_row(one)})
    for one in come:
        work.connection.execute(_PUT, {**place.row, **_row(one)})
    return gone, come


def check_all(work: Work, allowed: Allowed, definitions: Iterable[Definition]) -> None:
    """Raise FirmwareError for what could never be told."""
    images = images_of(work)
    for one in definitions:
        try:
            check_host(one.location, allowed.hosts)
        except FirmwareError as error:
            raise FirmwareError(f"{one}: {error}") from None
        if not is_url(one.location) and one.location not in images:
            raise FirmwareError(
                f"{one}: there is no image {one.location}: upload it with bootwave "
                "firmware upload."
            )


def state_of(one: Definition, images: dict[str, Image], allowed: Allowed) -> str:
    """Return why an image is not told now, "" when it is."""
    try:
        check_host(one.location, allowed.hosts)
    except FirmwareError:
        return "its host is not one of firmware.hosts"
    if is_url(one.location):
        return ""
    image = images.get(one.location)
    if image is None:
        return "the image was not uploaded"
    if allowed.folder is not None and not allowed.folder.has(image.sha256, image.size):
        return "the file of the image is missing"
    return ""


def found_location(work: Work, model: str, version: FirmwareVersion) -> str:
    """Return the image that was uploaded for a version; raises FirmwareError."""
    for image in images_of(work).values():
        if image.model == model and image.version == version:
            return image.name
    raise FirmwareError(
        f"No image of {model} {version} was uploaded: name its URL, or upload it with "
        "bootwave firmware upload."
    )


def definition_of(
    work: Work, model: str, version: str, location: str, part: str, *, step: bool
) -> Definition:
    """Return the definition that an administrator names by words."""
    if part not in ("", "rootfs", "linux"):
        raise FirmwareError("A part is rootfs or linux.")
    name, number = required_model(model), required_version(version)
    where = required_location(location) if location.strip() else ""
    return Definition(
        name,
        number,
        where or found_location(work, name, number),
        step or bool(part),
        part,  # type: ignore[arg-type]  # it is one of those
    )


def images_of(work: Work) -> dict[str, Image]:
    """Return the images that were uploaded, by their names."""
    rows = work.connection.execute(IMAGES).fetchall()
    return {image.name: image for image in map(Image.from_row, rows)}


def definitions_of(work: Work, place: Place) -> list[Definition]:
    """Return what is defined for *place* itself."""
    rows = work.connection.execute(_DEFINITIONS, place.row).fetchall()
    return [definition_from_row(*row) for row in rows]


def _row(one: Definition) -> dict[str, Any]:
    return {
        "model": one.model,
        "part": one.part,
        "version": str(one.version),
        "location": one.location,
        "step": one.step,
    }


def _told(one: Definition) -> dict[str, Any]:
    return _row(one)


def _revision(work: Work, document: bytes) -> str:
    # Keyed: who is shown the document without credentials must not try some.
    return work.keyring.tag(document, purpose="firmware revision").hex()


def _named(scope: str, target: str) -> str:
    return f"{scope} {target.strip()}".strip()


def _model_for(work: Work, scope: str, place: Place, model: str) -> str:
    """Return the model that is named, or the one that the device is known to be."""
    if model.strip():
        return required_model(model)
    rows = (
        work.connection.execute(_DEVICE, {"mac": place.key}).fetchall()
        if scope == "device"
        else []
    )
    if rows and rows[0][2]:
        return required_model(rows[0][2])
    raise FirmwareError("Name the model: nothing is known of the phone yet.")


def place_of(work: Work, scope: str, target: str, *, make: bool = False) -> Place:
    """Return the scope that is named; raises OperatorError.

    With *make* a device is made of which nothing was known.
    """
    match scope:
        case "engine":
            work.require_everywhere()
            return Place("engine", 0)
        case "domain":
            return Place("domain", work.domain_id(target))
        case "group":
            name, _, domain = target.strip().rpartition("@")
            return Place("group", groups.found(work, domain, name))
        case "device":
            mac = required_mac(target)
            work.require_reached(mac)
            if make:
                work.connection.execute(_ADD_DEVICE, {"mac": mac, "no": False})
            return Place("device", mac)
    raise OptionError(
        f"Firmware is not said for {scope!r}: it is for one of {', '.join(SCOPES)}."
    )


def prepare(work: Work, place: Place) -> None:
    """See to it that the phones of *place* ask by its handle, and ask anew."""
    if place.scope != "engine":
        none_yet = not work.connection.execute(_HAS_SCOPES).fetchall()[0][0]
        made = {**place.row, "handle": new_handle()}
        if work.connection.execute(_ADD_SCOPE, made).fetchall() and none_yet:
            # Workers look for handles only once they know that there are some.
            work.touched("all", 0)
    _touch(work, place)


def _touch(work: Work, place: Place) -> None:
    if place.scope == "engine":
        work.touched("all", 0)
    elif place.scope == "group":
        work.touched("domain", _domain_of(work, place.key))
    else:
        work.touched(place.scope, place.key)


def _domain_of(work: Work, group_id: int) -> int:
    rows = work.connection.execute(_DOMAIN_OF_GROUP, {"id": group_id}).fetchall()
    return int(rows[0][0])


def new_handle() -> str:
    """Return a handle that nobody can guess: 26 letters and digits, 128 bits."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()
