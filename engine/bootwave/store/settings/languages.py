"""What administrators do with the language files of a domain."""

from typing import Any

from bootwave.errors import SettingError, StoreNotFound
from bootwave.phone.model import required_model
from bootwave.settings.credentials import without_credentials
from bootwave.settings.languagefiles import MAX_FILES, checked_language
from bootwave.store.names import required_domain
from bootwave.store.work import Work

_SET = """
INSERT INTO language_files (domain_id, kind, name, model, url)
VALUES (:domain_id, :kind, :name, :model, :url)
ON CONFLICT (domain_id, kind, name, model) DO UPDATE SET url = excluded.url
"""
_UNSET = """
DELETE FROM language_files WHERE domain_id = :domain_id AND kind = :kind
  AND name = :name AND model = :model
RETURNING url
"""
_LIST = """
SELECT kind, name, model, url FROM language_files
WHERE domain_id = :domain_id ORDER BY kind, name, model
"""


def set_file(
    work: Work, domain: str, kind: str, name: str, url: str, model: str
) -> dict[str, Any]:
    """Say where phones of a domain find a language, of one *model* or of all ("")."""
    model = required_model(model) if model else ""
    file = checked_language(kind, name, url, model)
    here = {"domain_id": work.domain_id(domain)}
    said = {
        "kind": file.kind,
        "name": file.name,
        "model": file.model,
        "url": file.url,
    }
    work.connection.execute(_SET, {**here, **said})
    if len(work.connection.execute(_LIST, here).fetchall()) > MAX_FILES:
        raise SettingError(f"A domain has {MAX_FILES} language files at most.")
    work.touched("domain", here["domain_id"])
    noted = {**said, "url": without_credentials(file.url)}
    work.note("language.set", required_domain(domain), **noted)
    return said


def unset_file(
    work: Work, domain: str, kind: str, name: str, model: str
) -> dict[str, Any]:
    """Say it no longer; raises StoreNotFound when it was not said."""
    key = {
        "kind": kind,
        "name": name.strip(),
        "model": required_model(model) if model else "",
    }
    here = {"domain_id": work.domain_id(domain)}
    if not work.connection.execute(_UNSET, {**here, **key}).fetchall():
        raise StoreNotFound(
            f"There is no such file for {name.strip()}: see bootwave language list."
        )
    work.touched("domain", here["domain_id"])
    work.note("language.unset", required_domain(domain), **key)
    return key


def listed(work: Work, domain: str) -> list[dict[str, Any]]:
    """Return the language files of a domain."""
    here = {"domain_id": work.domain_id(domain)}
    names = ("kind", "name", "model", "url")
    return [
        dict(zip(names, row, strict=True))
        for row in work.connection.execute(_LIST, here).fetchall()
    ]
