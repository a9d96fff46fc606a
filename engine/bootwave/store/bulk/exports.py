"""Accounts as the rows that an import takes, page by page."""

import json
from typing import Any

from bootwave.errors import OptionError
from bootwave.store.listing import pages
from bootwave.store.listing.cursors import key_from_text, text_from_key
from bootwave.store.listing.resources import RESOURCES, kinds_of
from bootwave.store.listing.shapes import SHAPES
from bootwave.store.names import required_domain
from bootwave.store.secrets import password_owner
from bootwave.store.work import Work

_SEALED = """
SELECT a.id, a.sealed_password FROM json_each(:ids) j
CROSS JOIN accounts a ON a.id = j.value
"""


def page(
    work: Work, domain: str | None, limit: int, cursor: str, *, passwords: bool
) -> dict[str, Any]:
    """Return ``rows`` by number, of *domain* or all, and the ``cursor`` behind them.

    A phone that holds an account for a time only is left out.  With *passwords* the
    audit log is told of the page.
    """
    if not 0 < limit <= pages.MAX_ROWS:
        raise OptionError(f"Ask for 1 to {pages.MAX_ROWS:,} rows at once.")
    if domain is None and work.reach is not None:
        raise OptionError("Name the domain whose accounts are exported.")
    equal = {} if domain is None else {"domain": work.domain_id(domain)}
    place = pages.place_of("accounts", "number", tuple(equal))
    order = RESOURCES["accounts"][place]
    name = f"export {'' if domain is None else required_domain(domain)}"
    found = pages.read(
        work.connection,
        "accounts",
        place,
        equal=equal,
        after=key_from_text(name, cursor, kinds_of(order)) if cursor else None,
        limit=limit,
    )
    told = _passwords(work, [row[0] for row in found.rows]) if passwords else {}
    rows = [
        {
            "extension": account["number"],
            "domain": account["domain"],
            "name": account["name"],
            **({"password": told[row[0]]} if passwords else {}),
            "mac": " ".join(_targets(account)),
            "mailbox": account["mailbox"],
            "auth_user": account["auth_user"],
        }
        for row, account in zip(
            found.rows, SHAPES["accounts"](work, found.rows), strict=True
        )
    ]
    if passwords and rows:
        whose = f"{len(rows)} accounts" if domain is None else required_domain(domain)
        work.note("accounts.exported", whose, accounts=len(rows), passwords=True)
    return {
        "rows": rows,
        "cursor": text_from_key(name, found.after) if found.after else "",
    }


def _targets(account: dict[str, Any]) -> list[str]:
    bound = [one["mac"] for one in account["bound"] if not one["temporary"]]
    return ([account["wildcard"]] if account["wildcard"] else []) + bound


def _passwords(work: Work, ids: list[int]) -> dict[int, str]:
    rows = work.connection.execute(_SEALED, {"ids": json.dumps(ids)}).fetchall()
    return {
        id_: work.keyring.open(bytes(sealed), owner=password_owner(id_))
        for id_, sealed in rows
    }
