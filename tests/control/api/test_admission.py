"""Who may do what: every route of the application, as everybody."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bootwave.control.api.admission import csrf_token
from bootwave.control.api.application import application
from bootwave.control.api.declarations import (
    Declared,
    DomainIn,
    Everywhere,
    Found,
    Nothing,
    Reached,
)
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import DeclaredRoute
from tests.control.api.conftest import MAC, PASSWORD, A, B, Served, problem

# What stands for a parameter of a path, of the domain A where it is of one.
EXAMPLES = {
    **{"domain": A, "number": "401", "name": "somebody", "mac": MAC},
    **{"wildcard": "star", "profile": "sales", "group": "north", "model": "D785"},
    **{"versions": "8.4-8.7", "version": "10.1.198.19", "index": "3", "rollout": "1"},
    **{"kind": "gui", "language": "Deutsch", "digest": "9f86d081", "value": "0A1B"},
    "image": "snomD785-10.1.198.19-SIP-r.bin",
}
ROUTES: list[Any] = list(application(None).routes)  # type: ignore[arg-type]
EVENTS = "text/event-stream; charset=utf-8"
SIGNED_OUT, FORBIDDEN, UNKNOWN, LET_IN = "signed-out", "forbidden", "not-found", ""


def path_of(route: DeclaredRoute, **others: str) -> str:
    path: str = route.path_format
    setting = {"name": "http_pass"} if "/settings/" in path else {}
    values = {**EXAMPLES, **setting, **others}
    return path.format(**values)


def asked(client: httpx.Client, route: DeclaredRoute, **others: str) -> httpx.Response:
    (method,) = route.methods
    body = {} if method in ("POST", "PUT", "PATCH") else None
    with client.stream(method, path_of(route, **others), json=body) as answer:
        if answer.headers.get("content-type") != EVENTS:  # which never ends
            answer.read()
        else:
            answer._content = b""
        return answer


def verdict(answer: httpx.Response) -> str:
    """Return why it was not let in, or "" when it was, whatever became of it."""
    if answer.status_code < 400:
        return LET_IN
    kind = problem(answer)
    return kind if kind in (SIGNED_OUT, FORBIDDEN, UNKNOWN) else LET_IN


def test_every_route_declares_what_it_needs_and_touches() -> None:
    assert len(ROUTES) > 20
    for route in ROUTES:
        assert isinstance(route, DeclaredRoute), route
        declared = route.declared
        assert isinstance(declared, Declared)
        parameters = set(re.findall(r"{(\w+)}", route.path_format))
        assert parameters <= set(EXAMPLES), f"{route.path} needs an example"
        match declared.touches:
            case DomainIn(parameter=name) | Found(parameter=name):
                assert name in parameters, route.path
            case _:
                # What is of a domain is not touched by a route that says otherwise.
                is_everywhere = isinstance(declared.touches, Everywhere)
                assert "domain" not in parameters or is_everywhere, route.path
        if declared.need is Need.REVEAL:
            assert declared.confirmed, route.path


def test_what_anybody_may_is_a_short_list() -> None:
    public = {
        f"{next(iter(route.methods))} {route.path}"
        for route in ROUTES
        if route.declared.need is Need.NOTHING
    }
    assert public == {
        "POST /api/v1/session",
        "POST /api/v1/setup",
        "GET /health/live",
        "GET /health/ready",
        "GET /openapi.json",
        *("GET /setup", "POST /setup", "GET /setup.css", "GET /setup.js"),
    }


@pytest.fixture
def administrators(api: Served) -> None:
    for name, role, domains in (
        ("looks", "read-only", []),
        ("ofb", "domain", [B]),
        ("all", "operator", []),
    ):
        api.call("admin.add", name=name, password=PASSWORD, role=role, domains=domains)


def walked(client: Callable[[], httpx.Client]) -> dict[str, tuple[Declared, str]]:
    """Return the verdict of each route, by method and path."""
    found = {}
    one = client()
    # Signing out ends the session of the others.
    for route in sorted(ROUTES, key=lambda each: "DELETE" in each.methods):
        answer = asked(one, route)
        name = f"{next(iter(route.methods))} {route.path}"
        found[name] = route.declared, verdict(answer)
    return found


def test_nobody_is_let_in_anywhere_but_to_what_is_for_everybody(api: Served) -> None:
    for name, (declared, said) in walked(api.client).items():
        wanted = LET_IN if declared.need is Need.NOTHING else SIGNED_OUT
        assert said == wanted, name


@pytest.mark.usefixtures("administrators")
def test_who_is_read_only_changes_nothing(api: Served) -> None:
    may = {Need.NOTHING, Need.SIGNED_IN, Need.READ, Need.TOKENS}
    found = walked(lambda: api.signed_in("looks"))
    for name, (declared, said) in found.items():
        assert (said != FORBIDDEN) == (declared.need in may), name
        assert said != SIGNED_OUT, name
    assert api.call("domain.list")[0]["name"] == A


@pytest.mark.usefixtures("administrators")
def test_to_the_administrator_of_another_domain_nothing_of_this_exists(
    api: Served,
) -> None:
    for name, (declared, said) in walked(lambda: api.signed_in("ofb")).items():
        match declared.touches:
            case DomainIn() | Found():
                assert said == UNKNOWN, name
            case Everywhere():
                assert said == FORBIDDEN, name
            case Nothing() | Reached():
                assert said != SIGNED_OUT, name
                assert (said == FORBIDDEN) == (declared.need is Need.ACCESS), name
    assert (
        api.call("records.page", resource="accounts", filters={"domain": A})["rows"][0][
            "account"
        ]
        == f"401@{A}"
    )


@pytest.mark.usefixtures("administrators")
def test_what_is_anothers_looks_as_what_nobody_has(api: Served) -> None:
    client = api.signed_in("ofb")
    compared = 0
    for route in ROUTES:
        if isinstance(route.declared.touches, DomainIn):
            there = asked(client, route)
            nowhere = asked(client, route, domain="nowhere.example.com")
            wrong = asked(client, route, domain="no name")
            assert there.status_code == nowhere.status_code == wrong.status_code == 404
            assert there.content == nowhere.content == wrong.content
            assert set(there.headers) == set(nowhere.headers)
            compared += 1
    assert compared > 8


@pytest.mark.usefixtures("administrators")
def test_nothing_of_another_domain_stands_in_any_answer(api: Served) -> None:
    client = api.signed_in("ofb")
    for route in ROUTES:
        if "GET" in route.methods and route.path != "/openapi.json":
            assert A not in asked(client, route).text, route.path
    own = client.get("/api/v1/domains").json()["items"]
    assert [row["name"] for row in own] == [B]


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        ("read", {Need.READ}),
        ("write", {Need.READ, Need.WRITE}),
        ("reveal", {Need.READ, Need.REVEAL}),
        ("access", {Need.TOKENS, Need.ACCESS}),
    ],
)
def test_a_token_does_what_its_scope_says(
    api: Served, scope: str, may: set[Need]
) -> None:
    found = walked(lambda: api.token(scope))
    for name, (declared, said) in found.items():
        if declared.need in (Need.NOTHING, Need.SIGNED_IN):
            continue
        assert (said == FORBIDDEN) == (declared.need not in may), name
        assert said != SIGNED_OUT, name


@pytest.mark.parametrize(
    "field_value",
    [
        "Bearer bw_" + "A" * 43,
        "bw_x",
        "Basic YTpi",
        "Bearer bws_" + "A" * 43,
        "Bearer bw_" + "A" * 5_000,
    ],
)
def test_what_is_no_token_is_nobody(api: Served, field_value: str) -> None:
    answer = api.client().get("/api/v1/domains", headers={"Authorization": field_value})
    assert problem(answer) == SIGNED_OUT
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_is_revoked_for_the_next_request(api: Served) -> None:
    client = api.token("read")
    assert client.get("/api/v1/domains").status_code == 200
    api.call("admin.token.revoke", name="t0")
    assert problem(client.get("/api/v1/domains")) == SIGNED_OUT


@pytest.mark.usefixtures("administrators")
def test_a_token_can_do_what_its_administrator_can_now(api: Served) -> None:
    made = api.call(
        "admin.token.add",
        name="pbx",
        scopes=["read", "write", "access"],
        administrator="all",
    )
    client = api.client(made["token"])
    assert client.get("/api/v1/administrators").status_code == 200
    api.call("admin.set", name="all", role="domain", domains=[B])
    assert problem(client.get("/api/v1/administrators")) == FORBIDDEN
    names = [row["name"] for row in client.get("/api/v1/domains").json()["items"]]
    assert names == [B]
    assert problem(client.get(f"/api/v1/domains/{A}")) == UNKNOWN
    api.call("admin.remove", name="all")
    assert problem(client.get("/api/v1/domains")) == SIGNED_OUT


def test_a_token_of_one_domain_reaches_none_when_that_is_removed(api: Served) -> None:
    client = api.token("read", "write", domains=[B])
    assert client.get(f"/api/v1/domains/{B}").status_code == 200
    api.call("domain.remove", name=B, force=True)
    assert client.get("/api/v1/domains").json() == {"items": [], "next": ""}
    assert problem(client.get(f"/api/v1/domains/{A}")) == UNKNOWN


@pytest.mark.usefixtures("administrators")
def test_a_cookie_alone_changes_nothing(api: Served) -> None:
    client = api.signed_in("all")
    right = client.headers.pop("X-Bootwave-Csrf")
    new = {"name": "c.example.com"}
    assert client.get("/api/v1/domains").status_code == 200
    answer = client.post("/api/v1/domains", json=new)
    assert problem(answer) == "csrf"
    title = "The request does not prove that a page of this server sent it"
    assert answer.json()["title"] == title
    for headers in (
        {"X-Bootwave-Csrf": csrf_token("bws_other")},
        {"X-Bootwave-Csrf": right, "Origin": "http://evil.example.com"},
        {"X-Bootwave-Csrf": right, "Origin": "null"},
        {"X-Bootwave-Csrf": right, "Origin": "http://["},
    ):
        answer = client.post("/api/v1/domains", json=new, headers=headers)
        assert problem(answer) == "csrf"
    for site in ("cross-site", "same-site"):
        elsewhere = {"Sec-Fetch-Site": site}
        # Of another port of this host, which cookies do not tell from this one.
        assert problem(client.get("/api/v1/domains", headers=elsewhere)) == "csrf"
        proved = {"X-Bootwave-Csrf": right, **elsewhere}
        assert problem(client.post("/api/v1/domains", json=new, headers=proved)) == (
            "csrf"
        )
    origin = {"Origin": "http://127.0.0.1:1"}
    assert problem(client.get("/api/v1/domains", headers=origin)) == "csrf"
    headers = {"X-Bootwave-Csrf": right, "Origin": api.url}
    headers["Sec-Fetch-Site"] = "same-origin"
    assert client.post("/api/v1/domains", json=new, headers=headers).is_success


@pytest.mark.usefixtures("administrators")
def test_who_sends_a_token_is_not_known_by_his_cookie(api: Served) -> None:
    client = api.signed_in("all")
    answer = client.get("/api/v1/domains", headers={"Authorization": "Bearer bw_x"})
    assert problem(answer) == SIGNED_OUT


@pytest.mark.parametrize(
    ("field_value", "told", "challenge"),
    [
        (None, "Send a token as Authorization: Bearer", "Bearer"),
        ("Basic YTpi", "not in another way", "Bearer"),
        (
            "Bearer bw_made-up",
            "not good, or not any more",
            'Bearer error="invalid_token"',
        ),
    ],
)
def test_who_is_nobody_is_told_what_is_wrong_with_the_token(
    api: Served, field_value: str | None, told: str, challenge: str
) -> None:
    headers = {} if field_value is None else {"Authorization": field_value}
    answer = api.client().get("/api/v1/domains", headers=headers)
    assert problem(answer) == "signed-out"
    assert told in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == challenge
