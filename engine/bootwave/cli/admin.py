"""``bootwave admin``: who may use the API."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import NOTHING_GIVEN, Misuse
from bootwave.cli.output import (
    Json,
    hint,
    moment,
    print_json,
    print_line,
    print_table,
)
from bootwave.cli.password import password_from
from bootwave.cli.setuplink import setup_link
from bootwave.errors import OptionError
from bootwave.options import ControlOptions

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
Domains = Annotated[
    list[str] | None,
    typer.Option(
        "--domain",
        metavar="DOMAIN",
        help="A domain that is reached; may be given more than once.",
        show_default=False,
    ),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read it from standard input.")
]


class Role(StrEnum):
    """What an administrator may do."""

    operator = "operator"
    domain = "domain"
    read_only = "read-only"


_ROLES = {
    Role.operator: "operator",
    Role.domain: "administrator",
    Role.read_only: "reader",
}


def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What he may do.")] = Role.operator,
    domain: Domains = None,
    password_stdin: PasswordStdin = False,
    json: Json = False,
) -> None:
    """Add an administrator of the API.

    An operator does everything; one of the role domain everything in the domains that
    are named; who is read-only looks, everywhere or in those.
    """
    from bootwave.store.access.administrators import checked_login, checked_reach
    from bootwave.store.names import required_domain

    # Nobody types a password for what is refused.
    checked_login(name)
    checked_reach(role.value, domain or ())
    for one in domain or ():
        required_domain(one)
    password = _password(password_stdin)
    with place.session() as session:
        made = session.call(
            "admin.add",
            name=name,
            password=password,
            role=role.value,
            domains=domain or [],
        )
    if json:
        print_json(made)
    else:
        print_line(f"Added {made['name']}, {_reach(made)}.")


def change(
    name: Name,
    role: Annotated[
        Role | None, typer.Option(help="What he may do.", show_default=False)
    ] = None,
    domain: Domains = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="All domains instead of some.")
    ] = False,
    json: Json = False,
) -> None:
    """Change role and domains of an administrator; it holds at once."""
    if domain and everywhere:
        raise Misuse("Give --domain or --everywhere, not both.")
    given: dict[str, Any] = {}
    if role is not None:
        given["role"] = role.value
    if domain or everywhere:
        given["domains"] = domain or []
    if not given:
        raise Misuse(NOTHING_GIVEN)
    with place.session() as session:
        changed = session.call("admin.set", name=name, **given)
        rows = {row["name"]: row for row in session.call("admin.list")}
    if json:
        print_json(changed)
    else:
        reach = _reach(rows.get(changed["name"], changed))
        print_line(f"{changed['name']} is {reach} now.")


def passwd(
    name: Name, password_stdin: PasswordStdin = False, json: Json = False
) -> None:
    """Give an administrator another password; his sessions end, his tokens stay."""
    password = _password(password_stdin)
    with place.session() as session:
        done = session.call("admin.password", name=name, password=password)
    if json:
        print_json(done)
    else:
        print_line(f"{done['name']} has another password.")


def list_all(json: Json = False) -> None:
    """List the administrators."""
    with place.session() as session:
        found = session.call("admin.list")
    if json:
        print_json(found)
        return
    print_table(
        ["name", "role", "domains", "added", "by", "password of"],
        [
            [
                row["name"],
                row["role"],
                "all" if row["everywhere"] else ", ".join(row["domains"]) or "none",
                moment(row["made_at"]),
                row["made_by"],
                moment(row["password_at"]),
            ]
            for row in found
        ],
        empty="There are no administrators: bootwave admin add NAME adds one.",
    )


def remove(name: Name, json: Json = False) -> None:
    """Remove an administrator with his sessions and tokens; it holds at once."""
    with place.session() as session:
        gone = session.call("admin.remove", name=name)
    if json:
        print_json(gone)
    else:
        print_line(f"Removed {gone['name']}.")


def link(json: Json = False) -> None:
    """Make a link that makes an operator, once and within an hour.

    One that was made before is good no more.
    """
    with place.session() as session:
        made = session.call("admin.link")
    link = setup_link(_control(), made["token"])
    if json:
        print_json({**made, "link": link})
        return
    print_line(link or made["token"])
    where = (
        "open it in a browser"
        if link
        else "but there is no API: control.listen is empty, or bootwave[control] is "
        "not installed"
    )
    hint(f"Good once, until {moment(made['expires_at'])}; {where}.")


def _control() -> ControlOptions:
    """Return where the API is, as far as the options can be read."""
    try:
        return place.loaded().options.control
    except OptionError:  # an engine was asked all the same (place.session)
        return ControlOptions(listen="")


def _password(from_stdin: bool) -> str:
    given = password_from(None, from_stdin)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise Misuse("Give --password-stdin and write the password to standard input.")
    typed: str = typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True, err=True
    )
    return typed


def _reach(row: dict[str, Any]) -> str:
    # Not by whether any is left: where the last one was removed, none is reached.
    nowhere = "no domain" if not row.get("everywhere", True) else "all domains"
    return f"{_ROLES[row['role']]} of {', '.join(row['domains']) or nowhere}"
