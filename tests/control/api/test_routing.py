import time
from collections.abc import Iterator

import httpx
import orjson
import pytest
from fastapi import FastAPI

from bootwave.control.api import routing
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import DeclaredRoute, Routes
from tests.control.api.conftest import A, Served, problem
from tests.control.api.test_admission import ROUTES, path_of

PATIENCE = 20.0  # seconds until a test that hangs is given up


async def undeclared() -> None: ...


def test_a_route_without_a_declaration_is_not_made() -> None:
    app = FastAPI()
    app.router.route_class = DeclaredRoute
    with pytest.raises(TypeError, match="does not declare"):
        app.add_api_route("/x", undeclared)
    with pytest.raises(TypeError, match="does not declare"):
        Routes("x").get("/x", None)(undeclared)


def test_one_domain_does_not_fill_the_disk_that_all_share(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "MAX_API_DOMAIN_IMPORT_BYTES", 40)
    body = b"extension,password\n" + b"500,s3cret-word\n501,s3cret-word\n"
    how = {
        "url": f"/api/v1/domains/{A}/imports",
        "content": body,
        "headers": {"Content-Type": "text/csv"},
    }
    assert problem(api.token("write", domains=[A]).post(**how)) == "too-large"
    assert admin.post(**how).json()["added"] == 2


def held_back(api: Served, start: bytes, rest: bytes) -> Iterator[bytes]:
    """Yield a body, the rest of which comes once the token of its request is gone."""
    yield start
    # The token is looked up before anything of the body is read.
    deadline = time.monotonic() + PATIENCE
    while not any(
        row["used_at"] for row in api.call("admin.token.list") if row["name"] == "pbx"
    ):
        assert time.monotonic() < deadline, "The token was never looked up."
    api.call("admin.token.revoke", name="pbx")
    yield rest


def test_a_request_that_was_held_back_is_judged_again(
    api: Served, admin: httpx.Client
) -> None:
    path = f"/api/v1/domains/{A}/accounts"
    headers = {"Content-Type": "application/json"}
    new = orjson.dumps({"number": "402", "password": "s3cret-word"})
    assert admin.post(path, content=new, headers=headers).status_code == 201
    secret = api.call("admin.token.add", name="pbx", scopes=["write"])["token"]
    body = held_back(api, new[:5], new[5:])
    answer = api.client(secret).post(path, content=body, headers=headers)
    assert problem(answer) == "signed-out"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/api/v1/domains/{A}/accounts"),
        ("GET", f"/api/v1/domains/{A}/export"),
        ("POST", "/api/v1/redirection/sync?dry_run=true"),
    ],
)
def test_what_was_held_back_is_told_nothing(
    api: Served, method: str, path: str
) -> None:
    secret = api.call("admin.token.add", name="pbx", scopes=["write"])["token"]
    answer = api.client(secret).request(
        method,
        path,
        content=held_back(api, b"nu", b"ll"),
        headers={"Content-Type": "application/json"},
    )
    assert problem(answer) == "signed-out"


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("dryrun=true", "query/dryrun"),
        ("dry_run=true&dry_run=false", "query/dry_run"),
        ("most-removed=9", "query/most-removed"),
        ("=", "query/"),
    ],
)
def test_a_parameter_that_is_misspelt_stops_what_it_was_to_try(
    admin: httpx.Client, query: str, where: str
) -> None:
    answer = admin.put(
        f"/api/v1/domains/{A}/accounts?most_removed=1&{query}",
        content="extension\n",
        headers={"Content-Type": "text/csv"},
    )
    assert problem(answer) == "invalid"
    assert answer.json()["errors"][0]["at"] == where
    assert "most_removed" in answer.json()["detail"]
    assert admin.get(f"/api/v1/domains/{A}/accounts").json()["items"]


def test_every_route_refuses_a_parameter_that_it_does_not_know(
    admin: httpx.Client,
) -> None:
    for route in ROUTES:
        (method,) = route.methods
        answer = admin.request(method, path_of(route), params={"dryrun": "true"})
        if method == "GET" and route.declared.need is Need.NOTHING:
            assert answer.status_code == 200, route.path
            continue
        assert problem(answer) == "invalid", route.path
        assert answer.json()["errors"][0]["at"] == "query/dryrun", route.path


def test_who_watches_whether_it_lives_may_add_what_he_likes(api: Served) -> None:
    assert api.client().get("/health/live?at=1").status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("If-Match", '"a"', "precondition-failed"),
        ("If-None-Match", "*", "bad-request"),
        ("If-Unmodified-Since", "Sat, 28 Nov 2026 03:00:00 GMT", "bad-request"),
        ("Content-Encoding", "gzip", "encoded"),
    ],
)
def test_what_is_not_heeded_lets_no_change_through(
    admin: httpx.Client, name: str, value: str, kind: str
) -> None:
    path = f"/api/v1/domains/{A}/profiles"
    answer = admin.post(path, json={"name": "sales"}, headers={name: value})
    assert problem(answer) == kind
    assert admin.get(path).json()["items"] == []
    made = admin.post(path, json={"name": "sales"}, headers={"If-Match": "*"})
    assert made.status_code == 201
