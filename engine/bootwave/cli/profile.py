"""``bootwave profile``: the buttons that accounts of a domain have in common."""

from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.keys import print_keys
from bootwave.cli.output import Json, print_json, print_line, print_table
from bootwave.cli.revealing import Reveal
from bootwave.cli.settings import print_settings

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Of the profile.", show_default=False)
]
Accounts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ACCOUNT", help="Their numbers in the domain.", show_default=False
    ),
]
Numbers = Annotated[
    list[str] | None,
    typer.Option("--numbers", metavar="FIRST-LAST", help="Those within a range."),
]
Everyone = Annotated[bool, typer.Option("--all", help="Every account of the domain.")]


def add(domain: Domain, name: Name, json: Json = False) -> None:
    """Add a button profile; bootwave keys set --profile NAME@DOMAIN fills it."""
    with place.session() as session:
        made = session.call("profile.add", domain=domain, name=name)
    if json:
        print_json(made)
    else:
        print_line(f"Added the profile {made['name']}@{made['domain']}.")


def list_all(domain: Domain, json: Json = False) -> None:
    """List the profiles of a domain."""
    with place.session() as session:
        found = session.call("profile.list", domain=domain)
    if json:
        print_json(found)
        return
    print_table(
        ("profile", "accounts", "keys", "settings"),
        [tuple(one.values()) for one in found],
        empty=f"{domain} has no profiles: bootwave profile add DOMAIN NAME adds one.",
    )


def show(
    domain: Domain, name: Name, reveal: Reveal = False, json: Json = False
) -> None:
    """Show the buttons of a profile, its settings, secrets masked, and who has it."""
    with place.session() as session:
        found = session.call("profile.show", domain=domain, name=name, reveal=reveal)
    if json:
        print_json(found)
        return
    print_keys(found["keys"], empty="It has no buttons.")
    if found["settings"]:
        print_settings(found["settings"], empty="")
    print_line("accounts: " + (", ".join(found["accounts"]) or "none"))


def assign(
    domain: Domain,
    name: Name,
    accounts: Accounts = None,
    numbers: Numbers = None,
    everyone: Everyone = False,
    json: Json = False,
) -> None:
    """Give accounts of the domain the profile, instead of the one they have."""
    _assign(domain, name, accounts, numbers, everyone, json=json)


def unassign(
    domain: Domain,
    accounts: Accounts = None,
    numbers: Numbers = None,
    everyone: Everyone = False,
    json: Json = False,
) -> None:
    """Take the profile that they have from accounts of the domain."""
    _assign(domain, "", accounts, numbers, everyone, json=json)


def remove(
    domain: Domain,
    name: Name,
    force: Annotated[
        bool, typer.Option("--force", help="Even when accounts have it.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove a profile with what it says."""
    with place.session() as session:
        gone = session.call("profile.remove", domain=domain, name=name, force=force)
    if json:
        print_json(gone)
    else:
        print_line(f"Removed the profile {gone['name']}@{gone['domain']}.")


def _assign(
    domain: str,
    name: str,
    accounts: list[str] | None,
    numbers: list[str] | None,
    everyone: bool,
    *,
    json: bool,
) -> None:
    with place.session() as session:
        done = session.call(
            "profile.assign",
            domain=domain,
            name=name,
            accounts=accounts or [],
            numbers=numbers or [],
            everyone=everyone,
        )
    if json:
        print_json(done)
        return
    count = len(done["accounts"])
    whom = done["accounts"][0] if count == 1 else f"{count:,} accounts"
    have = "has" if count == 1 else "have"
    what = f"the profile {done['name']}" if done["name"] else "no profile"
    print_line(f"{whom} {have} {what}.")
