"""/api/v1/administrators"""

import httpx
import pytest

from tests.control.api.conftest import PASSWORD, A, B, Served, problem

PATH = "/api/v1/administrators"


def test_an_administrator_is_added_changed_and_removed(
    api: Served, admin: httpx.Client
) -> None:
    new = {"name": "anna", "password": PASSWORD, "role": "domain", "domains": [A]}
    added = admin.post(PATH, json=new)
    assert (added.status_code, added.json()) == (
        201,
        {"name": "anna", "role": "domain", "domains": [A]},
    )
    anna = api.signed_in("anna")
    assert anna.get(f"/api/v1/domains/{B}").status_code == 404
    changed = admin.patch(f"{PATH}/anna", json={"domains": [A, B]})
    assert changed.json()["domains"] == [A, B]
    assert anna.get(f"/api/v1/domains/{B}").status_code == 200
    admin.patch(f"{PATH}/anna", json={"role": "read-only"})
    (row,) = admin.get(PATH).json()["items"]
    assert (row["role"], row["everywhere"], row["domains"]) == (
        "read-only",
        False,
        [A, B],
    )
    assert row["made_by"] == "token:t0"
    given = admin.put(f"{PATH}/anna/password", json={"password": PASSWORD * 2})
    assert given.status_code == 204
    assert problem(anna.get("/api/v1/session")) == "signed-out"
    again = api.signed_in("anna", PASSWORD * 2)
    assert admin.delete(f"{PATH}/anna").status_code == 204
    assert problem(again.get("/api/v1/session")) == "signed-out"
    assert problem(admin.delete(f"{PATH}/anna")) == "not-found"


def test_who_changes_an_administrator_hears_that_somebody_else_did(
    api: Served, admin: httpx.Client
) -> None:
    new = {"name": "anna", "password": PASSWORD, "role": "domain", "domains": [A]}
    admin.post(PATH, json=new)
    path = f"{PATH}/anna"
    seen = admin.get(path)
    assert [seen.json()] == admin.get(PATH).json()["items"]
    assert problem(admin.get(f"{PATH}/otto")) == "not-found"
    same = {"If-Match": seen.headers["etag"]}
    given = {"password": PASSWORD * 2}
    done = admin.put(f"{path}/password", json=given, headers=same)
    assert done.status_code == 204
    for late in (
        admin.put(f"{path}/password", json=given, headers=same),
        admin.patch(path, json={"domains": [B]}, headers=same),
        admin.delete(path, headers=same),
    ):
        assert problem(late) == "precondition-failed"
    now = {"If-Match": admin.get(path).headers["etag"]}
    assert admin.patch(path, json={"domains": [B]}, headers=now).status_code == 200
    # Who may more than a token is not told to it by a condition either.
    api.call("admin.add", name="all", password=PASSWORD)
    some = api.token("access")
    refused = some.delete(f"{PATH}/all", headers={"If-Match": '"x"'})
    assert problem(refused) == "forbidden"


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"role": "king"}, "invalid"),
        ({"role": "domain"}, "invalid"),
        ({"domains": [A]}, "invalid"),
        ({"role": "domain", "domains": ["none.example.com"]}, "not-found"),
        ({"password": "short"}, "invalid"),
        ({"password": "administrator1", "name": "administrator1"}, "invalid"),
        ({"name": "two words"}, "invalid"),
        ({"name": "taken"}, "conflict"),
    ],
)
def test_who_cannot_be_is_refused(
    api: Served, admin: httpx.Client, wrong: dict[str, object], kind: str
) -> None:
    api.call("admin.add", name="taken", password=PASSWORD)
    new = {"name": "anna", "password": PASSWORD, "role": "operator", **wrong}
    assert problem(admin.post(PATH, json=new)) == kind


ROLES = {
    "read-only": ("read", "access"),
    "domain": ("write", "reveal", "access"),
    "operator": ("write", "reveal", "access", "read"),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_token_makes_and_changes_nobody_who_may_more_than_it(
    api: Served, admin: httpx.Client, role: str
) -> None:
    domains = [A] if role == "domain" else []
    new = {"name": "x", "password": PASSWORD, "role": role, "domains": domains}
    there = {**new, "name": "there"}
    assert admin.post(PATH, json=there).status_code == 201
    for missing in ROLES[role]:
        scopes = set(ROLES[role]) - {missing}
        if "access" not in scopes or (missing, role) == ("read", "operator"):
            continue  # who may write may read
        less = api.token(*scopes)
        for answer in (
            less.post(PATH, json=new),
            less.patch(f"{PATH}/there", json={"domains": domains}),
            less.put(f"{PATH}/there/password", json={"password": PASSWORD * 2}),
            less.delete(f"{PATH}/there"),
        ):
            assert problem(answer) == "forbidden", missing
            assert "may more than this token" in answer.json()["detail"]
    api.signed_in("there")  # with the password it had
    enough = api.token(*ROLES[role])
    assert enough.post(PATH, json=new).status_code == 201
    assert enough.delete(f"{PATH}/there").status_code == 204


def test_a_token_gives_nobody_a_role_that_may_more_than_it(
    api: Served, admin: httpx.Client
) -> None:
    new = {"name": "anna", "password": PASSWORD, "role": "read-only"}
    admin.post(PATH, json=new)
    some = api.token("read", "access")
    answer = some.patch(f"{PATH}/anna", json={"role": "operator"})
    assert problem(answer) == "forbidden"
    (row,) = admin.get(PATH).json()["items"]
    assert row["role"] == "read-only"


def test_a_token_that_ends_makes_nobody_who_would_not(
    api: Served, admin: httpx.Client
) -> None:
    made = api.call(
        "admin.token.add",
        name="short",
        scopes=["read", "write", "reveal", "access"],
        days=1,
    )
    brief = api.client(made["token"])
    new = {"name": "anna", "password": PASSWORD, "role": "read-only"}
    assert problem(brief.post(PATH, json=new)) == "forbidden"
    admin.post(PATH, json=new)
    given = brief.put(f"{PATH}/anna/password", json={"password": PASSWORD * 2})
    assert problem(given) == "forbidden"
    before = admin.get(f"{PATH}/anna").json()
    for more in ({"role": "operator"}, {"role": "domain", "domains": [A]}):
        assert problem(brief.patch(f"{PATH}/anna", json=more)) == "forbidden"
    assert problem(brief.patch(f"{PATH}/anna", json={"domains": [A]})) == "forbidden"
    assert admin.get(f"{PATH}/anna").json() == before
    assert brief.delete(f"{PATH}/anna").status_code == 204
