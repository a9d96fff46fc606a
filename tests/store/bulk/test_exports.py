from typing import Any

import pytest

from bootwave.errors import OptionError, StoreNotFound
from bootwave.store.administration import Administration
from tests.store.listed import accounts_of, notes_of

MAC = 0x0004132E08B4
A, B = "a.example.com", "b.example.com"


@pytest.fixture
def store(admin: Administration) -> Administration:
    for domain in (A, B):
        admin.domain_add(domain)
    for n in range(5):
        admin.account_add(
            f"{401 + n}@{A}", password=f"of-{n}", name=f"Phone {n}", mailbox="900"
        )
    admin.account_add(f"500@{B}", password="other")
    admin.account_bind(f"401@{A}", f"{MAC:012X}")
    admin.account_bind(f"401@{A}", f"{MAC + 1:012X}", add=True)
    admin.account_bind(f"402@{A}", "*")
    return admin


def exported(admin: Administration, **how: Any) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    cursor = ""
    while True:
        page = admin.account_export(limit=2, cursor=cursor, **how)
        rows += page["rows"]
        cursor = page["cursor"]
        if not cursor:
            return rows


def test_what_is_exported_makes_the_same_accounts_again(
    store: Administration,
) -> None:
    rows = exported(store, passwords=True)
    before = accounts_of(store)
    for account in before:
        store.account_remove(account["account"])
    assert store.account_import(rows)["stored"]
    assert accounts_of(store) == before
    assert exported(store, passwords=True) == rows
    assert {row["password"] for row in rows} >= {"of-0", "other"}


def test_without_being_asked_no_password_is_told(store: Administration) -> None:
    rows = exported(store, domain=A)
    assert [row["extension"] for row in rows] == ["401", "402", "403", "404", "405"]
    assert "password" not in rows[0]
    assert rows[0]["mac"] == f"{MAC:012X} {MAC + 1:012X}"
    assert rows[1]["mac"] == "*"


def test_the_audit_log_is_told_of_each_page_with_passwords(
    store: Administration,
) -> None:
    before = len(notes_of(store, limit=1000))
    exported(store)
    assert len(notes_of(store, limit=1000)) == before
    exported(store, passwords=True, domain=A)
    notes = notes_of(store, limit=1000)[: len(notes_of(store, limit=1000)) - before]
    assert {note["action"] for note in notes} == {"accounts.exported"}
    assert sum(note["detail"]["accounts"] for note in notes) == 5
    assert "of-0" not in str(notes)


def test_what_cannot_be_exported_is_refused(store: Administration) -> None:
    with pytest.raises(StoreNotFound):
        store.account_export(domain="x.example.com")
    with pytest.raises(OptionError):
        store.account_export(limit=0)
    cursor = store.account_export(domain=A, limit=1)["cursor"]
    with pytest.raises(OptionError, match="cursor"):
        store.account_export(domain=B, cursor=cursor)
