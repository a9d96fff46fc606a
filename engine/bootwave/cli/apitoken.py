"""``bootwave admin token``: tokens of the API, for programs."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.admin import Domains, Name, Role
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
    told = administrator is not None and not json
    with place.session() as session:
        # Before it is made: what fails afterwards would leave a token nobody knows.
        owners = _owners(session.call("admin.list")) if told else {}
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
    made["everywhere"] = not made["domains"]
    does, where = _does(made, owners), _where(made, owners)
    if (does, where) != (_does(made, {}), _where(made, {})):
        whose = made["administrator"]
        named = {"all": "all domains", "none": "no domain"}.get(where, where)
        hint(f"Its scopes count as {does} in {named}: {whose} can do no more.")


def list_all(json: Json = False) -> None:
    """List the tokens: what each can do now, and when it was used last.

    That is no more than its administrator can; --json shows what it was made for.
    """
    with place.session() as session:
        found = session.call("admin.token.list")
        owners = _owners(session.call("admin.list"))
    if json:
        print_json(found)
        return
    print_table(
        ["name", "scopes", "domains", "of", "made", "expires", "last used", "from"],
        [
            [
                row["name"],
                _does(row, owners),
                _where(row, owners),
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


def heeded_scopes(scopes: Sequence[str], role: str) -> list[str]:
    """Return what of *scopes* is heeded of a token whose administrator has *role*.

    Each that is not heeded still reads.
    """
    if role != Role.read_only:
        return [*scopes]
    looks = [Scope.read.value] if set(scopes) - {Scope.access} else []
    return looks + [each for each in scopes if each == Scope.access]


Row = Mapping[str, Any]


def _owners(administrators: Sequence[Row]) -> dict[str, Row]:
    return {row["name"]: row for row in administrators}


def _does(token: Row, owners: Mapping[str, Row]) -> str:
    scopes: list[str] = token["scopes"]
    owner = owners.get(token["administrator"])
    if owner is not None:
        scopes = heeded_scopes(scopes, owner["role"])
    return ", ".join(scopes)


def _where(token: Row, owners: Mapping[str, Row]) -> str:
    owner = owners.get(token["administrator"])
    reaches = [row for row in (token, owner) if row and not row["everywhere"]]
    if not reaches:
        return "all"
    domains = set.intersection(*(set(row["domains"]) for row in reaches))
    return ", ".join(sorted(domains)) or "none"
