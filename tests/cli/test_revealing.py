"""No command shows a secret that it was not told to reveal; that it did is noted.

Secrets are planted wherever the store holds some, and every command that shows what is
stored is run, on the files and by an engine.
"""

import inspect
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli import place
from bootwave.cli.tree import TREE
from bootwave.optionsfile import load
from bootwave.quoting import MASK
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.cli.conftest import Command, Done
from tests.cli.test_main import refused
from tests.cli.test_tree import leaves

MAC, DOMAIN = "0004132E08B4", "pbx.example.com"
ACCOUNT, PROFILE = f"401@{DOMAIN}", f"sales@{DOMAIN}"
SIP, WEB, KEY, QUERY, SERVICE, OWN = (
    f"Canary-{what}-word" for what in ("sip", "web", "k", "q", "service", "own")
)
URL = f"http://user:{KEY}@pbx.example.com/open?token={QUERY}"
IMAGE = f"http://downloads.snom.com/f.bin?token={QUERY}"
LANGUAGE = f"http://user:{KEY}@pbx.example.com/gui_lang_DE.xml"
LAYERS = {
    "engine": ("", ("--engine",)),
    "model": ("snomD785", ("--model", "snomD785")),
    "firmware": ("snomD785 8-", ("--model", "snomD785", "--firmware", "8-")),
    "domain": (DOMAIN, ("--domain", DOMAIN)),
    "profile": (PROFILE, ("--profile", PROFILE)),
    "account": (ACCOUNT, ("--account", ACCOUNT)),
    "device": (MAC, ("--device", MAC)),
}
SCOPES = {
    "engine": ("", ()),
    "domain": (DOMAIN, ("--domain", DOMAIN)),
    "group": (f"north@{DOMAIN}", ("--group", f"north@{DOMAIN}")),
    "device": (MAC, ("--device", MAC)),
}
AS_785 = ("--model", "snomD785", "--firmware", "10.1.1.1")

_OF_LAYERS = [options for _, options in LAYERS.values()]
_OF_SCOPES = [options for _, options in SCOPES.values()]
SHOWS: Mapping[str, list[tuple[str, ...]]] = {
    "account list": [()],
    "account show": [(ACCOUNT,)],
    "admin list": [()],
    "admin token list": [()],
    "audit list": [()],
    "audit verify": [()],
    "device check": [(MAC,)],
    "device list": [()],
    "device show": [(MAC,)],
    "device would-serve": [(MAC, "--from", "192.0.2.7")],
    "dialplan list": [(DOMAIN,)],
    "document": [
        (MAC, *AS_785),
        (MAC, "--model", "snom370", "--firmware", "6.5.20"),
        (MAC, "--kind", "files", *AS_785),
        (MAC, "--kind", "general", *AS_785),
        (MAC, "--kind", "firmware", "--model", "snomD785", "--firmware", "9.1"),
        (MAC, "--kind", "phonebook", *AS_785),
        (MAC, "--lint", *AS_785),
    ],
    "domain list": [()],
    "domain show": [(DOMAIN,)],
    "domain trust list": [(DOMAIN,)],
    "firmware explain": [("9.1.1.1", "--model", "snomD785", "--device", MAC)],
    "firmware export": _OF_SCOPES,
    "firmware images": [()],
    "firmware list": _OF_SCOPES,
    "group list": [(DOMAIN,)],
    "group show": [(DOMAIN, "north")],
    "keys list": _OF_LAYERS,
    "language list": [(DOMAIN,)],
    "metrics": [()],
    "options check": [()],
    "phonebook export": [("-", "--format", "csv", "--domain", DOMAIN)],
    "phonebook list": [("--domain", DOMAIN), ("--account", ACCOUNT)],
    "profile list": [(DOMAIN,)],
    "profile show": [(DOMAIN, "sales")],
    "redirection status": [(), (MAC,)],
    "redirection troubled": [()],
    "rollout list": [()],
    "rollout show": [("1",)],
    "search": [
        *((one,) for one in ("domains", "accounts", "devices", "bindings", "windows")),
        *((one,) for one in ("audit", "rollouts", "unknown")),
        *((one, f"domain={DOMAIN}") for one in ("profiles", "groups")),
        *(("rollout-phones", "rollout=1"), ("sightings", f"mac={MAC}")),
    ],
    "settings diff": [
        (MAC, "--set", "http_pass=x"),
        (MAC, "--set", "action_incoming_url=http://x"),
        (MAC, "--key", "P4=line"),
    ],
    "settings explain": [
        (MAC, "http_pass", *AS_785),
        (MAC, "action_incoming_url", *AS_785),
        (MAC, "P4", *AS_785),
    ],
    "settings list": _OF_LAYERS,
    "settings ranges": [()],
    "status": [()],
    "tls blocks": [()],
    "tls check": [()],
    "url": [(), ("snomD785",)],
    "version": [()],
    "window list": [("--all",)],
}
# Whose status tells of what it found.
FINDS = {"device check", "device would-serve", "document", "metrics", "status"}
FINDS |= {"tls check"}
# What is asked for in order to be told a secret.
TELLS: Mapping[str, list[tuple[str, ...]]] = {
    "account export": [("-", "--passwords")],
    "dhcp render": [
        ("--server", "kea", "--domain", DOMAIN, "--url", "http://192.0.2.1")
    ],
    "domain token": [("show", DOMAIN)],
    "url": [("--domain", DOMAIN), (MAC,)],
}
# Who runs, makes or changes something, and shows what he was given or has made.
DOES = {
    " ".join(each.split())
    for each in """
    init, serve, watch, demo, resync, lint, phone boot, pnp probe, tls init, tls dev,
    tls block, tls unblock, store upgrade, store rekey, domain add, domain set,
    domain remove, domain trust add, domain trust remove, account add, account import,
    account replace, account bind, account unbind, account set, account remove,
    profile add, profile assign, profile unassign, profile remove, window open,
    window close, device token, device reset, device credentials rotate,
    device credentials revoke, group add, group assign, group unassign, group remove,
    settings set, settings unset, keys set, keys clear, phonebook import,
    phonebook clear, dialplan set, dialplan unset, dialplan clear,
    language set, language unset, firmware set, firmware unset, firmware pin,
    firmware unpin, firmware forbid, firmware permit, firmware import, firmware edit,
    firmware upload, firmware remove, rollout pause, rollout resume, rollout cancel,
    rollout firmware, redirection set, redirection sync, redirection unset, admin add,
    admin set, admin passwd, admin remove, admin link, admin token add,
    admin token revoke
    """.split(",")
}


def call(op: str, **args: Any) -> Any:
    with place.session() as session:
        return session.call(op, **args)


@pytest.fixture
def secrets(store: Command, options_file: Path) -> set[str]:
    """Everything that may hold a secret holds one."""
    call("account.set", account=ACCOUNT, password=SIP)
    call("profile.add", domain=DOMAIN, name="sales")
    call("profile.assign", domain=DOMAIN, name="sales", accounts=[ACCOUNT])
    call("group.add", domain=DOMAIN, name="north")
    call("group.assign", domain=DOMAIN, name="north", macs=[MAC])
    token = call("token.make", domain=DOMAIN)["token"]
    for scope, (target, _options) in LAYERS.items():
        at = {"scope": scope, "target": target}
        call("settings.set", **at, name="http_pass", value=WEB)
        call("settings.set", **at, name="action_incoming_url", value=URL)
        call("keys.set", **at, index=3, value=f"url {URL}", label="door")
    for scope, (target, _options) in SCOPES.items():
        version = {"model": "snomD785", "version": "10.1.198.19", "location": IMAGE}
        call("firmware.set", scope=scope, target=target, **version)
    call("language.set", domain=DOMAIN, kind="gui", name="Deutsch", url=LANGUAGE)
    call("redirection.set", user="us", password=SERVICE, url="https://e.example")
    call("admin.add", name="anna", password=OWN, role="operator", domains=[])
    options = load(options_file, {}).options
    seen = Sighting(time.time(), int(MAC, 16), "127.0.0.7", Reason.SERVED_WINDOW, "")
    SightingLog(options.store.sightings).append([seen])
    call("rollout.start", scope="device", target=MAC)
    # As one of firmware has it, for which a phone would have to say what it is.
    with closing(sqlite3.connect(options.store.database)) as connection:
        connection.execute("UPDATE rollouts SET location = ?", (IMAGE,))
        connection.commit()
    return {SIP, WEB, KEY, QUERY, SERVICE, OWN, token}


@pytest.fixture(params=["on the files", "by an engine"])
def furnished(
    secrets: set[str], store: Command, request: pytest.FixtureRequest
) -> Command:
    if request.param == "by an engine":
        request.getfixturevalue("engine")
    return store


def told(done: Done, secrets: set[str]) -> set[str]:
    return {secret for secret in secrets if secret in done.out + done.err}


def function_of(path: str) -> Callable[..., Any]:
    module, _, name = leaves(TREE)[path].target.partition(":")
    function: Callable[..., Any] = getattr(
        import_module(f"bootwave.cli.{module}"), name
    )
    return function


def noted() -> int:
    page = call("records.page", resource="audit", limit=1_000)
    return sum(
        one["action"].endswith(("revealed", "shown", "exported"))
        for one in page["rows"]
    )


REVEALS = {
    path
    for path in leaves(TREE)
    if "reveal" in inspect.signature(function_of(path)).parameters
}


def test_every_command_is_looked_at() -> None:
    assert SHOWS.keys() | TELLS.keys() | DOES == leaves(TREE).keys()
    assert not SHOWS.keys() & DOES
    # What is edited is shown in an editor, of which there is a test of its own.
    assert REVEALS - {"firmware edit"} <= SHOWS.keys()


def test_nothing_is_shown_that_was_not_to_be_revealed(
    furnished: Command, secrets: set[str]
) -> None:
    before = noted()
    shown = {}
    for path, ways in SHOWS.items():
        takes_json = "json" in inspect.signature(function_of(path)).parameters
        for way in ways:
            # Standard output is for one of them.
            both = takes_json and "-" not in way
            for more in ((), ("--json",)) if both else ((),):
                done = furnished(*path.split(), *way, *more)
                assert done.out or done.err, (path, way)
                assert done.status == 0 or path in FINDS, (path, way, done.err)
                if found := told(done, secrets):
                    shown[path, way, more] = found
    assert shown == {}
    assert noted() == before


def test_what_is_revealed_is_written_down(
    furnished: Command, secrets: set[str]
) -> None:
    for path in sorted(REVEALS & SHOWS.keys()):
        found = set()
        for way in SHOWS[path]:
            if "--lint" in way:
                continue
            before = noted()
            done = furnished(*path.split(), *way, "--reveal")
            assert done.status == 0, (path, way, done.err)
            assert noted() == before + 1, (path, way)
            found |= told(done, secrets)
        assert found, path


def test_what_is_asked_for_secrets_writes_it_down(
    furnished: Command, secrets: set[str]
) -> None:
    for path, ways in TELLS.items():
        for way in ways:
            before = noted()
            done = furnished(*path.split(), *way)
            assert told(done, secrets), (path, done.err)
            assert noted() == before + 1, (path, way)


def test_events_tell_no_secrets(secrets: set[str]) -> None:
    read = str(call("events.read"))
    assert "downloads.snom.com" in read
    assert not {secret for secret in secrets if secret in read}


def test_what_goes_is_told_without_secrets(store: Command, secrets: set[str]) -> None:
    other = IMAGE.replace("f.bin", "g.bin")
    document = store("firmware", "export", "--reveal").out
    for arguments in (
        ("firmware", "import", "-", "--dry-run"),
        ("firmware", "set", "snomD785", "10.1.198.20", other),
        ("firmware", "unset", "snomD785"),
        ("rollout", "pause", "1"),
        ("rollout", "cancel", "1"),
    ):
        stdin = document.replace("f.bin", "g.bin")
        done = store(*arguments, "--json", stdin=stdin)
        assert "downloads.snom.com" in done.out, done.err
        assert not told(done, secrets), arguments


def test_what_is_set_is_told_without_secrets(
    furnished: Command, secrets: set[str]
) -> None:
    layer = ("--domain", DOMAIN)
    key = ("keys", "set", "P4", f"url {URL}", *layer)
    key += ("--label", URL, "--attribute", f"http_pass={WEB}")
    for arguments, says in (
        (("settings", "set", "http_pass", WEB, *layer), "http_pass"),
        (("settings", "set", "action_incoming_url", URL, *layer), "action_incoming"),
        (key, f"http://user:{MASK}@pbx.example.com"),
        (("language", "set", DOMAIN, "gui", "Deutsch", LANGUAGE), "Deutsch"),
    ):
        for more in ((), ("--json",)):
            done = furnished(*arguments, *more)
            assert says in done.out, done.err
            assert more == () or MASK in done.out
            assert not told(done, secrets), arguments


def test_what_is_shown_for_a_secret_does_not_take_its_place(
    store: Command, secrets: set[str]
) -> None:
    layer = ("--domain", DOMAIN)
    (setting,) = [
        one["value"]
        for one in store("settings", "list", *layer, "--json").json
        if one["name"] == "http_pass"
    ]
    (key,) = store("keys", "list", *layer, "--json").json
    (language,) = store("language", "list", DOMAIN, "--json").json
    (image,) = store("firmware", "list", "--json").json["definitions"]
    document = store("firmware", "export")
    assert "cannot be imported" in document.err
    for arguments in (
        ("settings", "set", "http_pass", setting, *layer),
        ("keys", "set", "P4", key["value"], *layer),
        ("keys", "set", "P4", "line", "--label", key["value"][4:], *layer),
        ("keys", "set", "P4", "line", "--attribute", f"x={setting}", *layer),
        ("language", "set", DOMAIN, "gui", "Deutsch", language["url"]),
        ("firmware", "set", "snomD785", "10.1.198.19", image["location"]),
        ("rollout", "firmware", "snomD785", "10.1.198.21", image["location"]),
        ("firmware", "import", "-"),
    ):
        done = store(*arguments, stdin=document.out)
        assert "stands for a secret that is not shown" in refused(done), arguments
    after = str([store("settings", "list", *layer, "--reveal").out])
    after += store("keys", "list", *layer, "--reveal").out
    after += store("language", "list", DOMAIN, "--reveal").out
    after += store("firmware", "export", "--reveal").out
    assert all(secret in after for secret in (WEB, URL, LANGUAGE, QUERY))


def test_credentials_are_edited_by_who_reveals_them(
    store: Command, secrets: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/f.bin/g.bin/")
    assert "--reveal edits it" in refused(store("firmware", "edit", "--yes"), 2)
    before = noted()
    done = store("firmware", "edit", "--yes", "--reveal")
    assert done.status == 0, done.err
    assert not told(done, secrets)
    assert noted() == before + 1
    changed = store("firmware", "export", "--reveal").out
    assert f"g.bin?token={QUERY}" in changed
