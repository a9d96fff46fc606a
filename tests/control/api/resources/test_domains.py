"""/api/v1/domains"""

import httpx
import pytest

from bootwave.control.api.resources import domains as resource
from bootwave.store.domains.domains import FIELDS
from tests.control.api.conftest import A, B, Served, problem

PATH = "/api/v1/domains"


def test_a_domain_is_added_shown_changed_and_removed(
    api: Served, admin: httpx.Client
) -> None:
    added = admin.post(PATH, json={"name": "C.example.com", "language": "German"})
    assert (added.status_code, added.headers["location"]) == (
        201,
        f"{PATH}/c.example.com",
    )
    path = added.headers["location"]
    shown = admin.get(path)
    assert shown.json() == added.json()
    assert shown.headers["etag"] == added.headers["etag"]
    changed = admin.patch(
        path, json={"registrar": "reg.example.com"}, headers={"If-Match": "*"}
    )
    assert changed.json() == {**added.json(), "registrar": "reg.example.com"}
    gone = admin.delete(path, headers={"If-Match": changed.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert problem(admin.get(path)) == "not-found"
    rows = api.notes(actor="token:t0")
    assert [row["action"] for row in rows] == [
        "domain.removed",
        "domain.changed",
        "domain.added",
    ]


def test_what_was_changed_meanwhile_is_not_changed_again(admin: httpx.Client) -> None:
    path = f"{PATH}/{A}"
    seen = admin.get(path).headers["etag"]
    once = admin.patch(path, json={"language": "de"}, headers={"If-Match": seen})
    assert once.status_code == 200
    again = admin.patch(path, json={"language": "fr"}, headers={"If-Match": seen})
    assert (again.status_code, problem(again)) == (412, "precondition-failed")
    without = admin.patch(path, json={"language": "fr"})
    assert (without.status_code, problem(without)) == (428, "precondition-required")
    assert problem(admin.delete(path)) == "precondition-required"
    assert admin.get(path).json() == once.json()


def test_what_is_known_already_is_not_sent_again(
    api: Served, admin: httpx.Client
) -> None:
    path = f"{PATH}/{A}"
    seen = {"If-None-Match": admin.get(path).headers["etag"]}
    known = admin.get(path, headers=seen)
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == seen["If-None-Match"]
    api.call("domain.set", name=A, language="de")
    assert admin.get(path, headers=seen).status_code == 200
    # Whoever may not see it is not told that it is unchanged.
    assert api.client().get(path, headers=seen).status_code == 401
    assert api.token("read", domains=[B]).get(path, headers=seen).status_code == 404


def test_a_condition_on_what_is_not_there_is_404(admin: httpx.Client) -> None:
    answer = admin.patch(
        f"{PATH}/none.example.com", json={}, headers={"If-Match": '"x"'}
    )
    assert problem(answer) == "not-found"


def test_a_domain_that_exists_or_has_accounts_is_a_conflict(
    admin: httpx.Client,
) -> None:
    assert problem(admin.post(PATH, json={"name": A})) == "conflict"
    any_state = {"If-Match": "*"}
    assert problem(admin.delete(f"{PATH}/{A}", headers=any_state)) == "conflict"
    forced = admin.delete(f"{PATH}/{A}?force=true", headers=any_state)
    assert forced.status_code == 204


def test_pages_follow_one_another(admin: httpx.Client) -> None:
    for number in range(5):
        admin.post(PATH, json={"name": f"d{number}.example.com"})
    names, cursor = [], ""
    for _ in range(4):
        page = admin.get(PATH, params={"limit": 2, "cursor": cursor}).json()
        names += [row["name"] for row in page["items"]]
        cursor = page["next"]
    assert names == [A, B, *(f"d{number}.example.com" for number in range(5))]
    assert cursor == ""


def test_domains_are_found_by_how_they_begin_and_told_what_they_have(
    api: Served, admin: httpx.Client
) -> None:
    api.call("account.add", account=f"402@{B}", password="s3cret", mac="0004132E08B4")
    api.call("domain.add", name="ab.example.com")
    found = admin.get(PATH, params={"name_prefix": "A", "descending": True}).json()
    assert [row["name"] for row in found["items"]] == ["ab.example.com", A]
    (row,) = admin.get(PATH, params={"name_prefix": "b"}).json()["items"]
    assert (row["accounts"], row["devices"], row["token"]) == (2, 1, "")
    (own,) = api.token("read", domains=[B]).get(PATH).json()["items"]
    assert own == row


@pytest.mark.parametrize("cursor", ["x", "AAAA", "é", "A" * 3_000])
def test_a_cursor_that_nobody_gave_is_refused(admin: httpx.Client, cursor: str) -> None:
    answer = admin.get(PATH, params={"cursor": cursor})
    assert answer.status_code == 422
    assert problem(answer) in ("bad-cursor", "invalid")


def test_whose_unknown_phones_are_is_not_for_one_domain_to_say(api: Served) -> None:
    client = api.token("write", domains=[A])
    any_state = {"If-Match": "*"}
    path = f"{PATH}/{A}"
    subnet = client.patch(
        path, json={"wildcard_subnet": "10.0.0.0/8"}, headers=any_state
    )
    assert problem(subnet) == "forbidden"
    own = client.patch(path, json={"language": "de"}, headers=any_state)
    assert own.status_code == 200


def test_a_post_with_a_key_is_carried_out_once(
    api: Served, admin: httpx.Client
) -> None:
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    new = {"name": "c.example.com"}
    first = admin.post(PATH, json=new, headers=key)
    again = admin.post(PATH, json=new, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    other = admin.post(PATH, json={"name": "d.example.com"}, headers=key)
    assert (other.status_code, problem(other)) == (422, "key-reused")
    # Keys are of whoever sends them.
    own = api.token("write").post(PATH, json=new, headers=key)
    assert problem(own) == "conflict"


def test_what_failed_with_a_key_may_be_tried_again(
    api: Served, admin: httpx.Client
) -> None:
    key = {"Idempotency-Key": "k"}
    assert problem(admin.post(PATH, json={"name": A}, headers=key)) == "conflict"
    api.call("domain.remove", name=A, force=True)
    assert admin.post(PATH, json={"name": A}, headers=key).status_code == 201


def test_another_domain_is_not_named_in_a_conflict(api: Served) -> None:
    subnet = "10.7.0.0/16"
    for domain in (A, B):
        api.call("domain.set", name=domain, wildcard_subnet=subnet)
    api.call("account.bind", account=f"401@{A}", mac="*")
    client = api.token("write", domains=[B])
    answer = client.post(
        f"{PATH}/{B}/accounts", json={"number": "9", "password": "x" * 12, "mac": "*"}
    )
    assert problem(answer) == "conflict"
    assert A not in answer.text


def test_all_that_is_said_of_a_domain_can_be_said_here() -> None:
    fields = set(FIELDS)
    assert set(resource.DomainFields.model_fields) == fields
    assert set(resource.DomainChange.model_fields) == fields
    assert set(resource.Domain.model_fields) == fields | {"name"}
