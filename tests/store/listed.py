"""Whole lists of a small store, as commands put them together from pages."""

from typing import Any

from bootwave.store.administration import Administration


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
