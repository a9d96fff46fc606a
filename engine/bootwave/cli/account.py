"""``bootwave account``, but for import."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.misuse import NOTHING_GIVEN, Misuse
from bootwave.cli.output import (
    Json,
    hint,
    moment,
    print_json,
    print_json_rows,
    print_line,
    print_table,
)
from bootwave.cli.password import (
    Password,
    PasswordStdin,
    password_from,
    required_password,
)
from bootwave.cli.rows import Rows, listing
from bootwave.phone.mac import is_snom, required_mac
from bootwave.store.names import required_account, required_domain

Account = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT", help="As 401@pbx.example.com.", show_default=False
    ),
]
DisplayName = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="The display name.")
]
Mailbox = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Number of the mailbox.")
]
AuthUser = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="User for authentication; else the number."),
]
Domain = Annotated[
    str | None, typer.Option(metavar="DOMAIN", help="Only those of this domain.")
]

_TOLD = ("account", "name", "auth_user", "mailbox", "wildcard", "profile", "bound")


def add(
    account: Account,
    name: DisplayName = None,
    password: Password = None,
    password_stdin: PasswordStdin = False,
    mac: Annotated[
        str, typer.Option(metavar="MAC", help="Bind it, as account bind does.")
    ] = "",
    mailbox: Mailbox = None,
    auth_user: AuthUser = None,
    json: Json = False,
) -> None:
    """Add an account and, with --mac, bind it to a phone."""
    from bootwave.store.domains.accounts import checked_fields

    # Nobody types a password for what is refused.
    named = required_account(account)
    checked_fields(name or "", auth_user or "", mailbox or "")
    if mac.strip() not in ("", "*", "?"):
        required_mac(mac)
    if password is None:
        # Its own session: an engine may be restarted while somebody types.
        with place.session() as session:
            session.call("domain.show", name=named.domain)
    secret = required_password(password, password_stdin)
    with place.session() as session:
        made = session.call(
            "account.add",
            account=account,
            password=secret,
            name=name or "",
            mac=mac,
            mailbox=mailbox or "",
            auth_user=auth_user or "",
        )
    if json:
        print_json(made)
    else:
        print_line(f"Added {made['account']}{_bound_to(made)}.")
        for one in made["bound"]:
            _hint_at_vendor(one["mac"])


def change(
    account: Account,
    name: DisplayName = None,
    password: Password = None,
    password_stdin: PasswordStdin = False,
    mailbox: Mailbox = None,
    auth_user: AuthUser = None,
    json: Json = False,
) -> None:
    """Change what is given of an account; "" takes a value away."""
    secret = password_from(password, password_stdin)
    if all(given is None for given in (name, secret, mailbox, auth_user)):
        raise Misuse(NOTHING_GIVEN)
    with place.session() as session:
        changed = session.call(
            "account.set",
            account=account,
            name=name,
            password=secret,
            mailbox=mailbox,
            auth_user=auth_user,
        )
    if json:
        print_json(changed)
    else:
        print_line(f"Changed {changed['account']}.")


def list_all(domain: Domain = None, json: Json = False) -> None:
    """List accounts and what they are bound to."""
    with place.session() as session, listing(json=json):
        if domain is None:
            found = Rows(session, "accounts", sort="domain")
        else:
            here = {"domain": required_domain(domain)}
            found = Rows(session, "accounts", filters=here, sort="number")
        if json:
            print_json_rows({name: one[name] for name in _TOLD} for one in found)
            return
        rows = [
            (
                one["account"],
                one["name"],
                _bindings(one),
                one["mailbox"],
                one["profile"],
            )
            for one in found
        ]
    print_table(
        ("account", "name", "bound to", "mailbox", "profile"),
        rows,
        empty="There are no accounts: bootwave account add ACCOUNT adds one.",
    )


def show(account: Account, json: Json = False) -> None:
    """Show one account, but for its password."""
    with place.session() as session:
        found = session.call("account.show", account=account)
    if json:
        print_json(found)
        return
    facts = (
        ("account", found["account"]),
        ("name", found["name"]),
        ("auth user", found["auth_user"]),
        ("mailbox", found["mailbox"]),
        ("profile", found["profile"]),
        ("bound to", _bindings(found)),
        ("window", _window(found["window"])),
    )
    for fact, value in facts:
        print_line(f"{fact + ':':<10} {value}".rstrip())


def remove(account: Account, json: Json = False) -> None:
    """Remove an account with its bindings, window and settings."""
    with place.session() as session:
        gone = session.call("account.remove", account=account)
    if json:
        print_json(gone)
    else:
        print_line(f"Removed {gone['account']}.")


def bind(
    account: Account,
    mac: Annotated[
        str,
        typer.Argument(
            metavar="MAC",
            help="A phone's MAC; '*' for the first unknown phone, '?' for a while.",
            show_default=False,
        ),
    ],
    add: Annotated[
        bool, typer.Option("--add", help="Keep what it is bound to already.")
    ] = False,
    json: Json = False,
) -> None:
    """Bind an account to a phone, instead of what it was bound to."""
    with place.session() as session:
        done = session.call("account.bind", account=account, mac=mac, add=add)
    if json:
        print_json(done)
    elif "identity" in done:
        print_line(
            f"{done['account']} is identity {done['identity']} of {done['bound']}."
        )
        _hint_at_vendor(done["bound"])
    else:
        print_line(f"{done['account']} is bound to {done['bound']!r}.")


def unbind(
    account: Account,
    mac: Annotated[
        str | None,
        typer.Argument(metavar="MAC", help="This one; else all.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Take one binding, or all, from an account; what it granted ends at once."""
    with place.session() as session:
        done = session.call("account.unbind", account=account, mac=mac)
    if json:
        print_json(done)
    else:
        taken = ", ".join(done["unbound"]) or "nothing: it was not bound"
        print_line(f"{done['account']} is no longer bound to {taken}.")


def _hint_at_vendor(mac: str) -> None:
    if not is_snom(required_mac(mac)):
        hint(
            f"{mac} is not of a snom block: see that it is the MAC on the phone's "
            "label."
        )


def _bindings(account: dict[str, Any]) -> str:
    parts = [repr(account["wildcard"])] if account["wildcard"] else []
    for bound in account["bound"]:
        extra = f"#{bound['identity']}" if bound["identity"] != 1 else ""
        parts.append(bound["mac"] + extra + ("?" if bound["temporary"] else ""))
    return ", ".join(parts)


def _window(window: dict[str, Any]) -> str:
    """Return the state of a window, who opened it, and why it closed."""
    state: str = window["state"]
    if window["closed_by"]:
        state += f" by {window['closed_by']}"
    if window["opened_by"]:
        state += f", opened by {window['opened_by']} at {moment(window['opened_at'])}"
    return state


def _bound_to(account: dict[str, Any]) -> str:
    bindings = _bindings(account)
    return f", bound to {bindings}" if bindings else ""
