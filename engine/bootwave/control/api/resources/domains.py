"""Domains: the tenants."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api.answers import Answer, created, nothing, shown
from bootwave.control.api.declarations import DomainIn, Everywhere, Reached, needs
from bootwave.control.api.entitytags import IfMatch, State, matches
from bootwave.control.api.forms import (
    DOMAIN_NAME,
    MAX_DOMAIN_CHARACTERS,
    Body,
    DomainName,
    Shown,
    not_given,
    refused_in_place,
)
from bootwave.control.api.lists import Descending, Prefix, TheRows
from bootwave.control.api.principals import Need
from bootwave.control.api.problems import Problem
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.store.domains import domains

routes = Routes("domains")
PATH = "/api/v1/domains"

Reach = Literal["", "auto", "direct", "proxy"]
Text = Annotated[str, Field(max_length=300)]


class _Fields(Body):
    """What is said of a domain is looked at one by one, to tell where it is wrong."""

    @field_validator(*domains.FIELDS, check_fields=False)
    @classmethod
    def _checked(cls, value: str, info: ValidationInfo) -> str:
        assert info.field_name is not None
        with refused_in_place():
            domains.checked_field(info.field_name, value)
        return value


class DomainFields(_Fields):
    """What may be said of a domain; an empty text says nothing."""

    registrar: Text = Field("", description="Where phones register; else the domain.")
    outbound_proxy: Text = Field("", description="Through which proxy they register.")
    language: Text = Field("", description="German, de or Deutsch.")
    timezone: Text = Field("", description="Germany, Europe/Berlin, UTC+1 or GER+1.")
    tone_scheme: Text = Field("", description="Germany, DE or GER.")
    wildcard_subnet: Text = Field(
        "", description="Where unknown phones may claim a '*' or '?' account."
    )
    reach: Reach = Field("", description="How its phones are told something.")


class NewDomain(DomainFields):
    """A domain that is added."""

    name: Annotated[
        str,
        Field(
            pattern=DOMAIN_NAME,
            max_length=MAX_DOMAIN_CHARACTERS,
            examples=["pbx.example.com"],
        ),
    ]


class DomainChange(_Fields):
    """What is changed of a domain; what is not given stays."""

    registrar: Text = not_given()
    outbound_proxy: Text = not_given()
    language: Text = not_given(examples=["de"])
    timezone: Text = not_given(examples=["Europe/Berlin"])
    tone_scheme: Text = not_given()
    wildcard_subnet: Text = not_given()
    reach: Reach = not_given()


class Domain(Shown):
    """A domain."""

    name: str = Field(examples=["pbx.example.com"])
    registrar: str
    outbound_proxy: str
    language: str
    timezone: str
    tone_scheme: str
    wildcard_subnet: str
    reach: str


class ListedDomain(Domain):
    """A domain in the list, with how much it has."""

    accounts: int
    devices: int
    token: str = Field(description="required or optional: that in URLs; empty: none.")


class DomainPage(Shown):
    """Some domains, and where the list goes on."""

    items: list[ListedDomain]
    next: str


@routes.get(PATH, DomainPage)
@needs(Need.READ, Reached())
async def list_all(
    rows: TheRows, name_prefix: Prefix = "", descending: Descending = False
) -> Response:
    """List the domains that are reached, by name."""
    return await rows.answer("domains", descending=descending, name_prefix=name_prefix)


@routes.post(PATH, Domain, tagged=True)
@needs(Need.WRITE, Everywhere())
async def add(
    request: Request, new: NewDomain, asker: Asker, desk: TheDesk
) -> Response:
    """Add a domain."""
    return await desk.write(
        request,
        asker,
        "domain.add",
        new.model_dump(),
        lambda made: created(f"{PATH}/{made['name']}", made),
        state=_state_of(new.name),
    )


@routes.get(PATH + "/{domain}", Domain, tagged=True)
@needs(Need.READ, DomainIn())
async def show(domain: DomainName, asker: Asker, desk: TheDesk) -> Response:
    """Show a domain."""
    found = await desk.read(asker, "domain.show", name=domain)
    return shown(found, desk.tag(found))


@routes.patch(PATH + "/{domain}", Domain, tagged=True)
@needs(Need.WRITE, DomainIn())
async def change(
    request: Request,
    domain: DomainName,
    wanted: DomainChange,
    asker: Asker,
    desk: TheDesk,
    if_match: IfMatch = None,
) -> Response:
    """Change what is given of a domain; an empty text takes a value away."""
    given = wanted.model_dump(exclude_unset=True)
    if "wildcard_subnet" in given and asker.domains is not None:
        # It says whose the unknown phones of a network are, of other domains, too.
        raise Problem(
            "forbidden",
            "Which network's unknown phones a domain gets says who administers all "
            "domains: ask an operator.",
        )
    return await desk.write(
        request,
        asker,
        "domain.set",
        {"name": domain, **given},
        Answer,
        check=matches(if_match, _state_of(domain)),
        state=_state_of(domain),
    )


@routes.delete(PATH + "/{domain}")
@needs(Need.WRITE, Everywhere())
async def remove(
    request: Request,
    domain: DomainName,
    asker: Asker,
    desk: TheDesk,
    force: bool = False,
    if_match: IfMatch = None,
) -> Response:
    """Remove a domain; one that is not empty only with force."""
    return await desk.write(
        request,
        asker,
        "domain.remove",
        {"name": domain, "force": force},
        lambda _gone: nothing(),
        check=matches(if_match, _state_of(domain)),
    )


def _state_of(domain: str) -> State:
    return lambda work: domains.shown(work, domain)
