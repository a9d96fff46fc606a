"""``bootwave domain``."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.joined import joined
from bootwave.cli.misuse import NOTHING_GIVEN, Misuse
from bootwave.cli.output import (
    Json,
    print_json,
    print_json_rows,
    print_line,
    print_table,
)
from bootwave.cli.progress import Progress
from bootwave.cli.rows import Rows, listing

Name = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]
Registrar = Annotated[
    str | None,
    typer.Option(metavar="HOST", help="Where phones register; else the domain."),
]
OutboundProxy = Annotated[
    str | None, typer.Option(metavar="HOST", help="Through which proxy they register.")
]
Language = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Language of the phones: German, de or Deutsch."),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        metavar="ZONE",
        help="Time zone of the phones: Germany, Europe/Berlin, UTC+1 or GER+1.",
    ),
]
ToneScheme = Annotated[
    str | None,
    typer.Option(
        "--tones",
        "--tone-scheme",
        metavar="COUNTRY",
        help="Whose tones the phones play: Germany, DE or GER.",
    ),
]
WildcardSubnet = Annotated[
    str | None,
    typer.Option(
        metavar="NETWORK", help="Where unknown phones may claim a '*' or '?' account."
    ),
]
Reach = Annotated[
    str | None,
    typer.Option(
        metavar="WAY",
        help="How its phones are told: auto, direct, or proxy for those behind NAT.",
        autocompletion=one_of("auto", "direct", "proxy"),
    ),
]


def given_fields(
    registrar: Registrar = None,
    outbound_proxy: OutboundProxy = None,
    language: Language = None,
    timezone: Timezone = None,
    tone_scheme: ToneScheme = None,
    wildcard_subnet: WildcardSubnet = None,
    reach: Reach = None,
) -> dict[str, Any]:
    """Return what was given of a domain by the names of its fields."""
    fields = {
        "registrar": registrar,
        "outbound_proxy": outbound_proxy,
        "language": language,
        "timezone": timezone,
        "tone_scheme": tone_scheme,
        "wildcard_subnet": wildcard_subnet,
        "reach": reach,
    }
    return {field: value for field, value in fields.items() if value is not None}


_LABELS = {
    "name": "domain",
    "registrar": "registrar",
    "outbound_proxy": "outbound proxy",
    "language": "language",
    "timezone": "timezone",
    "tone_scheme": "tones",
    "wildcard_subnet": "wildcard subnet",
    "reach": "reach",
}
_with_fields = joined("fields", given_fields)


@_with_fields
def add(name: Name, fields: dict[str, Any], json: Json = False) -> None:
    """Add a domain: a SIP domain with what its phones have in common."""
    with place.session() as session:
        made = session.call("domain.add", name=name, **fields)
    if json:
        print_json(made)
    else:
        print_line(f"Added {made['name']}.")


@_with_fields
def change(name: Name, fields: dict[str, Any], json: Json = False) -> None:
    """Change what is given of a domain; "" takes a value away."""
    if not fields:
        raise Misuse(NOTHING_GIVEN)
    with place.session() as session:
        changed = session.call("domain.set", name=name, **fields)
    if json:
        print_json(changed)
    else:
        print_line(f"Changed {changed['name']}.")


def list_all(json: Json = False) -> None:
    """List the domains with the numbers of their accounts and devices."""
    with place.session() as session, listing(json=json):
        rows = Rows(session, "domains")
        if json:
            print_json_rows(rows)
            return
        found = [*rows]
    columns = {
        "name": "domain",
        "accounts": "accounts",
        "devices": "devices",
        **_LABELS,
        "token": "token",
    }
    # A column that no domain fills would only push the others apart.
    shown = [
        name
        for name in columns
        if name in ("name", "accounts", "devices") or any(row[name] for row in found)
    ]
    print_table(
        [columns[name] for name in shown],
        [[row[name] for name in shown] for row in found],
        empty="There are no domains: bootwave domain add DOMAIN adds one.",
    )


def show(name: Name, json: Json = False) -> None:
    """Show what is said of a domain."""
    with place.session() as session:
        found = session.call("domain.show", name=name)
    if json:
        print_json(found)
        return
    for field, label in _LABELS.items():
        if found[field]:
            print_line(f"{label + ':':17}{found[field]}")


def remove(
    name: Name,
    force: Annotated[
        bool, typer.Option("--force", help="Remove what it has, too.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove a domain; one that is not empty only with --force.

    It is not empty with accounts, profiles, groups, entries in its phone book, or
    firmware defined, pinned or forbidden for it.
    """
    with place.session() as session, Progress("Removing") as progress:
        gone = session.call(
            "domain.remove", name=name, force=force, progress=progress.update
        )
    if json:
        print_json(gone)
    else:
        print_line(f"Removed {gone['name']} and its {gone['accounts']:,} accounts.")
