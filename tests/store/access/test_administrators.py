import sqlite3
from typing import Any

import pytest

from bootwave.errors import SettingError, StoreConflict, StoreNotFound
from bootwave.store.access import administrators
from bootwave.store.access.administrators import checked_login
from bootwave.store.administration import Administration
from tests.store.listed import notes_of

PASSWORD = "correct horse battery"
A, B = "a.example.com", "b.example.com"


@pytest.fixture
def domains(admin: Administration) -> None:
    for name in (A, B):
        admin.domain_add(name)


def rows(admin: Administration) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in admin.admin_list()}


@pytest.mark.usefixtures("domains")
def test_who_is_added_has_a_role_and_domains(admin: Administration) -> None:
    admin.actor = "root"
    admin.admin_add("Anna", password=PASSWORD)
    admin.admin_add("otto", password=PASSWORD, role="domain", domains=[B, A.upper()])
    admin.admin_add("looks", password=PASSWORD, role="read-only")
    found = rows(admin)
    assert found["anna"]["everywhere"]
    assert (found["otto"]["everywhere"], found["otto"]["domains"]) == (False, [A, B])
    assert found["looks"]["everywhere"]
    assert found["anna"]["made_by"] == "root"
    assert "hash" not in str(found)
    (added,) = notes_of(admin, subject="otto")
    assert (added["action"], added["detail"]) == (
        "administrator.added",
        {"role": "domain", "domains": [A, B]},
    )


@pytest.mark.usefixtures("domains")
@pytest.mark.parametrize(
    ("name", "given", "error"),
    [
        ("two words", {}, SettingError),
        ("", {}, SettingError),
        ("x" * 65, {}, SettingError),
        ("anna", {}, StoreConflict),
        ("otto", {"role": "king"}, SettingError),
        ("otto", {"domains": [A]}, SettingError),
        ("otto", {"role": "domain"}, SettingError),
        ("otto", {"role": "domain", "domains": ["c.example.com"]}, StoreNotFound),
    ],
)
def test_who_cannot_be_is_not_added(
    admin: Administration, name: str, given: dict[str, Any], error: type[Exception]
) -> None:
    admin.admin_add("anna", password=PASSWORD)
    with pytest.raises(error):
        admin.admin_add(name, password=PASSWORD, **given)
    assert list(rows(admin)) == ["anna"]


@pytest.mark.usefixtures("domains")
def test_role_and_domains_change_together_or_apart(admin: Administration) -> None:
    admin.admin_add("anna", password=PASSWORD)
    with pytest.raises(SettingError, match="name at least one"):
        admin.admin_set("anna", role="domain")
    admin.admin_set("anna", role="domain", domains=[A])
    admin.admin_set("anna", role="read-only")
    assert (rows(admin)["anna"]["everywhere"], rows(admin)["anna"]["domains"]) == (
        False,
        [A],
    )
    admin.admin_set("anna", role="operator")
    assert rows(admin)["anna"]["everywhere"]
    admin.admin_set("anna", role="read-only")
    assert rows(admin)["anna"]["everywhere"]
    with pytest.raises(SettingError, match="no role"):
        admin.admin_set("anna", role="king")
    with pytest.raises(StoreNotFound):
        admin.admin_set("otto", role="operator")


@pytest.mark.usefixtures("domains")
def test_whose_last_domain_is_removed_reaches_none(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    admin.admin_add("anna", password=PASSWORD, role="read-only", domains=[A])
    admin.domain_remove(A)
    found = administrators.named(connection, "anna")
    assert found is not None
    assert found.domains == frozenset()
    admin.admin_set("anna", role="read-only")
    assert not rows(admin)["anna"]["everywhere"]


def test_his_hash_stands_in_no_repr(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    admin.admin_add("anna", password=PASSWORD)
    found = administrators.named(connection, "anna")
    assert found is not None
    assert found.password_hash.startswith("$argon2id$")
    assert "argon2" not in repr(found)
    assert administrators.named(connection, "otto") is None
    assert administrators.by_id(connection, found.id) == found
    assert administrators.by_id(connection, 99) is None


def test_names_to_sign_in_with_are_plain() -> None:
    assert checked_login(" Anna.B@x-1 ") == "anna.b@x-1"
    for wrong in (".a", "a.", "a b", "ä", "a\n", "'"):
        with pytest.raises(SettingError):
            checked_login(wrong + "/" if wrong == "a\n" else wrong)


def test_removing_takes_what_he_had(
    admin: Administration, connection: sqlite3.Connection
) -> None:
    admin.admin_add("anna", password=PASSWORD)
    admin.admin_token_add("pbx", scopes=["read"], administrator="anna")
    anna = admin.access_administrator("anna")
    assert anna is not None
    admin.access_open(anna, b"d" * 32, "192.0.2.1")
    admin.admin_remove("anna")
    assert admin.admin_token_list() == []
    assert admin.access_session(b"d" * 32) is None
    with pytest.raises(StoreNotFound):
        admin.admin_remove("anna")
