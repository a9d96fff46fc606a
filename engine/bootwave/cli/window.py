"""``bootwave window``."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse, finite
from bootwave.cli.output import (
    Json,
    duration,
    hint,
    moment,
    print_json,
    print_json_rows,
    print_line,
    print_table,
)
from bootwave.cli.rows import Rows, listing
from bootwave.store.names import required_domain

Accounts = Annotated[
    list[str] | None,
    typer.Argument(metavar="ACCOUNT", help="As 401@pbx.example.com."),
]
Domain = Annotated[
    str | None,
    typer.Option(
        metavar="DOMAIN",
        help="The domain of bare numbers; without accounts, all of it.",
    ),
]
Macs = Annotated[
    list[str] | None,
    typer.Option("--mac", metavar="MAC", help="Accounts bound to this phone, too."),
]
Numbers = Annotated[
    list[str] | None,
    typer.Option(
        "--numbers", metavar="FROM-TO", help="Numbers of the domain, as 400-449."
    ),
]
Most = Annotated[
    int | None,
    typer.Option(metavar="N", help="For at most so many unknown phones."),
]
Ouis = Annotated[
    list[str] | None,
    typer.Option("--oui", metavar="OUI", help="For unknown phones of 000413 only."),
]
Subnet = Annotated[
    str, typer.Option(metavar="NETWORK", help="For unknown phones there only.")
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="MODEL", help="For unknown phones of it only."),
]


def open_for(
    accounts: Accounts = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="For how long; else pairing.window_minutes.",
            callback=finite,
        ),
    ] = None,
    domain: Domain = None,
    mac: Macs = None,
    numbers: Numbers = None,
    most: Most = None,
    oui: Ouis = None,
    subnet: Subnet = "",
    model: Models = None,
    json: Json = False,
) -> None:
    """Open accounts: the first phone bound to them that asks gets its settings.

    All are opened or none.  Naming --domain and no account opens all of the domain.
    --most, --oui, --subnet and --model are for accounts bound to '*' or '?'.
    """
    with place.session() as session:
        done = session.call(
            "window.open",
            minutes=minutes,
            most=most,
            ouis=oui or [],
            subnet=subnet,
            models=model or [],
            **_chosen(accounts, domain, mac, numbers),
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
        if (most or oui or subnet or model) and not done["wildcards"]:
            hint(
                "None of them is bound to '*' or '?', so the bounds for unknown phones "
                "mean nothing here."
            )


def close(
    accounts: Accounts = None,
    domain: Domain = None,
    mac: Macs = None,
    numbers: Numbers = None,
    json: Json = False,
) -> None:
    """Close accounts at once, with what was granted by their windows."""
    with place.session() as session:
        done = session.call("window.close", **_chosen(accounts, domain, mac, numbers))
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
    """List open windows, used or waiting, and the time they have left.

    With --all also who opened them and why they closed.
    """
    filters = {
        "domain": "" if domain is None else required_domain(domain),
        "state": "" if everything else "live",
    }
    windows: dict[str, dict[str, Any]] = {}
    with place.session() as session, listing(json=False):
        for window in Rows(session, "windows", filters=filters):
            windows[window["account"]] = window  # one that is opened anew comes again
    found = sorted(windows.values(), key=_by_domain)
    if json:
        print_json_rows(found)
        return
    headers = ["account", "state", "left", "used by", "from"]
    if any(map(_bounds, found)):  # a column that no window fills is in the way
        headers.append("bounds")
    if everything:
        headers += ["opened by", "at", "closed by"]
    rows = [_row(window) for window in found]
    print_table(
        headers,
        [[row[header] for header in headers] for row in rows],
        empty="No window is open: bootwave window open ACCOUNT opens one.",
    )


def _by_domain(window: dict[str, Any]) -> tuple[str, str]:
    number, _, domain = window["account"].rpartition("@")
    return domain, number


def _row(window: dict[str, Any]) -> dict[str, str]:
    left = window["seconds_left"]
    return {
        "account": window["account"],
        "state": window["state"],
        "left": duration(left) if left else "",
        "used by": window["mac"],
        "from": window["source"],
        "bounds": _bounds(window),
        "opened by": window["opened_by"],
        "at": moment(window["opened_at"]),
        "closed by": window["closed_by"],
    }


def _bounds(window: dict[str, Any]) -> str:
    """Return which unknown phones may claim the account, "" for any or none."""
    if not window["wildcard"]:
        return ""
    most = window["most"]
    phones = f"{window['claims']} of {most} phone{'s' if most != 1 else ''}"
    parts = (
        phones if most else "",
        " ".join(window["ouis"]),
        " ".join(window["models"]),
        window["subnet"],
    )
    return ", ".join(part for part in parts if part)


def _chosen(
    accounts: list[str] | None,
    domain: str | None,
    macs: list[str] | None,
    numbers: list[str] | None,
) -> dict[str, Any]:
    if not accounts and not macs and domain is None:
        raise Misuse("Name the accounts, such as 401@pbx.example.com, or a --domain.")
    return {
        "accounts": accounts or [],
        "domain": domain,
        "macs": macs or [],
        "numbers": numbers or [],
    }


def _names(accounts: list[str]) -> str:
    if len(accounts) > 5:
        return f"{len(accounts):,} accounts"
    return ", ".join(accounts)
