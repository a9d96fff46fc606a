import sqlite3

import pytest

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.store.access import apitokens
from bootwave.store.access.opaque import digest_of
from bootwave.store.administration import Administration
from tests.store.clock import Clock
from tests.store.listed import notes_of

PASSWORD = "correct horse battery"
A = "a.example.com"


def test_a_token_is_found_by_its_digest_until_it_ends(
    admin: Administration, connection: sqlite3.Connection, clock: Clock
) -> None:
    admin.domain_add(A)
    made = admin.admin_token_add("PBX", scopes=["write", "read"], domains=[A], days=1)
    digest = digest_of(made["token"])
    wall = clock().wall
    found = apitokens.found(connection, digest, wall)
    assert found is not None
    assert (found.name, found.scopes, found.domains) == (
        "pbx",
        {"read", "write"},
        {A},
    )
    assert found.administrator is None
    assert apitokens.found(connection, digest, wall + 86_400) is None
    assert apitokens.found(connection, digest_of("bw_other"), wall) is None
    stored = connection.execute("SELECT * FROM api_tokens").fetchall()
    assert made["token"] not in str(stored)
    assert made["token"] not in str(notes_of(admin)) + str(admin.admin_token_list())


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"scopes": []}, SettingError),
        ({"scopes": ["all"]}, SettingError),
        ({"scopes": ["read"], "days": 0.0}, SettingError),
        ({"scopes": ["read"], "days": 1e6}, SettingError),
        ({"scopes": ["read"], "domains": ["c.example.com"]}, StoreNotFound),
        ({"scopes": ["read"], "administrator": "otto"}, StoreNotFound),
        ({"scopes": ["read"], "name": "taken"}, StoreConflict),
        ({"scopes": ["read"], "name": "two words"}, SettingError),
    ],
)
def test_one_that_cannot_be_is_not_made(
    admin: Administration, given: dict[str, object], error: type[Exception]
) -> None:
    admin.admin_token_add("taken", scopes=["read"])
    with pytest.raises(error):
        admin.admin_token_add(**{"name": "pbx", **given})  # type: ignore[arg-type]
    assert [row["name"] for row in admin.admin_token_list()] == ["taken"]


def test_an_administrator_sees_and_revokes_his_own(admin: Administration) -> None:
    admin.admin_add("anna", password=PASSWORD)
    admin.admin_token_add("hers", scopes=["read"], administrator="anna")
    admin.admin_token_add("others", scopes=["read"])
    own = admin.admin_token_list(administrator="anna")
    assert [row["name"] for row in own] == ["hers"]
    with pytest.raises(StoreNotFound):
        admin.admin_token_revoke("others", administrator="anna")
    admin.admin_token_revoke("hers", administrator="anna")
    admin.admin_token_revoke("others")
    assert admin.admin_token_list() == []


def test_names_are_each_administrators_own(admin: Administration) -> None:
    for name in ("anna", "otto"):
        admin.admin_add(name, password=PASSWORD)
        admin.admin_token_add("pbx", scopes=["read"], administrator=name)
    with pytest.raises(StoreConflict, match="There is a token pbx already"):
        admin.admin_token_add("pbx", scopes=["read"], administrator="anna")
    admin.admin_token_add("pbx", scopes=["read"])
    with pytest.raises(StoreConflict):
        admin.admin_token_add("pbx", scopes=["read"])
    with pytest.raises(StoreConflict, match="There are 3 tokens pbx: say whose"):
        admin.admin_token_revoke("pbx")
    admin.admin_token_revoke("pbx", administrator="otto")
    admin.admin_token_revoke("pbx", administrator="")
    with pytest.raises(StoreNotFound):
        admin.admin_token_revoke("pbx", administrator="")
    (left,) = admin.admin_token_list()
    assert left["administrator"] == "anna"
    newest = notes_of(admin)[0]
    assert (newest["action"], newest["subject"]) == ("apitoken.revoked", "pbx")
    assert [one["detail"] for one in notes_of(admin)[:2]] == [
        {},
        {"administrator": "otto"},
    ]


def test_use_is_written_down_once_a_minute(
    admin: Administration, connection: sqlite3.Connection, clock: Clock
) -> None:
    admin.admin_token_add("pbx", scopes=["read"])
    admin.access_used(token=1, source="192.0.2.1")
    first = admin.admin_token_list()[0]
    assert (first["used_at"], first["used_from"]) == (clock().wall, "192.0.2.1")
    admin.access_used(token=1, source="192.0.2.2")
    assert admin.admin_token_list()[0] == first


def test_one_administrator_has_so_many_tokens_and_no_more(
    admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apitokens, "MAX_TOKENS", 2)
    for name in ("anna", "otto"):
        admin.admin_add(name, password=PASSWORD)
    for name in ("one", "two"):
        admin.admin_token_add(name, scopes=["read"], administrator="anna")
    with pytest.raises(StoreConflict, match="revoke some"):
        admin.admin_token_add("three", scopes=["read"], administrator="anna")
    admin.admin_token_add("three", scopes=["read"], administrator="otto")
    admin.admin_token_revoke("one")
    admin.admin_token_add("four", scopes=["read"], administrator="anna")
    for number in range(3):  # those of the machine's users are theirs to bound
        admin.admin_token_add(f"m{number}", scopes=["read"])
