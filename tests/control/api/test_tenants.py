"""One domain's administrator gets at nothing of another, by whatever he names."""

import time
from contextlib import closing

import httpx
import orjson
import pytest

from bootwave.control import eventfeed
from bootwave.sightings import Reason, Sighting
from bootwave.store.connection import connect
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.sightings import SightingLog
from tests.control.api.conftest import MAC, PASSWORD, A, B, Served, never, problem

OTHER = "000413000002"
NEW = "000413000003"


@pytest.fixture(autouse=True)
def there(api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventfeed, "LOOK_SECONDS", 0.02)
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    api.call("account.add", account=f"4019@{A}", password="s3cret-of-sip")
    api.call("account.bind", account=f"401@{B}", mac=OTHER)
    api.call("group.add", domain=B, name="north")


@pytest.fixture
def theirs(api: Served) -> httpx.Client:
    """Who administers B alone."""
    return api.token("read", "write", "reveal", domains=[B])


def happen(
    api: Served, mac: str, source: str, reason: Reason = Reason.SERVED_WINDOW
) -> None:
    seen = Sighting(time.time(), int(mac, 16), source, reason, f"at {source}")
    SightingLog(api.options.store.sightings).append([seen])


def moved(api: Served, source: str) -> str:
    """Have the phone of A seen there and told something, then be bound in B.

    Returns the place in the file of sightings before that.
    """
    happen(api, OTHER, "192.0.2.200")
    before = api.last_event()
    happen(api, MAC, source)
    started = api.call("rollout.start", scope="domain", target=A, hours=never())
    api.call("rollout.cancel", rollout=started["id"])
    api.call("account.unbind", account=f"401@{A}", mac=MAC)
    api.call("account.bind", account=f"401@{B}", mac=MAC, add=True)
    return before


def test_a_phone_that_comes_from_another_domain_brings_no_history(
    api: Served, theirs: httpx.Client, admin: httpx.Client
) -> None:
    before = moved(api, "192.0.2.66")
    log = SightingLog(api.options.store.sightings)
    ContactKeeper(log, api.options.store.database).catch_up()
    ways = [
        f"/api/v1/devices/{MAC}",
        f"/api/v1/devices/{MAC}/check",
        f"/api/v1/devices/{MAC}/sightings",
        "/api/v1/devices?seen=true",
        f"/api/v1/domains/{B}/devices?seen=true",
        "/api/v1/devices?sort=last-contact",
        "/api/v1/devices?state=never",
        f"/api/v1/domains/{B}/devices?heard_since=1",
        f"/health/would-serve/{MAC}?source=192.0.2.1",
    ]
    for way in ways:
        answer = theirs.get(way)
        assert answer.status_code == 200, answer.text
        assert "192.0.2.66" not in answer.text, way
        assert A not in answer.text, way
    assert theirs.get(f"/api/v1/devices/{MAC}").json()["rollouts"] == []
    # Who reaches all domains is told all of it.
    assert "192.0.2.66" in admin.get(ways[2]).text
    assert len(admin.get(f"/api/v1/devices/{MAC}").json()["rollouts"]) == 1
    # What happens from now on is theirs, and told alone.
    happen(api, MAC, "192.0.2.77")
    ContactKeeper(log, api.options.store.database).catch_up()
    for way in ways[:1] + ways[2:5]:
        text = theirs.get(way).text
        assert "192.0.2.77" in text, way
        assert "192.0.2.66" not in text, way
    headers = {"Last-Event-ID": before}
    with theirs.stream("GET", "/api/v1/events", headers=headers) as answer:
        first = next(line for line in answer.iter_lines() if line.startswith("data: "))
    assert orjson.loads(first.removeprefix("data: "))["source"] == "192.0.2.77"


def test_who_binds_a_phone_that_nobody_has_learns_nothing_of_its_past(
    api: Served, theirs: httpx.Client
) -> None:
    happen(api, NEW, "192.0.2.66", Reason.UNKNOWN_MAC)
    assert problem(theirs.get(f"/api/v1/devices/{NEW}")) == "not-found"
    for way in ("bindings", "accounts"):
        if way == "bindings":
            theirs.put(f"/api/v1/domains/{B}/accounts/401/bindings/{NEW}")
        else:
            rows = f"extension,password,mac\n402,s3cret-of-sip,{NEW}\n"
            theirs.delete(f"/api/v1/domains/{B}/accounts/401/bindings")
            answer = theirs.post(
                f"/api/v1/domains/{B}/imports",
                content=rows,
                headers={"Content-Type": "text/csv"},
            )
            assert answer.status_code == 200, answer.text
        shown = theirs.get(f"/api/v1/devices/{NEW}")
        assert shown.status_code == 200
        assert "192.0.2.66" not in shown.text
        assert "192.0.2.66" not in theirs.get(f"/api/v1/devices/{NEW}/sightings").text


def test_a_phone_that_stays_keeps_its_history(
    api: Served, theirs: httpx.Client
) -> None:
    happen(api, OTHER, "192.0.2.88")
    api.call("account.unbind", account=f"401@{B}", mac=OTHER)
    api.call("account.bind", account=f"401@{B}", mac=OTHER)
    api.call("account.add", account=f"402@{B}", password="x-word-x", mac=OTHER)
    assert "192.0.2.88" in theirs.get(f"/api/v1/devices/{OTHER}/sightings").text


def test_names_of_others_in_bodies_change_and_tell_nothing(
    api: Served, theirs: httpx.Client
) -> None:
    rows = (
        f"extension,password,mac,domain\n402,s3cret-of-sip,{MAC},\n"
        f"403,s3cret-of-sip,,{A}\n"
    )
    csv = {"Content-Type": "text/csv"}
    path = f"/api/v1/domains/{B}"
    asked = [
        theirs.post(f"{path}/groups/north/devices", json={"macs": [MAC]}),
        theirs.put(f"{path}/accounts/401/bindings/{MAC}"),
        theirs.delete(f"{path}/devices/{MAC}/group"),
        theirs.delete(f"{path}/accounts/401/bindings/{MAC}"),
        theirs.post(f"{path}/windows", json={"numbers": [f"401@{A}"]}),
        theirs.post(f"{path}/windows", json={"numbers": ["4019"]}),
        theirs.delete(f"{path}/windows/4019"),
        theirs.post(f"{path}/profiles/x/accounts", json={"numbers": [f"401@{A}"]}),
        theirs.post(f"{path}/imports", content=rows, headers=csv),
        theirs.put(f"{path}/accounts", content=rows, headers=csv),
        theirs.post(f"{path}/rollouts", json={"scope": "domain", "target": A}),
        theirs.post(
            f"{path}/accounts", json={"number": "9", "password": "x", "mac": MAC}
        ),
        theirs.get("/api/v1/accounts", params={"mac": MAC}),
        theirs.get("/api/v1/bindings", params={"mac_prefix": MAC}),
        theirs.get("/api/v1/devices", params={"mac_prefix": MAC}),
    ]
    for answer in asked[:12]:
        assert 400 <= answer.status_code < 500, answer.text
    for answer in asked[12:]:
        assert answer.json() == {"items": [], "next": ""}
    for answer in asked:
        assert A not in answer.text.replace(f"403@{A}", ""), answer.text  # as sent
    (kept,) = api.call("account.show", account=f"401@{A}")["bound"]
    assert kept["mac"] == MAC
    assert (
        api.call(
            "records.page", resource="windows", filters={"domain": A, "state": "live"}
        )["rows"]
        == []
    )


def test_no_page_tells_that_others_have_more(api: Served, theirs: httpx.Client) -> None:
    # A has 4019, and a phone with a MAC behind that of B.
    for way in (
        "/api/v1/accounts?number_prefix=401&limit=1",
        "/api/v1/accounts?number_prefix=401&limit=1&descending=true",
        f"/api/v1/devices?mac_prefix={OTHER[:6]}&limit=1",
        f"/api/v1/bindings?mac_prefix={OTHER[:6]}&limit=1",
        "/api/v1/domains?limit=1",
    ):
        page = theirs.get(way).json()
        assert (len(page["items"]), page["next"]) == (1, ""), way


def test_a_key_of_somebody_else_with_the_same_name_is_another(
    api: Served, theirs: httpx.Client
) -> None:
    headers = {"Idempotency-Key": "same"}
    new = {"number": "500", "password": "s3cret-of-sip"}
    ours = api.token("write", domains=[A])
    path = "/api/v1/domains/{}/accounts"
    assert ours.post(path.format(A), json=new, headers=headers).status_code == 201
    again = theirs.post(path.format(A), json=new, headers=headers)
    assert problem(again) == "not-found"
    own = theirs.post(path.format(B), json=new, headers=headers)
    assert (own.status_code, own.json()["domain"]) == (201, B)


def test_a_name_that_is_given_again_brings_nothing_of_who_had_it(
    api: Served, admin: httpx.Client
) -> None:
    headers = {"Idempotency-Key": "same"}
    path = f"/api/v1/domains/{A}/accounts"

    def pbx(**new: str) -> httpx.Response:
        made = api.call("admin.token.add", name="pbx", scopes=["write"], domains=[A])
        return api.client(made["token"]).post(path, json=new, headers=headers)

    new = {"number": "500", "password": "s3cret-of-sip", "name": "Anna"}
    assert pbx(**new).status_code == 201
    api.call("admin.token.revoke", name="pbx")
    # Neither what it was answered, nor that the key was used at all.
    assert problem(pbx(**new)) == "conflict"
    api.call("admin.token.revoke", name="pbx")
    assert pbx(**{**new, "number": "501"}).status_code == 201


def test_names_of_tokens_tell_nothing_of_those_of_others(
    api: Served, admin: httpx.Client
) -> None:
    path = "/api/v1/tokens"
    new = {"name": "pbx", "scopes": ["read"]}
    for name, domain in (("ofa", A), ("ofb", B)):
        api.call(
            "admin.add", name=name, password=PASSWORD, role="domain", domains=[domain]
        )
    anna, otto = api.signed_in("ofa"), api.signed_in("ofb")
    made = {"": admin.post(path, json=new), "ofa": anna.post(path, json=new)}
    made["ofb"] = otto.post(path, json=new)
    for answer in made.values():
        assert answer.status_code == 201, answer.text
    assert problem(anna.post(path, json=new)) == "conflict"
    assert problem(admin.post(path, json=new)) == "conflict"
    assert [row["name"] for row in otto.get(path).json()["items"]] == ["pbx"]
    # The audit log tells them apart.
    for whose, answer in made.items():
        asked = api.client(answer.json()["token"]).get("/api/v1/session").json()
        assert asked["actor"] == (f"token:{whose}/pbx" if whose else "token:pbx")
    # Pages of who sees all have each once.
    found, cursor = [], ""
    while True:
        page = admin.get(path, params={"limit": 1, "cursor": cursor}).json()
        found += [(row["name"], row["administrator"]) for row in page["items"]]
        if not (cursor := page["next"]):
            break
    assert found == sorted({*found})
    assert {whose for name, whose in found if name == "pbx"} == {"", "ofa", "ofb"}
    # Who sees all says whose; the others need not, and get at none but theirs.
    assert problem(admin.delete(f"{path}/pbx")) == "conflict"
    theirs = otto.delete(f"{path}/pbx", params={"administrator": "ofa"})
    assert problem(theirs) == "not-found"
    assert otto.delete(f"{path}/pbx").status_code == 204
    for whose in ("", "ofa"):
        gone = admin.delete(f"{path}/pbx", params={"administrator": whose})
        assert gone.status_code == 204
    assert problem(admin.delete(f"{path}/pbx")) == "not-found"


def test_no_condition_tells_what_another_domain_has(
    api: Served, theirs: httpx.Client, admin: httpx.Client
) -> None:
    path = f"/api/v1/domains/{A}/accounts/401"
    tag = admin.get(path).headers["etag"]
    told = set()
    for condition in (tag, "*", '"wrong"'):
        for name in (path, path.replace("401", "999")):
            answer = theirs.patch(
                name, json={"name": "x"}, headers={"If-Match": condition}
            )
            told.add((answer.status_code, answer.content))
            shown = theirs.get(name, headers={"If-None-Match": condition})
            told.add((shown.status_code, shown.content))
    assert len(told) == 1
    assert {status for status, _ in told} == {404}


def test_a_phone_that_moved_is_found_by_nothing_of_before(
    api: Served, theirs: httpx.Client
) -> None:
    log = SightingLog(api.options.store.sightings)
    keeper = ContactKeeper(log, api.options.store.database)
    log.append(
        [
            Sighting(
                time.time(),
                int(MAC, 16),
                "192.0.2.66",
                Reason.SERVED_WINDOW,
                "snom370-SIP 8.4.35",
            )
        ]
    )
    started = api.call("rollout.start", scope="device", target=MAC, hours=never())
    api.call("rollout.cancel", rollout=started["id"])
    happen(api, MAC, "192.0.2.66", Reason.CLOSED)
    keeper.catch_up()
    api.call("account.unbind", account=f"401@{A}", mac=MAC)
    api.call("account.bind", account=f"401@{B}", mac=MAC, add=True)
    # It is heard, and not told its new settings yet.
    happen(api, MAC, "192.0.2.77", Reason.PNP_ANSWERED)
    happen(api, OTHER, "192.0.2.88")
    keeper.catch_up()

    def listed(query: str) -> list[tuple[str, str, bool]]:
        page = theirs.get(f"/api/v1/devices?{query}").json()
        return [(one["mac"], one["firmware"], one["refused"]) for one in page["items"]]

    both = [(MAC, "", False), (OTHER, "", False)]
    assert listed("sort=last-contact") == both
    assert listed("sort=firmware") == sorted(both)
    for query in (
        *("firmware=8", "older_than=10", "state=refused"),
        "model=snom370&sort=firmware",
    ):
        assert listed(query) == []
    assert theirs.get("/api/v1/rollouts").json()["items"] == []
    assert theirs.get(f"/api/v1/rollouts/{started['id']}").status_code == 404


def test_nobody_learns_from_an_outlook_what_is_open_elsewhere(
    api: Served, theirs: httpx.Client, admin: httpx.Client
) -> None:
    # A temporary claim of before the last start of the machine: it is over, and the
    # phone stays where it was until somebody changes something.
    with closing(connect(api.options.store.database)) as store:
        store.execute(
            "UPDATE bindings SET expires = 1, boot_id = 'before' WHERE mac = ?",
            (int(OTHER, 16),),
        )
    way = f"/health/would-serve/{OTHER}?source=192.168.1.7"
    before = theirs.get(way)
    assert before.json()["verdict"] == "refused"
    api.call("account.bind", account=f"4019@{A}", mac="*")
    api.call("window.open", accounts=[f"4019@{A}"])
    assert admin.get(way).json()["verdict"] == "served"
    assert theirs.get(way).content == before.content
    # What is open in his own he is told.
    api.call("domain.set", name=B, wildcard_subnet="192.168.1.0/24")
    api.call("account.add", account=f"402@{B}", password="s3cret-of-sip", mac="*")
    api.call("window.open", accounts=[f"402@{B}"])
    assert theirs.get(way).json()["verdict"] == "served"
