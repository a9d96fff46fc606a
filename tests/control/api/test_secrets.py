"""Secrets are shown where they are revealed and nowhere else: planted, and looked for.

Every route is asked, right and wrong, by whoever may look; what it answered, what the
log said, what was counted and written down is searched, in several spellings.
"""

import base64
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import httpx
import orjson
import pytest

from bootwave.control import eventfeed
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.layers import LAYERS
from bootwave.options import Options
from bootwave.quoting import MASK
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, A, Served, never
from tests.control.api.test_admission import EVENTS, ROUTES, path_of

PLANTED = "Canary"
SIP, WEB, KEY, QUERY = (f"{PLANTED}-{what}-word" for what in ("sip", "web", "k", "q"))
SERVICE, TYPED, OWN = (f"{PLANTED}-{what}-word" for what in ("service", "typed", "a"))
URL = f"http://user:{KEY}@pbx.example.com/open?token={QUERY}"
ASKED = "?model=snomD785&version=10.1.198.19"
MEMBERS = ("password", "token", "name", "value", "domain", "nonsense")


def spellings(secret: str) -> set[bytes]:
    """Return how *secret* may stand somewhere."""
    plain = secret.encode()
    found = {plain, quote(secret, safe="").encode(), plain.hex().encode()}
    for shift in range(3):  # as a part of something longer
        coded = base64.b64encode(b"x" * shift + plain)
        found.add(coded[4 if shift else 0 : -4])
    return found


@pytest.fixture
def options(options: Options) -> Options:
    """Phones may load images from elsewhere."""
    firmware = options.firmware.model_copy(update={"hosts": ("images.example.com",)})
    return options.model_copy(update={"firmware": firmware})


def happen(api: Served) -> None:
    SightingLog(api.options.store.sightings).append(
        [Sighting(time.time(), int(MAC, 16), "192.168.1.7", Reason.SERVED_WINDOW, "")]
    )


@pytest.fixture
def secrets(api: Served, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Everything that may hold a secret holds one; A has one of each."""
    monkeypatch.setattr(eventfeed, "LOOK_SECONDS", 0.02)
    made = {SIP, WEB, KEY, QUERY, SERVICE, TYPED, OWN}
    account = f"401@{A}"
    api.call("account.set", account=account, password=SIP)
    api.call("account.bind", account=account, mac=MAC)
    api.call("profile.add", domain=A, name="sales")
    api.call("profile.assign", domain=A, name="sales", accounts=[account])
    api.call("group.add", domain=A, name="north")
    api.call("group.assign", domain=A, name="north", macs=[MAC])
    made.add(api.call("token.make", domain=A)["token"])
    targets = {
        **{"engine": "", "model": "D785", "firmware": "D785 8.4-8.7", "domain": A},
        **{"profile": f"sales@{A}", "account": account, "device": MAC},
    }
    for layer in LAYERS:
        at = {"scope": layer.scope, "target": targets[layer.scope]}
        api.call("settings.set", **at, name="http_pass", value=WEB)
        api.call("settings.set", **at, name="action_incoming_url", value=URL)
        api.call("keys.set", **at, index=3, value=f"url {URL}", label="door")
    api.call("redirection.set", user="us", password=SERVICE, url="https://e.example")
    language = f"http://user:{KEY}@pbx.example.com/gui_lang_DE.xml?token={QUERY}"
    api.call("language.set", domain=A, kind="gui", name="Deutsch", url=language)
    happen(api)
    at_night = {"scope": "domain", "target": A, "hours": never()}
    assert api.call("rollout.start", **at_night)["id"] == 1
    # As one of firmware has it, for which a phone would have to say what it is.
    image = f"http://images.example.com/f.bin?token={QUERY}"
    with closing(sqlite3.connect(api.options.store.database)) as connection:
        connection.execute("UPDATE rollouts SET location = ?", (image,))
        connection.commit()
    for scope, target in (("engine", ""), ("domain", A), ("device", MAC)):
        args = {"scope": scope, "target": target, "model": "D785"}
        version = {"version": "10.1.198.19", "location": image}
        api.call("firmware.set", **args, **version)
    for name, role, domains in (
        ("reader", "read-only", []),
        ("looks", "read-only", [A]),
        ("ofa", "domain", [A]),
        ("all", "operator", []),
        ("somebody", "read-only", [A]),
    ):
        api.call("admin.add", name=name, password=OWN, role=role, domains=domains)
    made.add(api.call("admin.link")["token"])
    return made


def answers(
    client: httpx.Client, *, changing: bool
) -> Iterator[tuple[str, int, bytes]]:
    """Yield what each route that reveals nothing answers, with its name and status."""
    # Signing out ends what is asked with.
    for route in sorted(ROUTES, key=lambda each: each.path == "/api/v1/session"):
        (method,) = route.methods
        if route.declared.need is Need.REVEAL or (method != "GET") is not changing:
            continue
        # Wrong in each member: what is told of it must not quote it.
        body = {name: [TYPED] for name in MEMBERS}
        content = orjson.dumps(body) if changing and method != "DELETE" else None
        headers = {"Content-Type": "application/json"} if content else {}
        path = path_of(route) + (ASKED if "/explanation" in route.path else "")
        said = f"{TYPED},{TYPED}\n{TYPED}".encode()
        ways = [(content, headers)]
        if route.declared.streams:
            ways.append((said, {"Content-Type": "text/csv"}))
        for text, fields in ways:
            with client.stream(method, path, content=text, headers=fields) as answer:
                told = b""
                if answer.headers.get("content-type") == EVENTS:
                    for piece in answer.iter_raw():
                        told += piece
                        if b"event: sighting" in told and b"event: rollout" in told:
                            break
                else:
                    told = answer.read()
                head = repr(answer.headers.raw).encode()
                name = f"{method} {path.partition('?')[0]}"
                yield name, answer.status_code, head + told


def leaks(told: list[tuple[str, bytes]], secrets: set[str]) -> set[tuple[str, str]]:
    spelled = {spelling: secret for secret in secrets for spelling in spellings(secret)}
    return {
        (where, secret)
        for where, raw in told
        for spelling, secret in spelled.items()
        if spelling in raw
    }


def test_secrets_stand_in_no_answer_and_in_no_log(
    api: Served, secrets: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[tuple[str, bytes]] = []
    shown: dict[str, set[str]] = {}
    clients = {
        name: api.signed_in(name, OWN) for name in ("reader", "looks", "ofa", "all")
    }
    clients["token"] = api.token("read", "write", "access")
    for client in clients.values():
        for name in ("bootwave", "__Host-bootwave"):
            if secret := client.cookies.get(name):
                secrets.add(secret)
        if bearer := client.headers.get("authorization"):
            secrets.add(bearer.removeprefix("Bearer "))
    # Events are told from here on, to each.
    first = {"Last-Event-ID": api.last_event()}
    happen(api)
    for who, client in clients.items():
        client.headers.update(first)
        for name, status, raw in answers(client, changing=False):
            told.append((f"{who} {name}", raw))
            if status == 200:
                shown.setdefault(who, set()).add(name)
    reads = {
        f"GET {path_of(route)}"
        for route in ROUTES
        if "GET" in route.methods and route.declared.need is not Need.REVEAL
    }
    # What is not there has nothing to hide: everything else was really shown.
    not_there = {f"GET /api/v1/redirection/phones/{MAC}"}
    assert reads - shown["all"] <= not_there
    assert len(shown["looks"]) > len(reads) / 2
    wrong = {"name": "all", "password": TYPED}
    refused = api.client().post("/api/v1/session", json=wrong)
    told.append(("a wrong password", refused.content))
    for way in ({"Authorization": f"Bearer {TYPED}"}, {"Cookie": f"bootwave={TYPED}"}):
        refused = api.client().get(f"/api/v1/domains/{TYPED}?x={TYPED}", headers=way)
        told.append(("a wrong proof", refused.content))
    for who in ("token", "ofa"):
        client = clients[who]
        told += [
            (f"{who} {name}", raw) for name, _, raw in answers(client, changing=True)
        ]
    told.append(("the audit log", orjson.dumps(api.notes(limit=1_000))))
    told.append(("metrics", api.call("engine.metrics")["text"].encode()))
    # Not that of the clients here, who tell what they send.
    of_server = (one for one in caplog.records if not one.name.startswith("http"))
    text = "\n".join(map(logging.Formatter().format, of_server))
    told.append(("the log", text.encode()))
    assert len(told) > 300
    assert leaks(told, secrets) == set()


@pytest.mark.parametrize(
    ("method", "path", "member", "spoilt"),
    [
        ("PUT", f"/api/v1/domains/{A}/settings/setting_server", "value", " x"),
        ("PUT", f"/api/v1/domains/{A}/keys/3", "value", ""),
        ("PUT", f"/api/v1/domains/{A}/languages/gui/Deutsch", "url", " x"),
        ("PUT", "/api/v1/firmware/D785/versions/10.1.1.1", "location", ""),
        ("PATCH", "/api/v1/redirection", "url", ""),
        ("PATCH", f"/api/v1/domains/{A}", "outbound_proxy", ""),
    ],
)
def test_no_error_repeats_what_a_url_carries(
    admin: httpx.Client, method: str, path: str, member: str, spoilt: str
) -> None:
    sent = {"user": "u", "password": "p"} if path.endswith("redirection") else {}
    sent[member] = f"http://u:{KEY}@pbx.example.com/{spoilt}"
    headers = {"If-Match": "*"} if path.endswith(A) else {}
    answer = admin.request(method, path, json=sent, headers=headers)
    assert answer.status_code == 422, answer.text
    assert KEY not in answer.text


def test_what_is_set_is_told_without_secrets(admin: httpx.Client) -> None:
    for path, member, value in (
        ("settings/http_pass", "value", WEB),
        ("settings/action_incoming_url", "value", URL),
        ("keys/3", "value", f"url {URL}"),
        ("languages/gui/Deutsch", "url", URL.replace("open", "gui_lang_DE.xml")),
    ):
        answer = admin.put(f"/api/v1/domains/{A}/{path}", json={member: value})
        assert answer.status_code == 200, answer.text
        assert MASK in answer.json()[member]
        assert leaks([(path, answer.content)], {WEB, KEY, QUERY}) == set()


def test_what_reveals_is_found(api: Served, secrets: set[str]) -> None:
    revealing: list[tuple[str, bytes]] = []
    client = api.token("reveal")
    for route in ROUTES:
        if route.declared.need is Need.REVEAL and "GET" in route.methods:
            path = path_of(route)
            revealing.append((path, client.get(path).content))
    found = leaks(revealing, secrets)
    assert {secret for _, secret in found} > {SIP, WEB, KEY, QUERY}
    assert {path for path, _ in found} == {path for path, _ in revealing}
