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
