"""Bindings and wildcards of accounts."""

import httpx

from tests.control.api.conftest import MAC, A, B, Served, problem

PATH = f"/api/v1/domains/{A}/accounts/401"


def test_an_account_is_bound_listed_and_unbound(
    api: Served, admin: httpx.Client
) -> None:
    bound = admin.put(f"{PATH}/bindings/{MAC}").json()
    assert (bound["account"], bound["identity"]) == (f"401@{A}", 1)
    other = "0004132E08B5"
    admin.put(f"{PATH}/bindings/{other}", params={"keep": True})
    rows = admin.get(f"{PATH}/bindings").json()["items"]
    assert [row["mac"] for row in rows] == [MAC, other]
    for path in ("/api/v1/bindings", f"/api/v1/domains/{A}/bindings"):
        first = admin.get(path, params={"limit": 1}).json()
        rest = admin.get(path, params={"limit": 1, "cursor": first["next"]}).json()
        macs = [row["mac"] for row in first["items"] + rest["items"]]
        assert (macs, rest["next"]) == ([MAC, other], "")
        found = admin.get(path, params={"mac_prefix": other[:-1]}).json()["items"]
        assert len(found) == 2
    assert admin.get(f"/api/v1/domains/{B}/bindings").json()["items"] == []
    assert admin.delete(f"{PATH}/bindings/{other}").json()["unbound"] == [other]
    assert admin.delete(f"{PATH}/bindings").json()["unbound"] == [MAC]
    assert problem(admin.delete(f"{PATH}/bindings")) == "not-found"


def test_who_binds_what_he_saw_hears_that_it_was_bound_meanwhile(
    admin: httpx.Client,
) -> None:
    other = "0004132E08B5"
    same = {"If-Match": admin.get(PATH).headers["etag"]}
    assert admin.put(f"{PATH}/bindings/{MAC}", headers=same).status_code == 200
    for late in (
        admin.put(f"{PATH}/bindings/{other}", headers=same),
        admin.delete(f"{PATH}/bindings/{MAC}", headers=same),
        admin.delete(f"{PATH}/bindings", headers=same),
        admin.put(f"{PATH}/wildcard/star", headers=same),
        admin.delete(f"{PATH}/wildcard/star", headers=same),
    ):
        assert problem(late) == "precondition-failed"
    (bound,) = admin.get(PATH).json()["bound"]
    assert bound["mac"] == MAC
    now = {"If-Match": admin.get(PATH).headers["etag"]}
    assert admin.delete(f"{PATH}/bindings", headers=now).status_code == 200


def test_an_unknown_phone_may_claim_what_is_a_wildcard(admin: httpx.Client) -> None:
    assert admin.put(f"{PATH}/wildcard/star").json()["bound"] == "*"
    (row,) = admin.get(f"/api/v1/domains/{A}/wildcards").json()["items"]
    assert (row["account"], row["wildcard"]) == (f"401@{A}", "*")
    assert problem(admin.delete(f"{PATH}/wildcard/question")) == "not-found"
    assert admin.delete(f"{PATH}/wildcard/star").json()["unbound"] == ["*"]
    assert problem(admin.put(f"{PATH}/wildcard/other")) == "invalid"


def test_a_phone_of_another_domain_is_not_taken_from_it(
    api: Served, admin: httpx.Client
) -> None:
    admin.put(f"{PATH}/bindings/{MAC}")
    theirs = api.token("read", "write", domains=[B])
    answer = theirs.put(f"/api/v1/domains/{B}/accounts/401/bindings/{MAC}")
    assert problem(answer) == "conflict"
    assert theirs.get("/api/v1/bindings").json()["items"] == []


def test_unknown_phones_of_everywhere_are_nobodys_who_has_some_domains(
    api: Served,
) -> None:
    theirs = api.token("write", domains=[A])
    csv = {"Content-Type": "text/csv"}
    rows = "extension,password,mac\n402,s3cret-word,?\n"
    accounts = f"/api/v1/domains/{A}/accounts"
    new = {"number": "403", "password": "s3cret-word", "mac": "*"}
    for refused in (
        theirs.put(f"{PATH}/wildcard/star"),
        theirs.put(f"{PATH}/wildcard/question"),
        theirs.post(accounts, json=new),
    ):
        assert problem(refused) == "conflict"
        assert "ask an operator" in refused.text
    for imported in (
        theirs.post(f"/api/v1/domains/{A}/imports", content=rows, headers=csv),
        theirs.put(f"{accounts}?most_removed=1", content=rows, headers=csv),
    ):
        assert problem(imported) == "invalid"
    assert api.call("records.page", resource="wildcards")["rows"] == []
    api.call("domain.set", name=A, wildcard_subnet="192.0.2.0/24")
    assert theirs.put(f"{PATH}/wildcard/star").json()["bound"] == "*"
