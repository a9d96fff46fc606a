"""Windows: accounts that are open for provisioning by MAC alone."""

from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer
from bootwave.control.api.declarations import DomainIn, needs
from bootwave.control.api.forms import Body, DomainName, Shown
from bootwave.control.api.lists import Descending, Prefix, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem
from bootwave.control.api.resources.accounts import Number
from bootwave.control.api.resources.domains import PATH as DOMAINS
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.store.names import MAX_MINUTES

routes = Routes("windows")
PATH = DOMAINS + "/{domain}/windows"

# A number or a range; an @ would name another domain.
RANGE = r"^[A-Za-z0-9_.+-]{1,65}$"
Range = Annotated[str, Field(pattern=RANGE, examples=["400-449"])]
Ranges = Annotated[list[Range], Field(max_length=10_000)]
STATES = "^([a-z]+(,[a-z]+)*)?$"
States = Annotated[
    str,
    Query(
        max_length=32,
        pattern=STATES,
        description="open, used, ended, closed or live, or some of them with commas.",
        examples=["ended,closed"],
    ),
]
Few = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)]


class Opening(Body):
    """Which accounts are opened, for how long, and for which unknown phones."""

    numbers: Ranges = Field([], description="Numbers or ranges of them.")
    all: bool = Field(False, description="Whether all of the domain are opened.")
    minutes: Annotated[float, Field(gt=0, le=MAX_MINUTES)] | None = Field(
        None, description="Else as long as pairing.window_minutes says."
    )
    most: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="How many unknown phones may claim * and ? accounts."
    )
    ouis: Few = Field([], description="Of which makers those are.")
    subnet: Annotated[str, Field(max_length=64)] = Field(
        "", description="In which network those are."
    )
    models: Few = Field([], description="Which models those are.")


class Opened(Shown):
    """What was opened."""

    opened: list[str]
    unbound: list[str] = Field(description="Those that no phone can use.")
    wildcards: int
    opening: int
    minutes: float
    until: int = Field(description="Seconds since 1970.")


class Closed(Shown):
    """What was open until now."""

    closed: list[str]


class Window(Shown):
    """A window as it is now."""

    number: str
    domain: str
    wildcard: str
    state: str
    seconds_left: int
    until: int | None = Field(description="Seconds since 1970.")
    mac: str
    source: str
    opened_at: float | None
    opened_by: str
    most: int | None
    claims: int
    ouis: list[str]
    subnet: str
    models: list[str]
    closed_by: str


class WindowPage(Shown):
    """Some windows, and where the list goes on."""

    items: list[Window]
    next: str


@routes.get(PATH, WindowPage)
@needs(Need.READ, DomainIn())
async def list_all(
    domain: DomainName,
    rows: TheRows,
    ended: bool = False,
    state: States = "",
    number_prefix: Prefix = "",
    descending: Descending = False,
) -> Response:
    """List the windows of a domain that let a phone fetch now, or those ended, too.

    Or those in a *state* that is named, by the numbers of their accounts.
    """
    if ended and state:
        detail = "Say which states are meant, or that those ended are, too, not both."
        raise Problem(
            "invalid",
            detail,
            errors=[{"at": "query/ended", "detail": detail.removesuffix(".")}],
        )
    page = await rows.page(
        "windows",
        sort="number",
        descending=descending,
        domain=domain,
        state=state or ("" if ended else "live"),
        number_prefix=number_prefix,
    )
    return Answer({**page, "items": [_window(row) for row in page["items"]]})


def _window(row: dict[str, Any]) -> dict[str, Any]:
    number, _, domain = row["account"].rpartition("@")
    others = {name: value for name, value in row.items() if name != "account"}
    return {"number": number, "domain": domain, **others}


@routes.post(PATH, Opened)
@needs(Need.WRITE, DomainIn())
async def open_some(
    request: Request, domain: DomainName, wanted: Opening, asker: Asker, desk: TheDesk
) -> Response:
    """Open accounts for some minutes, all that are named or none.

    A window that is open already is replaced, and what was granted by it ends.
    """
    if wanted.all == bool(wanted.numbers):
        raise Problem("invalid", 'Name numbers, or say "all": true, and not both.')
    given = wanted.model_dump(exclude={"all"})
    return await desk.write(
        request,
        asker,
        "window.open",
        {"accounts": [], "domain": domain, **given},
        lambda opened: Answer(opened, 201),
    )


@routes.delete(PATH, Closed, 200)
@needs(Need.WRITE, DomainIn())
async def close_all(
    request: Request, domain: DomainName, asker: Asker, desk: TheDesk
) -> Response:
    """Close every window of a domain at once, and what was granted by them."""
    return await _close(request, domain, (), asker, desk)


@routes.delete(PATH + "/{number}", Closed, 200)
@needs(Need.WRITE, DomainIn())
async def close(
    request: Request, domain: DomainName, number: Number, asker: Asker, desk: TheDesk
) -> Response:
    """Close the window of one account at once, and what was granted by it."""
    return await _close(request, domain, (f"{number}@{domain}",), asker, desk)


async def _close(
    request: Request,
    domain: str,
    accounts: tuple[str, ...],
    asker: Asker,
    desk: TheDesk,
) -> Response:
    return await desk.write(
        request,
        asker,
        "window.close",
        {"accounts": list(accounts), "domain": domain},
        Answer,
    )
