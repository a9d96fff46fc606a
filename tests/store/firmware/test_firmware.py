"""What administrators say of firmware, and what it makes workers forget."""

import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootwave.errors import (
    FirmwareError,
    OperatorError,
    OptionError,
    StoreConflict,
    StoreNotFound,
)
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from bootwave.store.firmware import firmware
from bootwave.store.firmware.firmware import new_handle
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.firmware.rows import Place
from tests.store.listed import notes_of

MAC = "0004132E08B4"
DOMAIN = "a.example.com"
AT = "http://downloads.snom.com/fw/"
ENGINE: dict[str, Any] = {"scope": "engine", "target": ""}
FOR_DOMAIN: dict[str, Any] = {"scope": "domain", "target": DOMAIN}
FOR_DEVICE: dict[str, Any] = {"scope": "device", "target": MAC}


def define(
    admin: Administration, version: str, model: str = "snom370", **given: Any
) -> dict[str, Any]:
    where = {"location": AT + f"{model}-{version}.bin", **ENGINE, **given}
    return admin.firmware_set(model=model, version=version, **where)


def definitions(admin: Administration, **scope: Any) -> list[str]:
    found = admin.firmware_list(**{**ENGINE, **scope})["definitions"]
    return [f"{one['model']} {one['version']}{'*' * one['step']}" for one in found]


def handles(connection: sqlite3.Connection) -> dict[tuple[str, int], str]:
    rows = connection.execute("SELECT scope, key, handle FROM firmware_scopes")
    return {(scope, key): handle for scope, key, handle in rows.fetchall()}


def test_a_model_has_one_version_to_run(
    admin: Administration, told: list[list[Change]]
) -> None:
    assert define(admin, "8.4.35")["replaced"] == []
    assert told[-1] == [EVERYTHING]
    done = define(admin, "8.5.36")
    assert [one["version"] for one in done["replaced"]] == ["8.4.35"]
    define(admin, "8.4.35", "snom320")
    assert definitions(admin) == ["snom320 8.4.35", "snom370 8.5.36"]


def test_steps_and_parts_stand_beside_it(admin: Administration) -> None:
    define(admin, "8.5.36")
    define(admin, "7.3.30", step=True)
    define(admin, "6.5.20", step=True)
    define(admin, "3.36", part="rootfs")
    assert definitions(admin) == [
        *("snom370 3.36.0*", "snom370 6.5.20*", "snom370 7.3.30*", "snom370 8.5.36"),
    ]
    # What was a step may become the version to run, and the other way round.
    define(admin, "7.3.30")
    assert definitions(admin) == [
        *("snom370 3.36.0*", "snom370 6.5.20*", "snom370 7.3.30"),
    ]


def test_what_is_unset_is_gone(admin: Administration) -> None:
    define(admin, "8.5.36")
    define(admin, "7.3.30", step=True)
    done = admin.firmware_unset(**ENGINE, model="snom370", version="7.3.30.0")
    assert [one["version"] for one in done["removed"]] == ["7.3.30"]
    assert definitions(admin) == ["snom370 8.5.36"]
    admin.firmware_unset(**ENGINE, model="snom370")
    assert definitions(admin) == []
    with pytest.raises(StoreNotFound, match="Nothing of snom370"):
        admin.firmware_unset(**ENGINE, model="snom370")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"location": "http://other.example/a.bin"}, "firmware.hosts"),
        ({"location": "a.bin"}, "there is no image a.bin"),
        ({"location": ""}, "No image of snom370 8.5.36 was uploaded"),
        ({"location": "ftp://a/b"}, "no URL of an image"),
        ({"model": "yealink"}, "no phone model"),
        ({"version": "new"}, "no firmware version"),
        ({"part": "kernel"}, "rootfs or linux"),
    ],
)
def test_what_could_never_be_told_is_refused(
    admin: Administration, given: dict[str, str], sentence: str
) -> None:
    wanted = {"version": "8.5.36", "model": "snom370", **given}
    with pytest.raises(FirmwareError, match=sentence):
        define(admin, **wanted)
    assert definitions(admin) == []


def test_the_image_that_was_uploaded_for_it_is_found(
    admin: Administration, tmp_path: Path
) -> None:
    upload(admin, tmp_path, "snom370-8.5.36-SIP-f.bin")
    done = define(admin, "8.5.36", location="")
    assert done["location"] == "snom370-8.5.36-SIP-f.bin"
    (one,) = admin.firmware_list(**ENGINE)["definitions"]
    assert one["state"] == ""
    ImageFolder(tmp_path / "images").remove(admin.firmware_images()[0]["sha256"])
    (one,) = admin.firmware_list(**ENGINE)["definitions"]
    assert one["state"] == "the file of the image is missing"


def upload(admin: Administration, tmp_path: Path, name: str) -> dict[str, Any]:
    taken = ImageFolder(tmp_path / "images").take(io.BytesIO(name.encode()), 1000)
    return admin.firmware_upload(taken.sha256, taken.size, name)


def test_a_scope_gets_its_handle_with_its_first_rule_and_keeps_it(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    told: list[list[Change]],
) -> None:
    add(f"401@{DOMAIN}", mac=MAC)
    (domain_id,) = connection.execute("SELECT id FROM domains").fetchone()
    admin.firmware_list(**FOR_DOMAIN)
    define(admin, "8.4.35")
    assert handles(connection) == {}
    define(admin, "8.5.36", **FOR_DOMAIN)
    # The first of all: until now no worker looked for any.
    assert told[-1] == [EVERYTHING]
    admin.firmware_pin(**FOR_DEVICE, model="snom370", version="keep")
    assert told[-1] == [Change("device", int(MAC, 16))]
    found = handles(connection)
    assert set(found) == {("domain", domain_id), ("device", int(MAC, 16))}
    assert {len(handle) for handle in found.values()} == {26}
    admin.firmware_unset(**FOR_DOMAIN, model="snom370")
    assert told[-1] == [Change("domain", domain_id)]
    define(admin, "8.5.36", **FOR_DOMAIN)
    assert handles(connection) == found


def test_handles_are_never_the_same() -> None:
    assert len({new_handle() for _ in range(100)}) == 100
    assert new_handle().isalnum()


def test_pins(admin: Administration, told: list[list[Change]]) -> None:
    pinned = admin.firmware_pin(**ENGINE, model="snom370", version="v8.4.35.0")
    assert pinned == {"model": "snom370", "version": "8.4.35", "warnings": []}
    admin.firmware_pin(**ENGINE, model="snom370", version="KEEP")
    assert admin.firmware_list("engine")["pins"] == [
        {"model": "snom370", "version": "keep"}
    ]
    told.clear()
    admin.firmware_unpin(**ENGINE, model="snom370")
    assert told == [[EVERYTHING]]
    with pytest.raises(StoreNotFound, match="is not pinned"):
        admin.firmware_unpin(**ENGINE, model="snom370")
    with pytest.raises(FirmwareError, match="Name the model"):
        admin.firmware_pin(**ENGINE, version="keep")


def test_a_device_is_pinned_as_the_model_it_is(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    add(f"401@{DOMAIN}", mac=MAC)
    with pytest.raises(FirmwareError, match="Name the model"):
        admin.firmware_pin(**FOR_DEVICE, version="keep")
    connection.execute("UPDATE devices SET model = 'snom370'")
    assert admin.firmware_pin(**FOR_DEVICE, version="keep")["model"] == "snom370"
    assert admin.firmware_unpin(**FOR_DEVICE)["model"] == "snom370"


def test_forbidden_versions(admin: Administration, told: list[list[Change]]) -> None:
    admin.firmware_forbid(**ENGINE, model="snom370", version="8.5.36", reason="loops")
    assert admin.firmware_list("engine")["forbidden"] == [
        {"model": "snom370", "version": "8.5.36", "why": "loops"}
    ]
    told.clear()
    admin.firmware_permit(**ENGINE, model="snom370", version="8.5.36.0")
    assert told == [[EVERYTHING]]
    with pytest.raises(StoreNotFound, match="is not forbidden"):
        admin.firmware_permit(**ENGINE, model="snom370", version="8.5.36")


def test_a_document_says_everything_of_its_scope(
    admin: Administration, told: list[list[Change]]
) -> None:
    define(admin, "8.4.35")
    define(admin, "8.4.35", "snom320")
    exported = admin.firmware_export("engine")
    edited = exported["document"].replace("snom370-8.4.35", "snom370-8.5.36")
    edited = edited.replace('snom370" version="8.4.35', 'snom370" version="8.5.36')
    tried = admin.firmware_import(**ENGINE, document=edited, dry_run=True)
    assert not tried["stored"]
    assert definitions(admin) == ["snom320 8.4.35", "snom370 8.4.35"]
    told.clear()
    done = admin.firmware_import(
        **ENGINE, document=edited, revision=exported["revision"]
    )
    assert done == {**tried, "stored": True}
    assert told == [[EVERYTHING]]
    assert [one["version"] for one in done["removed"]] == ["8.4.35"]
    assert [one["version"] for one in done["added"]] == ["8.5.36"]
    assert done["definitions"] == 2
    assert definitions(admin) == ["snom320 8.4.35", "snom370 8.5.36"]
    # Who edited what was there before must not undo it.
    with pytest.raises(StoreConflict, match="changed meanwhile"):
        admin.firmware_import(**ENGINE, document=edited, revision=exported["revision"])


def test_a_document_that_changes_nothing_touches_nothing(
    admin: Administration, told: list[list[Change]]
) -> None:
    define(admin, "8.4.35")
    document = admin.firmware_export("engine")["document"]
    told.clear()
    before = notes_of(admin)
    done = admin.firmware_import(**ENGINE, document=document)
    assert (done["added"], done["removed"]) == ([], [])
    assert told == []
    assert notes_of(admin) == before


def test_a_wrong_document_changes_nothing(admin: Administration) -> None:
    define(admin, "8.4.35")
    for wrong in ("", "<firmware-settings>", "\ud800"):
        with pytest.raises(FirmwareError, match="Line 1"):
            admin.firmware_import(**ENGINE, document=wrong)
    document = admin.firmware_export("engine")["document"]
    other = document.replace("downloads.snom.com", "other.example")
    with pytest.raises(FirmwareError, match=r"firmware\.hosts"):
        admin.firmware_import(**ENGINE, document=other)
    assert definitions(admin) == ["snom370 8.4.35"]


def test_what_was_allowed_once_does_not_stop_an_edit_of_something_else(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    define(admin, "8.4.35")
    connection.execute(
        "UPDATE firmware_definitions SET location = 'http://gone.example/a.bin'"
    )
    document = admin.firmware_export("engine")["document"]
    more = document.replace(
        "</firmware-settings>",
        f'<firmware model="snom320" version="8">{AT}a.bin</firmware>'
        "</firmware-settings>",
    )
    admin.firmware_import(**ENGINE, document=more)
    states = [one["state"] for one in admin.firmware_list("engine")["definitions"]]
    assert states == ["", "its host is not one of firmware.hosts"]


def test_what_a_phone_would_be_told_is_explained(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(f"401@{DOMAIN}", mac=MAC)
    define(admin, "8.7.5.35")
    define(admin, "8.4.35", step=True)
    found = admin.firmware_explain(**ENGINE, model="snom370", version="7.3.30")
    assert found["told"]["version"] == "8.4.35"
    assert [one["version"] for one in found["way"]] == ["8.4.35", "8.7.5.35"]
    define(admin, "8.5.36", **FOR_DOMAIN)
    for scope in (FOR_DOMAIN, FOR_DEVICE):
        found = admin.firmware_explain(**scope, model="snom370", version="8.4.35")
        assert found["told"]["version"] == "8.5.36"
    admin.firmware_pin(**FOR_DEVICE, model="snom370", version="keep")
    found = admin.firmware_explain(**FOR_DEVICE, model="snom370", version="8.4.35")
    assert (found["told"], found["why"]) == (None, "it is pinned to what it runs")


def test_scopes_that_are_not_there_are_refused(admin: Administration) -> None:
    with pytest.raises(StoreNotFound):
        admin.firmware_list("domain", "other.example.com")
    with pytest.raises(OptionError, match="one of engine, domain, group, device"):
        admin.firmware_list("account", "x")
    for target in ("x", "x@other.example.com", "@", ""):
        with pytest.raises(OperatorError):
            admin.firmware_list("group", target)
    with pytest.raises(OperatorError):
        admin.firmware_list("device", "nonsense")


def test_a_group_is_between_its_domain_and_its_devices(
    admin: Administration, add: Callable[..., None], told: list[list[Change]]
) -> None:
    add(f"401@{DOMAIN}", mac=MAC)
    admin.group_add(DOMAIN, "early")
    admin.group_assign(DOMAIN, "early", [MAC])
    group: dict[str, Any] = {"scope": "group", "target": f"early@{DOMAIN}"}
    define(admin, "8.4.35", **FOR_DOMAIN)
    define(admin, "8.5.36", **group)
    assert told[-1] == [Change("domain", 1)]
    for scope, version in ((FOR_DOMAIN, "8.4.35"), (group, "8.5.36")):
        found = admin.firmware_explain(**scope, model="snom370", version="8.4.18")
        assert found["told"]["version"] == version
    found = admin.firmware_explain(**FOR_DEVICE, model="snom370", version="8.4.18")
    assert found["told"]["version"] == "8.5.36"
    admin.firmware_pin(**FOR_DEVICE, model="snom370", version="8.4.35")
    found = admin.firmware_explain(**FOR_DEVICE, model="snom370", version="8.4.18")
    assert found["told"]["version"] == "8.4.35"


def test_a_version_is_adopted_for_many_devices_as_for_each(
    admin: Administration,
    add: Callable[..., None],
    connection: sqlite3.Connection,
    told: list[list[Change]],
) -> None:
    wanted = Definition("snom370", FirmwareVersion(8, 5, 36), AT + "snom370-8.5.36.bin")
    first = int(MAC, 16)
    macs = [*range(first, first + 8)]
    for number, mac in enumerate(macs):
        add(f"{400 + number}@{DOMAIN}", mac=f"{mac:012X}")
        which = {"scope": "device", "target": f"{mac:012X}"}
        if number % 4 == 1:
            define(admin, "8.4.35", **which)
        if number % 4 == 2:
            define(admin, "8.4.18", **which, step=True)
            define(admin, "8.7.5.48", "snom320", **which)
        if number % 4 == 3:
            define(admin, "8.5.36", **which)
    each, many = macs[:4], macs[4:]

    def logged() -> list[int]:
        return sorted(key - first for kind, key in told[-1] if kind == "device")

    with admin._change() as work:
        for mac in each:
            firmware.adopt(work, Place("device", mac), wanted)
    assert logged() == [0, 1, 2]  # the last one says so already
    with admin._change() as work:
        assert firmware.adopt_for(work, [*many, 4711], wanted) == 4
    assert logged() == [4, 5, 6]
    for one, other in zip(each, many, strict=True):
        said = definitions(admin, scope="device", target=f"{one:012X}")
        assert "snom370 8.5.36" in said
        assert definitions(admin, scope="device", target=f"{other:012X}") == said
        assert {("device", one), ("device", other)} <= handles(connection).keys()


def test_adopting_for_many_devices_asks_no_more_than_for_few(
    admin: Administration, add: Callable[..., None], connection: sqlite3.Connection
) -> None:
    first = int(MAC, 16)
    for number in range(30):
        add(f"{400 + number}@{DOMAIN}", mac=f"{first + number:012X}")

    def asked(phones: int, version: FirmwareVersion) -> int:
        wanted = Definition("snom370", version, AT + "a.bin")
        with admin._change() as work:
            for mac in range(first, first + phones):
                firmware.prepare(work, Place("device", mac))  # as who was told has it
            made: list[str] = []
            connection.set_trace_callback(made.append)
            assert firmware.adopt_for(work, range(first, first + phones), wanted)
            connection.set_trace_callback(None)
        return sum("SELECT" in one for one in made)

    few = asked(2, FirmwareVersion(8, 5, 36))
    assert asked(30, FirmwareVersion(8, 7, 5)) == few
