import hashlib
import inspect
import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bootwave.control.operations import OPERATIONS, method_name, run
from bootwave.errors import (
    BootwaveError,
    OperatorError,
)
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.audit import verify
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.proofs.credentials import make
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.store.authority import certificate, digest, encoded
from tests.store.listed import accounts_of, notes_of, windows_of

ACCOUNT = "401@a.example.com"


def test_every_operation_of_the_command_line_is_here() -> None:
    for operation in OPERATIONS:
        method = getattr(Administration, method_name(operation))
        assert inspect.getdoc(method)


def test_results_are_what_json_can_carry(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT, mac="0004132E08B4")
    results: list[Any] = [
        admin.domain_list(),
        accounts_of(admin),
        admin.account_show(ACCOUNT),
        admin.window_open([ACCOUNT]),
        windows_of(admin),
        admin.records_page("devices", seen=True),
        admin.device_show("0004132E08B4"),
        admin.account_import([{"extension": "x y"}]),
        admin.settings_set("engine", "", "language", "Deutsch"),
        admin.settings_list("engine"),
        admin.keys_set("engine", "", 0, "line"),
        admin.keys_list("engine"),
        admin.window_close([ACCOUNT]),
        admin.account_unbind(ACCOUNT),
        admin.account_remove(ACCOUNT),
        admin.domain_remove("a.example.com"),
    ]
    for result in results:
        assert orjson.loads(orjson.dumps(result)) == result
        assert "secret-word" not in repr(result)


def test_passwords_are_in_no_error_and_no_repr(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT)
    for wrong in ("hunter2\x00", "hunter2\n", "hunter2" * 100):
        with pytest.raises(BootwaveError) as raised:
            admin.account_set(ACCOUNT, password=wrong)
        assert "hunter2" not in str(raised.value)
    result = admin.account_import(
        [{"extension": "402", "domain": "a.example.com", "password": "hunter2\x00"}]
    )
    assert "hunter2" not in repr(result)


IMAGE = hashlib.sha256(b"image").hexdigest()
CHANGES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("domain.add", {"name": "b.example.com"}, ["domain.added"]),
    (
        "domain.set",
        {"name": "b.example.com", "language": "Deutsch"},
        ["domain.changed"],
    ),
    (
        "account.add",
        {"account": "1@b.example.com", "password": "canary", "mac": "000413000001"},
        ["account.added", "account.bound"],
    ),
    (
        "account.set",
        {"account": "1@b.example.com", "password": "canary-2"},
        ["account.changed"],
    ),
    ("account.export", {"passwords": True}, ["accounts.exported"]),
    ("window.open", {"accounts": ["1@b.example.com"]}, ["window.opened"]),
    ("window.close", {"accounts": ["1@b.example.com"]}, ["window.closed"]),
    (
        "settings.set",
        {"scope": "engine", "target": "", "name": "http_pass", "value": "canary"},
        ["setting.set"],
    ),
    (
        "settings.unset",
        {"scope": "engine", "target": "", "name": "http_pass"},
        ["setting.unset"],
    ),
    (
        "keys.set",
        {"scope": "domain", "target": "b.example.com", "index": 0, "value": "line"},
        ["key.set"],
    ),
    ("keys.clear", {"scope": "domain", "target": "b.example.com"}, ["keys.cleared"]),
    ("profile.add", {"domain": "b.example.com", "name": "p"}, ["profile.added"]),
    (
        "profile.assign",
        {"domain": "b.example.com", "name": "p", "accounts": ["1"]},
        ["profile.assigned"],
    ),
    (
        "profile.remove",
        {"domain": "b.example.com", "name": "p", "force": True},
        ["profile.removed"],
    ),
    ("group.add", {"domain": "b.example.com", "name": "g"}, ["group.added"]),
    (
        "group.assign",
        {"domain": "b.example.com", "name": "g", "macs": ["000413000001"]},
        ["group.assigned"],
    ),
    (
        "rollout.start",
        {"scope": "device", "target": "000413000001"},
        ["rollout.started"],
    ),
    ("rollout.pause", {"rollout": 1}, ["rollout.paused"]),
    ("rollout.resume", {"rollout": 1}, ["rollout.resumed"]),
    ("rollout.cancel", {"rollout": 1}, ["rollout.cancelled"]),
    (
        "rollout.firmware",
        {
            **{"scope": "device", "target": "000413000001", "model": "snom370"},
            "version": "8.7.5.35",
            "location": "http://downloads.snom.com/a.bin",
        },
        ["rollout.started"],
    ),
    ("rollout.cancel", {"rollout": 2, "withdraw": True}, ["rollout.cancelled"]),
    ("group.remove", {"domain": "b.example.com", "name": "g"}, ["group.removed"]),
    ("device.reset", {"mac": "000413000001"}, ["device.reset"]),
    (
        "token.make",
        {"domain": "b.example.com", "required": True},
        ["token.made"],
    ),
    ("token.rotate", {"mac": "000413000001"}, ["token.rotated"]),
    (
        "token.require",
        {"domain": "b.example.com", "required": False},
        ["token.required"],
    ),
    ("token.show", {"domain": "b.example.com"}, ["token.shown"]),
    ("token.remove", {"domain": "b.example.com"}, ["token.removed"]),
    (
        "phonebook.import",
        {
            "scope": "domain",
            "target": "b.example.com",
            "rows": [{"name": "Anna", "number": "402"}],
        },
        ["phonebook.imported"],
    ),
    (
        "phonebook.clear",
        {"scope": "domain", "target": "b.example.com"},
        ["phonebook.cleared"],
    ),
    ("dialplan.set", {"domain": "b.example.com", "match": "9*"}, ["dialplan.set"]),
    ("dialplan.unset", {"domain": "b.example.com", "match": "9*"}, ["dialplan.unset"]),
    ("dialplan.clear", {"domain": "b.example.com"}, ["dialplan.cleared"]),
    (
        "language.set",
        {
            "domain": "b.example.com",
            "kind": "gui",
            "name": "Deutsch",
            "url": "http://x/gui_lang_DE.xml",
        },
        ["language.set"],
    ),
    (
        "language.unset",
        {"domain": "b.example.com", "kind": "gui", "name": "Deutsch"},
        ["language.unset"],
    ),
    (
        "trust.add",
        {"domain": "b.example.com", "certificates": [encoded(certificate())]},
        ["trust.added"],
    ),
    (
        "trust.remove",
        {"domain": "b.example.com", "digest": digest(certificate())},
        ["trust.removed"],
    ),
    (
        "certificate.block",
        {"serial": "0a1b", "reason": "it was stolen"},
        ["certificate.blocked"],
    ),
    ("certificate.unblock", {"serial": "0a1b"}, ["certificate.unblocked"]),
    (
        "device.credentials.rotate",
        {"mac": "000413000001"},
        ["credentials.rotated"],
    ),
    (
        "device.credentials.revoke",
        {"mac": "000413000001"},
        ["credentials.revoked"],
    ),
    ("document.revealed", {"mac": "000413000001"}, ["document.revealed"]),
    (
        "firmware.upload",
        {"sha256": IMAGE, "size": 5, "name": "snom370-8.5.36-SIP-f.bin"},
        ["firmware.uploaded"],
    ),
    (
        "firmware.set",
        {"scope": "engine", "target": "", "model": "snom370", "version": "8.5.36"},
        ["firmware.defined"],
    ),
    (
        "firmware.unset",
        {"scope": "engine", "target": "", "model": "snom370"},
        ["firmware.defined"],
    ),
    ("firmware.remove", {"name": IMAGE}, ["firmware.removed"]),
    (
        "firmware.import",
        {
            "scope": "domain",
            "target": "b.example.com",
            "document": "<firmware-settings>"
            '<firmware model="snom370" version="8">http://dect.snom.com</firmware>'
            "</firmware-settings>",
        },
        ["firmware.defined"],
    ),
    (
        "firmware.pin",
        {
            **{"scope": "device", "target": "000413000001"},
            **{"model": "snom370", "version": "keep"},
        },
        ["firmware.pinned"],
    ),
    (
        "firmware.unpin",
        {"scope": "device", "target": "000413000001", "model": "snom370"},
        ["firmware.unpinned"],
    ),
    (
        "firmware.forbid",
        {"scope": "engine", "target": "", "model": "snom370", "version": "8"},
        ["firmware.forbidden"],
    ),
    (
        "firmware.permit",
        {"scope": "engine", "target": "", "model": "snom370", "version": "8"},
        ["firmware.permitted"],
    ),
    (
        "redirection.set",
        {"user": "reseller", "password": "canary", "url": "https://a.example.com"},
        ["redirection.set"],
    ),
    ("redirection.sync", {}, ["redirection.synced"]),
    ("redirection.unset", {}, ["redirection.unset"]),
    (
        "account.import",
        {"rows": [{"extension": "2@b.example.com", "password": "canary"}]},
        ["accounts.imported"],
    ),
    (
        "bulk",
        {
            "domains": [{"name": "c.example.com"}],
            "accounts": [{"extension": "3@c.example.com", "password": "canary"}],
            "open_minutes": 5.0,
        },
        ["accounts.imported"],
    ),
    ("account.bind", {"account": "1@b.example.com", "mac": "?"}, ["account.bound"]),
    ("account.unbind", {"account": "1@b.example.com"}, ["account.unbound"]),
    ("account.remove", {"account": "1@b.example.com"}, ["account.removed"]),
    ("domain.remove", {"name": "c.example.com", "force": True}, ["domain.removed"]),
    (
        "admin.add",
        {"name": "otto", "password": "canary-canary"},
        ["administrator.added"],
    ),
    (
        "admin.set",
        {"name": "otto", "role": "domain", "domains": ["b.example.com"]},
        ["administrator.changed"],
    ),
    (
        "admin.password",
        {"name": "otto", "password": "canary-canary"},
        ["administrator.password"],
    ),
    ("admin.link", {}, ["setup.link"]),
    ("admin.token.add", {"name": "pbx", "scopes": ["read"]}, ["apitoken.added"]),
    ("admin.token.revoke", {"name": "pbx"}, ["apitoken.revoked"]),
    ("admin.remove", {"name": "otto"}, ["administrator.removed"]),
]


def test_whatever_changes_something_is_in_the_audit_log_without_secrets(
    admin: Administration,
    connection: sqlite3.Connection,
    keyring: KeyRing,
    log: SightingLog,
    tmp_path: Path,
) -> None:
    reading = {
        "account.show",
        "domain.show",
        "device.check",
        "device.show",
        "profile.show",
        "rollout.show",
        "redirection.status",
        "redirection.troubled",
        "records.page",
        "events.read",
    }
    # What these change is told in test_imports and test_wholedomain.
    reading |= {f"stage.{op}" for op in ("begin", "add", "drop", "import", "replace")}
    reading.add("settings.ranges")
    reading |= {"firmware.images", "firmware.export", "firmware.explain"}
    reading.add("firmware.discard")  # a file that is no image
    ImageFolder(tmp_path / "images").take(io.BytesIO(b"image"), 100)
    served, runs = Reason.SERVED_WINDOW, "snom370 8.7.3.19"
    log.append([Sighting(1.7e9, 0x000413000001, "10.0.0.7", served, runs)])
    told = set()
    secrets: list[str] = []
    for op, arguments, actions in CHANGES:
        if op == "device.credentials.rotate":  # what a first fetch makes
            assert make(connection, keyring, 0x000413000001, 1.7e9)
        if op == "rollout.firmware":  # what a fetch is known by
            connection.execute("UPDATE devices SET model = 'snom370'")
        before = len(notes_of(admin, limit=1000))
        result = run(admin, op, arguments, actor="anna")
        secrets.append(result.get("token", "canary"))
        rows = notes_of(admin, limit=1000)
        new = rows[: len(rows) - before]
        assert sorted(row["action"] for row in new) == sorted(actions), op
        assert {row["actor"] for row in new} == {"anna"}
        told.add(op)
    others = {op for op in OPERATIONS if op.endswith(".list")}
    assert told == OPERATIONS - others - reading
    everything = repr(notes_of(admin, limit=1000))
    assert not [secret for secret in secrets if secret in everything]
    assert not verify(connection).broken_at


def test_what_was_only_tried_is_not_in_the_audit_log(
    admin: Administration, add: Callable[..., None]
) -> None:
    add(ACCOUNT)
    before = notes_of(admin)
    rows = [{"extension": "402@a.example.com", "password": "x"}]
    admin.account_import(rows, dry_run=True)
    with pytest.raises(OperatorError):
        admin.window_open([ACCOUNT, "999@a.example.com"])
    admin.window_close([ACCOUNT])
    assert notes_of(admin) == before
