"""Accounts: the extensions of a domain, and what they are bound to."""

from typing import Annotated, Any

from fastapi import Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, created, nothing, shown
from bootwave.control.api.declarations import DomainIn, needs
from bootwave.control.api.entitytags import IfMatch, State, matches
from bootwave.control.api.forms import ONE_LINE, Body, DomainName, Shown, not_given
from bootwave.control.api.lists import Descending, Prefix, Sort, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.resources.domains import PATH as DOMAINS
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.store.domains import accounts
from bootwave.store.names import MAX_MAILBOX_CHARACTERS
from bootwave.store.work import Work

routes = Routes("accounts")
PATH = DOMAINS + "/{domain}/accounts"

# Without an @: the domain is the one in the path and no other.
NUMBER = r"^[A-Za-z0-9_.+-]{1,32}$"
Number = Annotated[str, Path(pattern=NUMBER, examples=["401"])]
Text = Annotated[str, Field(max_length=128, pattern=ONE_LINE)]
Mailbox = Annotated[str, Field(max_length=MAX_MAILBOX_CHARACTERS, pattern=ONE_LINE)]
_OCTETS = "[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}"
_DOTTED = r"[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}"
TARGET = rf"^(?:[0-9A-Fa-f]{{12}}|{_OCTETS}|{_DOTTED}|[*?]|)$"


class AccountFields(Body):
    """What may be said of an account."""

    name: Text = Field("", description="The display name.", examples=["Anna"])
    mailbox: Mailbox = ""
    auth_user: Text = Field("", description="Whom the phone signs in as; else number.")


class NewAccount(AccountFields):
    """An account that is added."""

    number: Annotated[str, Field(pattern=NUMBER, examples=["401"])]
    password: Annotated[Text, Field(min_length=1)] = Field(
        description="The SIP password, which is never shown.", examples=["s3cret-word"]
    )
    mac: Annotated[str, Field(pattern=TARGET)] = Field(
        "", description="The phone it is bound to, * or ?.", examples=["0004132E08B4"]
    )


class AccountChange(Body):
    """What is changed of an account; what is not given stays."""

    name: Text = not_given()
    password: Annotated[Text, Field(min_length=1)] = not_given()
    mailbox: Mailbox = not_given()
    auth_user: Text = not_given()


class Binding(Shown):
    """A phone that has the account, as which identity."""

    mac: str = Field(examples=["0004132E08B4"])
    identity: int
    temporary: bool


class Account(Shown):
    """An account, without its password."""

    number: str = Field(examples=["401"])
    domain: str = Field(examples=["pbx.example.com"])
    name: str
    auth_user: str
    mailbox: str
    wildcard: str
    profile: str
    bound: list[Binding]


class AccountPage(Shown):
    """Some accounts, and where the list goes on."""

    items: list[Account]
    next: str


@routes.get(PATH, AccountPage)
@needs(Need.READ, DomainIn())
async def list_all(
    domain: DomainName,
    rows: TheRows,
    number_prefix: Prefix = "",
    name_prefix: Prefix = "",
    sort: Sort = "",
    descending: Descending = False,
) -> Response:
    """List the accounts of a domain, by number or by name."""
    page = await rows.page(
        "accounts",
        sort=sort,
        descending=descending,
        domain=domain,
        number_prefix=number_prefix,
        name_prefix=name_prefix,
    )
    return Answer({**page, "items": [_account(row) for row in page["items"]]})


@routes.post(PATH, Account, tagged=True)
@needs(Need.WRITE, DomainIn())
async def add(
    request: Request, domain: DomainName, new: NewAccount, asker: Asker, desk: TheDesk
) -> Response:
    """Add an account to a domain, and bind it if a phone is given."""
    fields = new.model_dump()
    number = fields.pop("number")

    def answer(made: dict[str, Any]) -> Response:
        account = _account(made)
        path = PATH.format(domain=account["domain"])
        return created(f"{path}/{number}", account)

    return await desk.write(
        request,
        asker,
        "account.add",
        {"account": f"{number}@{domain}", **fields},
        answer,
        state=state_of(domain, number),
    )


@routes.get(PATH + "/{number}", Account, tagged=True)
@needs(Need.READ, DomainIn())
async def show(
    domain: DomainName, number: Number, asker: Asker, desk: TheDesk
) -> Response:
    """Show an account."""
    found, tag = await desk.read_tagged(
        asker,
        state_of(domain, number),
        "account.show",
        account=f"{number}@{domain}",
    )
    return shown(_account(found), tag)


@routes.patch(PATH + "/{number}", Account, tagged=True)
@needs(Need.WRITE, DomainIn())
async def change(
    request: Request,
    domain: DomainName,
    number: Number,
    wanted: AccountChange,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Change what is given of an account."""
    state = state_of(domain, number)
    return await desk.write(
        request,
        asker,
        "account.set",
        {"account": f"{number}@{domain}", **wanted.model_dump(exclude_unset=True)},
        lambda changed: Answer(_account(changed)),
        check=matches(if_match, state),
        state=state,
    )


@routes.delete(PATH + "/{number}")
@needs(Need.WRITE, DomainIn())
async def remove(
    request: Request,
    domain: DomainName,
    number: Number,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Remove an account with its bindings, window and settings."""
    return await desk.write(
        request,
        asker,
        "account.remove",
        {"account": f"{number}@{domain}"},
        lambda _gone: nothing(),
        check=matches(if_match, state_of(domain, number)),
    )


def state_of(domain: str, number: str) -> State:
    """Return what tells whether an account is as it was, its password included."""

    def state(work: Work) -> dict[str, Any]:
        row = work.account(f"{number}@{domain}")
        password = accounts.sealed_of(work, row).hex()
        return {**_account(accounts.shown(work, row)), "password": password}

    return state


def _account(row: dict[str, Any]) -> dict[str, Any]:
    """Return what is shown of an account: not its window, which changes by itself."""
    number, _, domain = row["account"].rpartition("@")
    names = ("name", "auth_user", "mailbox", "wildcard", "profile", "bound")
    return {"number": number, "domain": domain, **{name: row[name] for name in names}}
