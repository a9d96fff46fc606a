"""Whole lists of a small store, as commands put them together from pages."""

import sqlite3
from typing import Any

from bootwave.store.administration import Administration
from bootwave.store.audit import told_detail


def rows_of(
    admin: Administration, resource: str, *, sort: str = "", **filters: str
) -> list[dict[str, Any]]:
    """Return the rows of a list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = admin.records_page(resource, filters=filters, sort=sort, cursor=cursor)
        found += page["rows"]
        cursor = page["cursor"]
        if not cursor:
            return found


def accounts_of(admin: Administration, domain: str = "") -> list[dict[str, Any]]:
    """Return the accounts, of *domain* or all, by domain and number."""
    if domain:
        return rows_of(admin, "accounts", domain=domain)
    return rows_of(admin, "accounts", sort="domain")


def windows_of(
    admin: Administration, domain: str = "", *, everything: bool = False
) -> list[dict[str, Any]]:
    """Return the windows that are live, or *everything*, by domain and number."""
    found = rows_of(admin, "windows", domain=domain, state="" if everything else "live")
    return sorted(found, key=lambda one: one["account"].partition("@")[::-2])


def notes_of(
    admin: Administration, *, limit: int = 100, **filters: str
) -> list[dict[str, Any]]:
    """Return the newest *limit* rows of the audit log, newest first."""
    page = admin.records_page("audit", filters=filters, limit=limit, descending=True)
    found: list[dict[str, Any]] = page["rows"]
    return found


def notes_by(connection: sqlite3.Connection, actor: str = "") -> list[dict[str, Any]]:
    """Return the rows of the audit log, of *actor* or all, newest first."""
    names = ("seq", "at", "actor", "action", "subject", "detail")
    rows = connection.execute(
        f"SELECT {', '.join(names)} FROM audit ORDER BY seq DESC"
    ).fetchall()
    found = [
        dict(zip(names, (*row[:5], told_detail(row[5])), strict=True)) for row in rows
    ]
    return [one for one in found if actor in ("", one["actor"])]
