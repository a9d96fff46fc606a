"""``bootwave group``: named sets of a domain's devices."""

from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, print_json, print_line, print_table
from bootwave.cli.rows import Rows, listing
from bootwave.store.names import required_domain

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Of the group.", show_default=False)
]
Macs = Annotated[list[str], typer.Argument(metavar="MAC", show_default=False)]


def add(domain: Domain, name: Name, json: Json = False) -> None:
    """Add a group of devices to a domain."""
    with place.session() as session:
        made = session.call("group.add", domain=domain, name=name)
    if json:
        print_json(made)
    else:
        print_line(f"Added the group {made['name']}@{made['domain']}.")


def list_all(domain: Domain, json: Json = False) -> None:
    """List the groups of a domain."""
    with place.session() as session:
        found = session.call("group.list", domain=domain)
    if json:
        print_json(found)
        return
    print_table(
        ("group", "devices"),
        [(one["name"], one["devices"]) for one in found],
        empty=f"{domain} has no groups: bootwave group add DOMAIN NAME adds one.",
    )


def show(domain: Domain, name: Name, json: Json = False) -> None:
    """Show the devices of a group."""
    group = {"group": f"{name}@{domain}"}
    with place.session() as session, listing(json=False):
        devices = [
            {"mac": one["mac"], "model": one["model"]}
            for one in Rows(session, "devices", filters=group)
        ]
    if json:
        told = {"domain": required_domain(domain), "name": name.strip()}
        print_json(told | {"devices": devices})
        return
    print_table(
        ("MAC", "model"),
        [(one["mac"], one["model"]) for one in devices],
        empty="It has no devices: bootwave group assign DOMAIN NAME MAC adds some.",
    )


def assign(domain: Domain, name: Name, macs: Macs, json: Json = False) -> None:
    """Put devices of the domain into the group, instead of the one they are in."""
    _assign(domain, name, macs, json=json)


def unassign(domain: Domain, macs: Macs, json: Json = False) -> None:
    """Take devices of the domain out of the group they are in."""
    _assign(domain, "", macs, json=json)


def remove(domain: Domain, name: Name, json: Json = False) -> None:
    """Remove a group; its devices are in none then."""
    with place.session() as session:
        gone = session.call("group.remove", domain=domain, name=name)
    if json:
        print_json(gone)
    else:
        print_line(f"Removed the group {gone['name']}@{gone['domain']}.")


def _assign(domain: str, name: str, macs: list[str], *, json: bool) -> None:
    with place.session() as session:
        done = session.call("group.assign", domain=domain, name=name, macs=macs)
    if json:
        print_json(done)
        return
    count = len(done["devices"])
    whom = done["devices"][0] if count == 1 else f"{count:,} devices"
    be = "is" if count == 1 else "are"
    where = f"in the group {done['name']}" if done["name"] else "in no group"
    print_line(f"{whom} {be} {where}.")
