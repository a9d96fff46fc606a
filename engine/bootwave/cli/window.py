"""``bootwave window``."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse, finite
from bootwave.cli.output import (
    Json,
    duration,
    hint,
    print_json,
    print_line,
    print_table,
)

Accounts = Annotated[
    list[str] | None,
    typer.Argument(metavar="ACCOUNT...", help="As 401@pbx.example.com."),
]
Domain = Annotated[
    str | None,
    typer.Option(
        metavar="DOMAIN",
        help="The domain of bare numbers; without accounts, all of it.",
    ),
]


def open_for(
    accounts: Accounts = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="For how long; else pairing.window_minutes.", callback=finite
        ),
    ] = None,
    domain: Domain = None,
    json: Json = False,
) -> None:
    """Open accounts: the first phone bound to them that asks gets its settings.

    All are opened or none.  Naming --domain and no account opens all of the domain.
    """
    with place.session() as session:
        done = session.call(
            "window.open",
            accounts=_chosen(accounts, domain),
            minutes=minutes,
            domain=domain,
        )
    if json:
        print_json(done)
    else:
        print_line(
            f"Opened {_names(done['opened'])} for {duration(done['minutes'] * 60)}."
        )
        if done["unbound"]:
            verb = "is" if len(done["unbound"]) == 1 else "are"
            hint(
                f"{_names(done['unbound'])} {verb} bound to no phone, so no phone can "
                "use this: bootwave account bind ACCOUNT MAC."
            )


def close(accounts: Accounts = None, domain: Domain = None, json: Json = False) -> None:
    """Close accounts at once, with what was granted by their windows."""
    with place.session() as session:
        done = session.call(
            "window.close", accounts=_chosen(accounts, domain), domain=domain
        )
    if json:
        print_json(done)
    elif done["closed"]:
        print_line(f"Closed {_names(done['closed'])}.")
    else:
        print_line("None of them was open.")


def list_all(
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Only those of this domain.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Closed and ended ones, too.")
    ] = False,
    json: Json = False,
) -> None:
    """List open windows, used or waiting, and the time they have left."""
    with place.session() as session:
        found = session.call("window.list", domain=domain, everything=everything)
    if json:
        print_json(found)
        return
    print_table(
        ("account", "state", "left", "used by", "from"),
        [_row(window) for window in found],
        empty="No window is open: bootwave window open ACCOUNT opens one.",
    )


def _row(window: dict[str, Any]) -> tuple[str, ...]:
    left = window["seconds_left"]
    return (
        window["account"],
        window["state"],
        duration(left) if left else "",
        window["mac"],
        window["source"],
    )


def _chosen(accounts: list[str] | None, domain: str | None) -> list[str]:
    if not accounts and domain is None:
        raise Misuse("Name the accounts, such as 401@pbx.example.com, or a --domain.")
    return accounts or []


def _names(accounts: list[str]) -> str:
    if len(accounts) > 5:
        return f"{len(accounts)} accounts"
    return ", ".join(accounts)
