"""What administrators do with the CA certificates that a domain's phones shall trust.

Phones that check certificates know the public CAs of their firmware; one of a company's
own reaches them in their settings.  It names nobody and holds no secret.
"""

import base64
import binascii
from typing import Any

from bootwave.errors import SettingError, StoreNotFound
from bootwave.store.names import required_domain
from bootwave.store.work import Work

# Each stands in every document; phones have room for a handful.
MAX_CERTIFICATES = 10
_DIGEST_CHARACTERS = 64
_SUBJECT_CHARACTERS = 512

_ADD = """
INSERT INTO trusted_certificates (domain_id, digest, der, subject, not_after)
VALUES (:domain_id, :digest, :der, :subject, :not_after)
ON CONFLICT (domain_id, digest) DO NOTHING
"""
_REMOVE = """
DELETE FROM trusted_certificates
WHERE domain_id = :domain_id AND digest LIKE :digest
RETURNING digest
"""
_FIND = """
SELECT digest FROM trusted_certificates
WHERE domain_id = :domain_id AND digest LIKE :digest
"""
_LIST = """
SELECT digest, subject, not_after FROM trusted_certificates
WHERE domain_id = :domain_id ORDER BY digest
"""
_SHORTEST = 8  # digits of a digest that name it


def add(work: Work, domain: str, certificates: list[str]) -> dict[str, Any]:
    """Let phones trust *certificates*, DER in base64; a ``warning`` may be a sentence.

    Raises SettingError for what is no certificate of a CA, or one that has expired.
    """
    here = {"domain_id": work.domain_id(domain)}
    rows = [_row(text, work.at.wall) for text in certificates]
    if not rows:
        raise SettingError("There is no certificate to be trusted.")
    for row in rows:
        work.connection.execute(_ADD, {**here, **row})
    if len(work.connection.execute(_LIST, here).fetchall()) > MAX_CERTIFICATES:
        raise SettingError(
            f"The phones of a domain are told {MAX_CERTIFICATES} certificates at most."
        )
    work.touched("domain", here["domain_id"])
    for row in rows:
        work.note("trust.added", required_domain(domain), certificate=row["subject"])
    return {"added": [_shown(row) for row in rows]}


def _row(text: str, now: float) -> dict[str, Any]:
    from bootwave.certificates.parsed import Parsed

    try:
        found = Parsed(base64.b64decode(text, validate=True))
        may_issue = found.roles.may_issue
    except (binascii.Error, ValueError) as error:
        raise SettingError(
            f"This is no certificate ({error}): give that of a CA, in PEM or DER."
        ) from None
    name = found.subject_text
    if not may_issue:
        raise SettingError(
            f"{name} is not the certificate of a CA: phones trust those that issue the "
            "servers' certificates."
        )
    if found.not_after < now:
        raise SettingError(f"The certificate of {name} has expired.")
    return {
        "digest": found.digest.hex(),
        "der": found.der,
        "subject": name[:_SUBJECT_CHARACTERS],
        "not_after": found.not_after,
    }


def remove(work: Work, domain: str, digest: str) -> dict[str, Any]:
    """Let phones no longer be told a certificate, by the first digits of its SHA-256.

    Phones that have it keep it.  Raises StoreNotFound, and SettingError for digits
    that could be several.
    """
    here = {"domain_id": work.domain_id(domain)}
    digits = digest.replace(":", "").strip().lower()
    if not _SHORTEST <= len(digits) <= _DIGEST_CHARACTERS or set(digits) - set(
        "0123456789abcdef"
    ):
        raise SettingError(
            f"{digest!r} is not a SHA-256: write its first {_SHORTEST} digits, or all."
        )
    key = {**here, "digest": digits + "%"}
    found = work.connection.execute(_FIND, key).fetchall()
    if not found:
        raise StoreNotFound(
            f"No certificate {digits} is told there: see bootwave domain trust list."
        )
    if len(found) > 1:
        raise SettingError(f"{digits} begins several: write more digits.")
    work.connection.execute(_REMOVE, key)
    work.touched("domain", here["domain_id"])
    work.note("trust.removed", required_domain(domain), digest=found[0][0])
    return {"digest": found[0][0]}


def listed(work: Work, domain: str) -> list[dict[str, Any]]:
    """Return the certificates that phones of a domain are told, by their SHA-256."""
    here = {"domain_id": work.domain_id(domain)}
    names = ("digest", "subject", "not_after")
    return [
        dict(zip(names, row, strict=True))
        for row in work.connection.execute(_LIST, here).fetchall()
    ]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("digest", "subject", "not_after")}
