"""The base URL of first contacts: what is typed in, and what DHCP hands out."""

from bootwave.cli import place
from bootwave.cli.document import default_url


def first_contact_url(base: str, domain: str) -> str:
    """Return the base URL that phones of *domain* ("" for none) are first told.

    It is *base*, else what the options and this machine's addresses say, and the token
    of the domain where it has one, of which the audit log is told.  No slash at the
    end.  Raises OperatorError or StoreError.
    """
    start = base.rstrip("/") or default_url(place.loaded().options)
    if not domain:
        return start
    name = domain.strip().lower()
    with place.session() as session:
        rows = session.call("domain.list")
        if any(row["name"] == name and not row["token"] for row in rows):
            return start
        return f"{start}/{session.call('token.show', domain=domain)['token']}"
