"""``bootwave admin token``: tokens of the API, for programs."""

from enum import StrEnum
from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.admin import Domains, Name
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import (
    Json,
    hint,
    moment,
    print_json,
    print_line,
    print_table,
)


class Scope(StrEnum):
    """What a token may do."""

    read = "read"
    write = "write"
    reveal = "reveal"
    access = "access"


def add(
    name: Name,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            metavar="read|write|reveal|access",
            help="What it may do; may be given more than once.  write reads, too; "
            "reveal shows secrets; access says who may use the API.",
            show_default=False,
        ),
    ] = None,
    domain: Domains = None,
    days: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="For how long; else until it is revoked.",
            show_default=False,
        ),
    ] = None,
    administrator: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="NAME",
            help="Whose it is: it can do what he can, and goes with him.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a token of the API and show it, this once."""
    if not scope:
        raise Misuse("Say with --scope what it may do: read, write, reveal or access.")
    with place.session() as session:
        made = session.call(
            "admin.token.add",
            name=name,
            scopes=[each.value for each in scope],
            domains=domain or [],
            days=days,
            administrator=administrator,
        )
    if json:
        print_json(made)
        return
    print_line(made["token"])
    until = made["expires_at"]
    good = f"until {moment(until)}" if until is not None else "until it is revoked"
    hint(f"Good {good}; it is not shown again.")


def list_all(json: Json = False) -> None:
    """List the tokens, and when each was used last."""
    with place.session() as session:
        found = session.call("admin.token.list")
    if json:
        print_json(found)
        return
    print_table(
        ["name", "scopes", "domains", "of", "made", "expires", "last used", "from"],
        [
            [
                row["name"],
                ", ".join(row["scopes"]),
                "all" if row["everywhere"] else ", ".join(row["domains"]) or "none",
                row["administrator"],
                moment(row["made_at"]),
                moment(row["expires_at"]),
                moment(row["used_at"]),
                row["used_from"],
            ]
            for row in found
        ],
        empty="There are no tokens: bootwave admin token add NAME --scope read makes "
        "one.",
    )


def revoke(
    name: Name,
    administrator: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="NAME",
            help="Whose it is, where several have one of that name; '' is nobody's.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Revoke a token; the next request with it is refused."""
    with place.session() as session:
        gone = session.call(
            "admin.token.revoke", name=name, administrator=administrator
        )
    if json:
        print_json(gone)
    else:
        print_line(f"Revoked {gone['name']}.")
